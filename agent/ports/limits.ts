/** Bounds of the real ports, each with what happens when it is reached. */
import { assert } from '../../protocol/assert.ts'

/** The longest delay that the runtime's timers take; a longer one is armed again when it fires. */
export const timerDelayMsMax = 2 ** 31 - 1

/**
 * Intervals that are multiples of this are called at ticks that all of a host's share. It wakes less
 * often then: measured on an idle leader, two times a second instead of seven.
 */
export const tickMs = 500

/** So long they wait for something else to wake the host. An idle one is woken some times a second. */
export const tickGraceMs = 400

export const diskLimits = {
  /**
   * LevelDB's block cache. The agent reads little more than once, and the kernel caches the files
   * as well, so LevelDB's own 8 MiB would only stay resident.
   */
  cacheBytes: 1 << 20,
  /**
   * LevelDB holds up to two of these in memory; the log is turned into a table when one is full, and
   * every fourth table is merged with most of those before it. With 1 MiB an entry of 256 bytes cost
   * a follower's disk and state 8% more, and after 62 MB of writes 11 MiB were resident in place of
   * 14. An idle agent writes 15 KiB in five minutes, and does not fill either for hours.
   */
  writeBufferBytes: 4 << 20,
  /** Tables are mapped into memory: `openFilesMax` times this bounds the mapped bytes. */
  tableBytesMax: 1 << 20,
  /** LevelDB takes no less than 74: ten for itself, the rest for tables. */
  openFilesMax: 74,
  /** One coalesced batch takes no more than this, unless a single batch is larger. */
  groupBytesMax: 1 << 20,
  groupOpsMax: 4_096,
  /** Waiting to be written, values and keys. A write beyond it is refused with `failed`. */
  queueBytesMax: 64 << 20,
  /**
   * Left free on the file system. A batch that puts anything is refused with `full` below it,
   * before LevelDB meets a full disk: a log torn by a failed append cannot be written on.
   */
  freeBytesMin: 16 << 20,
  /** Free space is asked for again after this many bytes were written. */
  freeSpaceCheckBytes: 1 << 20,
  /** And after this long. */
  freeSpaceCheckMs: 1_000,
} as const
assert(
  diskLimits.freeBytesMin >= 2 * diskLimits.writeBufferBytes + 2 * diskLimits.freeSpaceCheckBytes,
  'the reserve must hold what is written between two looks at it',
)

export const workspaceLimits = {
  /** Files of a directory that are counted; each is a call of the system, some 20 µs. */
  countedFilesMax: 20_000,
  /** How old the word on what is left of the disk may be. */
  freeBytesAgeMs: 500,
  /** Empty directories that are kept to be used again: each takes a block. Others are removed. */
  spareMax: 2_048,
  /** When no directory was wanted for so long, and up to twice that, none is kept. */
  spareMs: 30_000,
} as const

/** Keys and tokens. A file larger than this in their place is a mistake. */
export const secretBytesMax = 64 << 10

export const secretFileLimits = {
  /** To make a folder below a directory that is removed again and again when it is empty. */
  triesMax: 10,
} as const

export const blobLimits = {
  /**
   * Left free on the file system of the blobs, whatever their quota: the agent's own store is to
   * find room when they do not. Below it, what would add bytes is refused with `full`.
   */
  freeBytesMin: 256 << 20,
  /** The thread is ended after so long without a request; the next one starts another. */
  threadIdleMs: 10_000,
} as const
assert(
  blobLimits.freeBytesMin > 2 * diskLimits.freeBytesMin,
  'blobs must leave room for the store, and for what it writes meanwhile',
)

export const processLimits = {
  /**
   * How long a program that has exited may go on being reported as running because one of its
   * children floods the pipe that they share. Output beyond it is delivered after the exit.
   */
  drainMsMax: 1_000,
  /** A look at all processes of the host answers for all groups that are asked about so soon after. */
  lookGoodMs: 5,
} as const

