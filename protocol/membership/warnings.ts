/** What a host warns of itself, in the few bits that travel with its load. Places are for ever. */

export const warningKinds = [
  'diskFull',
  'memoryFull',
  'agentGrows',
  'unusualCpu',
  'unusualMemory',
] as const
export type WarningKind = (typeof warningKinds)[number]

/** What a newer agent warns of besides is passed over. */
export function warningsIn(bits: number): WarningKind[] {
  return warningKinds.filter((_, place) => Math.floor(bits / 2 ** place) % 2 === 1)
}

export function warningBits(kinds: readonly WarningKind[]): number {
  return kinds.reduce((bits, kind) => bits | (1 << warningKinds.indexOf(kind)), 0)
}
