/** One point of a host's history: means over the interval that ends at `atMs`. */
export interface HistoryPoint {
  /** The host's own calendar. */
  atMs: number
  cpu?: number
  memoryUsedBytes: number
  diskAvailableBytes: number
  receivedBytesPerSecond: number
  sentBytesPerSecond: number
  load1?: number
  agentCpu?: number
  agentResidentBytes: number
}

/** What a host may not offer. */
export const optionalFigures = ['cpu', 'load1', 'agentCpu'] as const
export const byteFigures = [
  'memoryUsedBytes',
  'diskAvailableBytes',
  'receivedBytesPerSecond',
  'sentBytesPerSecond',
  'agentResidentBytes',
] as const
export const figures = [...optionalFigures, ...byteFigures] as const

export type OptionalFigure = (typeof optionalFigures)[number]
export type Figure = (typeof figures)[number]