export const cellLimits = {
  /** Named pipes made at a time, for the outputs of cells: one program makes them all. */
  pipesMadeAtOnce: 32,
  /** Of pipes that nobody uses, those that the agent keeps its end of open. Others are opened again. */
  pipeEndsKept: 128,
  /** How long a program runs before what it writes is listened to: most are over by then. */
  listenAfterMs: 25,
  /** How often a program of an earlier life, whose end nobody tells of, is looked at. */
  orphanPollMs: 50,
  /** The same for one of this life: whoever was to tell of its end may have been killed. */
  programPollMs: 2_000,
  /** From a program's end to its record. One that is not there by then never comes. */
  recordWaitMsMax: 1_000,
  /**
   * After a look at all processes there is a rest of so many times what it took: some 4% of a core,
   * since to look by other threads takes two to five times what it would by one, much of it waiting.
   */
  censusRestFactor: 8,
  /** Of the threads that look, for ends and for who is to be killed: the disk needs some as well. */
  censusReadersMax: 2,
  /** But no longer than this: ends wait for the next look. */
  censusRestMsMax: 500,
  /** While everything is being stopped, for so long after it began, the rest is this at most. */
  hurryMs: 2_000,
  hurriedRestMs: 5,
  /**
   * How long a process is waited for that is in no group of this agent's, while it becomes another
   * program: whoever wants to see that all is gone has no longer. It is read all the same, with so
   * many others at a time; of the rest so many are kept, and beyond that they are waited for.
   */
  strangersMsMax: 50,
  slowReadsMax: 2,
  slowReadsWaitingMax: 4_096,
  /** To make a group, or to enter it: as many agents may begin on one host at once. */
  groupTriesMax: 16,
  /** Between two looks for those who are left, of cells that are killed all at once. */
  killAgainMs: 2,
  /**
   * Where the kernel was told of all, nothing more is done for so long: hosts that share cores with
   * this one may have that before them.
   */
  killedRestMs: 50,
  /** Arguments and environment for the nursery. What is longer is started directly. */
  nurseryCommandLengthMax: 64 << 10,
  /** Processes of one cell that are looked at for its usage. Those beyond are not counted. */
  observedProcessesMax: 256,
  /**
   * What all stages of an agent weigh together where the cores do not suffice: 5% of what any other
   * part of the host weighs (1024, or 100 in version 2), and the priority that each runs at.
   */
  stageShares: 51,
  stageWeight: 5,
  /** What they weigh while they are being killed: as much as any other part. */
  dyingShares: 1024,
  dyingWeight: 100,
  /**
   * And where the kernel has killed all of them, who do nothing else then: four times that. With a
   * hundred times, agents that share the cores with them heard of the stop up to 86 ms later.
   */
  condemnedShares: 4_096,
  condemnedWeight: 400,
  /** Of each second, where real time is rationed by group: more than the dying have of it. */
  dyingRationUs: 100_000,
  stagePriority: 10,
  /** What the agent's session has from hearing a stop until it kills: nine times what others weigh. */
  hurriedPriority: -10,
  /** Over which a quota of cores holds, and the least that the kernel takes. */
  cpuPeriodUs: 100_000,
  cpuQuotaUsMin: 1_000,
} as const

export const letterLimits = {
  /** One that is larger is thrown away unread, and so many are read at a time. */
  bytesMax: 64 << 10,
  readAtOnceMax: 64,
} as const

export const webLimits = {
  /** Headers of an answer that are kept; the rest is left out. */
  headersMax: 64,
} as const

export const functionLimits = {
  /** Least heap of a thread; below it, Node itself does not start. */
  heapMiBMin: 16,
  /** How long a message may be that tells what a function threw. */
  messageLengthMax: 2_000,
} as const

