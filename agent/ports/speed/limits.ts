/** How long each part of finding a host's speed out takes: half a second in all. */
export const speedLimits = {
  /** Everybody else goes first. */
  priority: 19,
  warmUpMs: 50,
  cpuMs: 150,
  memoryMs: 100,
  /** Larger than most caches of one core. */
  memoryBytes: 16 << 20,
  diskBytes: 8 << 20,
  blockBytes: 1 << 20,
  smallBytes: 4_096,
  syncs: 9,
  /** A process that is not done by then is ended: the host has better things to do. */
  processMsMax: 20_000,
  saidBytesMax: 4_096,
} as const
