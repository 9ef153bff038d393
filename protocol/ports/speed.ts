/** How quick a host is, found out by doing a little of each kind of work. */
export interface HostSpeed {
  /** Rounds of a fixed piece of arithmetic in a second of one core. */
  readonly cpuRoundsPerSecond: number
  readonly memoryBytesPerSecond: number
  /** Written and synced, where the agent keeps its data. Both absent where that takes nothing. */
  readonly diskBytesPerSecond?: number
  /** One small write, until it is safe. */
  readonly syncMs?: number
}

export interface SpeedGauge {
  /**
   * Takes a second of one core at most, when nobody else wants it. Rejects where it cannot be found
   * out, and when it is given up.
   */
  measure(givenUp: AbortSignal): Promise<HostSpeed>
}

/**
 * What counts as usual: what one core of the virtual server did on which this was written. It only has
 * to be the same for all hosts, so that they can be compared.
 */
export const usualRoundsPerSecond = 40_000