export const inferenceLimits = {
  /** A process with the runtime in it is ended after so long without a request. */
  idleMs: 30_000,
  /**
   * And one that was missed within this time of the last request, after so long: to start it and to open
   * what it trains with takes five times what a round in it does (128 ms of CPU and 24, measured).
   */
  idleMsMax: 90_000,
  /** To start it, on a host with much else to do. Measured on an idle one: 0.15 s. */
  startMsMax: 60_000,
  /** What takes longer is ended, and the process with it: native code cannot be interrupted. */
  openMsMax: 20_000,
  runMsMax: 20_000,
  /** And for whoever waits behind others. */
  waitMsMax: 30_000,
  waitingMax: 256,
  sessionsMax: 64,
  /** Models are kept, to be opened again in the next process. */
  modelBytesMax: 16 << 20,
  modelsBytesMax: 64 << 20,
  /** All tensors of one run, in and out. 64 stages on 64 hosts take 1 MiB. */
  tensorBytesMax: 64 << 20,
  tensorsMax: 64,
  /**
   * Rows that take so much or more are sent without what they repeat. What is smaller arrives at once
   * as it is.
   */
  foldedBytesMin: 64 << 10,
  /** A head has a letter for each column of what is sent so. */
  foldedColumnsMax: 512,
  /** Runs that are asked for at once, one after the other; others wait meanwhile. */
  stepsMax: 32,
  rankMax: 8,
  /** What is said of the tensors, besides their numbers. */
  headBytesMax: 64 << 10,
  /** What the process may have in memory; 80 MiB are the runtime's own. It is killed beyond. */
  residentBytesMax: 512 << 20,
  /** How often that is looked at, while something runs. */
  residentLookMs: 25,
  /** A session that has ended so many processes is run no more. */
  deathsMax: 2,
  /**
   * The lowest that there is, of the process and of its session: the agent and its stages come first,
   * and the stages of a host weigh little themselves.
   */
  priority: 19,
  heapMiB: 192,
  /** What the process complains of last is told with its death. */
  complaintLengthMax: 500,
} as const
assert(
  inferenceLimits.residentBytesMax >= 4 * inferenceLimits.tensorBytesMax,
  'the largest tensors must fit into memory, in and out, and once more in the runtime',
)
/** What the kernel makes of a priority: a tenth of a core more or less for each step. */
const sharesAt = (priority: number) => 1_024 * 0.8 ** priority
assert(
  2 * sharesAt(inferenceLimits.priority) < cellLimits.stageShares,
  'models give way to stages, which give way to all else',
)
assert(
  inferenceLimits.priority > cellLimits.stagePriority,
  'and do so where the system weighs processes alone',
)
assert(
  inferenceLimits.headBytesMax >= 2 * inferenceLimits.tensorsMax * inferenceLimits.foldedColumnsMax,
  'letters of all columns must fit into a head, and as much besides',
)

export const heapRestLimits = {
  /** Of one core. Below it, for so many samples in a row, the agent has become quiet. */
  quietCpu: 0.05,
  quietSamples: 3,
  /** A young generation that is smaller is left as it is. */
  youngBytesMax: 4 * 1024 * 1024,
  /**
   * By so much a quiet agent's heap may have grown until it is swept, which takes it near half an
   * hour. A sweep costs as much CPU as half a minute of rest.
   */
  grownBytesMax: 6 * 1024 * 1024,
  /** No sooner than after so many samples: each sweep holds the agent up for 30 ms. */
  sweepSamplesMin: 60,
  /**
   * With 50, what strangers send makes an agent grow by up to 31 MiB in half a minute, and it stays so
   * large; with this by 2 to 7 (measured: skein bench fuzz, three times each).
   */
  growthPercent: 25,
  /**
   * Consensus and ledger take a follower 8.5 µs of CPU for an entry of 256 bytes at 50, 6.1 µs at
   * this, and 5.8 µs without any bound.
   */
  busyGrowthPercent: 200,
  /**
   * While attempts run, a full collection may come upon an emergency stop, and takes 0.1 s of two cores
   * that stages want as well (seen in one of thirty): four times as seldom.
   */
  workGrowthPercent: 100,
  /** Applied from one sample to the next, which is a second on a busy host. */
  busyEntries: 500,
} as const

export const bufferReliefLimits = {
  /** Received from one look at what is held to the next: a look takes 2 µs. */
  lookBytes: 256 * 1024,
  /** More than so much garbage of it is collected at once, which takes a millisecond. */
  garbageBytesMax: 3 * 1024 * 1024,
} as const

export const loopLagLimits = {
  /**
   * What a native timer at this pace costs: 0.03% of a core. At 100 ms it costs 0.06%, at 50 ms
   * 0.11%, at 10 ms 0.3%.
   */
  resolutionMs: 200,
  /** The window that a reading tells of. */
  windowMs: 10_000,
  /** The window is made of slices no shorter than this, each with its own percentile. */
  sliceMs: 1_000,
} as const

export const telemetryLimits = {
  /** Bytes read from one file of /proc; 1,000 cores need 80 KiB. What lies beyond is not seen. */
  fileBytesMax: 128 << 10,
  /** Rates are not taken over less than this: the kernel counts CPU time in steps of 10 ms. */
  rateIntervalMsMin: 100,
  /** Limits of the container, mounts and interfaces are looked up again after this long. */
  layoutIntervalMs: 30_000,
  /** Some sensors take milliseconds to answer, and heat changes slowly. */
  temperatureIntervalMs: 15_000,
  /** A sensor that was slower than this once is not asked again. */
  sensorReadMsMax: 5,
  /** The first ones count. */
  sensorsMax: 16,
  interfacesMax: 32,
} as const
