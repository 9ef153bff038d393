/**
 * What a host knows about itself. Figures are what the operating system reports, in base units;
 * what a platform does not offer is `undefined`, never zero.
 */
export interface HostFacts {
  hostname: string
  platform: string
  kernel: string
  arch: string
  cpuModel: string
  /** Logical cores of the machine. */
  cores: number
  /** Cores this agent may use: the machine's, or less under a container's or cgroup's quota. */
  coresUsable: number
  memoryBytes: number
  /** Memory this agent may use, under the same limits. */
  memoryUsableBytes: number
  /** `container`, `virtual` or `physical`, as far as the host tells. */
  kind: 'container' | 'virtual' | 'physical' | 'unknown'
}

export interface DiskSample {
  mount: string
  totalBytes: number
  /** What an unprivileged program may still write. */
  availableBytes: number
  readBytesPerSecond?: number
  writtenBytesPerSecond?: number
}

export interface NetworkSample {
  interface: string
  receivedBytesPerSecond: number
  sentBytesPerSecond: number
}

export interface TemperatureSample {
  sensor: string
  celsius: number
}

/** Share of the time in which some task waited for the resource, over ten seconds (Linux PSI). */
export interface PressureSample {
  cpu: number
  memory: number
  io: number
}

export interface Sample {
  /** When the sample was taken: `Clock.wall()`. */
  takenAtMs: number
  /** Busy share of all usable cores since the sample before, 0 to 1. Absent in the first. */
  cpu?: number
  /** The same for each core. */
  cpuPerCore?: number[]
  load?: readonly [one: number, five: number, fifteen: number]
  memoryTotalBytes: number
  memoryAvailableBytes: number
  /** Both or neither. Zero is a host without swap; absent is a platform that does not tell. */
  swapTotalBytes?: number
  swapUsedBytes?: number
  disks: DiskSample[]
  network: NetworkSample[]
  temperatures: TemperatureSample[]
  pressure?: PressureSample
  uptimeSeconds: number
  /** What the agent itself costs. `cpu` is a share of one core. */
  agent: { cpu?: number; residentBytes: number; heapUsedBytes: number }
}

export interface Telemetry {
  facts(): Promise<HostFacts>
  /** Cheap, synchronous, and without child processes: it runs on the main loop every second. */
  sample(): Sample
}
