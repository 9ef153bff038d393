/**
 * Every number that membership lives by, with its reason. Times are for meshes on a local network;
 * those that depend on the size of the mesh are functions of it.
 */
import { assert } from '../assert.ts'

export const limits = {
  /** An incarnation a millisecond for 35,000 years: no member has come by more honestly. */
  incarnationMax: 2 ** 50,
  /** An age is told as no more than this: 35 years, and far from where numbers stop being exact. */
  ageMsMax: 2 ** 40,
  /** Peers of whom it is remembered when they were asked for a digest, so that none is asked often. */
  peersAskedMax: 256,
  peerAskedMs: 1_000,

  /** Members kept, in any state. A peer inside the swarm can mint identities; this bounds what they cost. */
  membersMax: 4096,
  /** Dead and left members kept for people to see, and for how long. The oldest go first. */
  goneKeptMax: 512,
  goneKeptMs: 24 * 3_600_000,

  /** A ring neighbour not heard of for this long is probed. */
  probeIntervalMs: 900,
  /** One that is awake anyway asks the next on the ring already after this share of such a silence. */
  alongShare: 0.8,
  /** And one of the others each time that so many intervals have passed. */
  strayTimes: 2,
  strayTimesSmall: 8,
  /** An unanswered ping is sent again once, in case the first was lost on a breaking stream. */
  pingAgainAfterMs: 100,
  /** After this, others are asked to try (SWIM's indirect probe). */
  directTimeoutMs: 200,
  /** Everybody is asked once more: with 5% of frames lost, one round alone accuses in vain. */
  lastTryMs: 325,
  /** And after this, counted from the start of the probe, the target is suspected. */
  probeTimeoutMs: 450,
  /** A proxy says that it got no answer either (Lifeguard's nack) when this share of the wait is over. */
  nackShare: 0.8,
  proxies: 3,
  /**
   * Whoever answers others only, so often in a row, is not reached over the connection to it: TCP may
   * be waiting, for minutes after a bad time on the wire, before it sends again what was lost.
   */
  byOthersMax: 2,
  probesInFlightMax: 16,
  relaysMax: 256,
  /** Ring neighbours that look for themselves when a node is accused (as in Rapid). */
  ringWatchers: 3,

  /** Lifeguard's local health: 0 is well; each step makes this node slower to accuse. */
  localHealthMax: 8,
  /** A wake-up this late means that it was we who stopped, not they. */
  latenessToleratedMs: 80,
  /** After a sleep, for this long: accusations heard in passing are not believed, deaths doubted. */
  drowsyMs: 500,

  /** The shortest suspicion, reached when `confirmations` others suspect too; the longest is a multiple. */
  suspicionBaseMs: 500,
  suspicionMaxTimes: 4,
  confirmations: 3,
  /** So long before the verdict, this many others are asked whether they know better. */
  inquestMs: 200,
  witnesses: 2,
  /** Charges that wait for the answer to one question: accusers enough, and a verdict. */
  chargesAtOnceMax: 8,
  /** An accused that talks to us is told of its charge, out of turn, this often; a bearer of its word too. */
  tellAgainMs: 300,

  /** News is sent to this many members at once, and again this often while it is news. */
  fanout: 4,
  gossipIntervalMs: 200,
  /** Each holder passes news on this many times the logarithm of the mesh's size. */
  claimSendsTimes: 3,
  /**
   * Hearing news that one holds counts as this share of a telling. Counting it whole ends the
   * spread too early: in simulation, one member in some hundreds then misses a refutation.
   */
  heardCounts: 0.34,
  loadSendsTimes: 1,
  claimsPerFrameMax: 64,
  digestsPerFrameMax: 256,
  profilesPerFrameMax: 64,
  /** Bytes of news that ride on one ping, ack or gossip. */
  newsBytesMax: 4_096,
  /** Load digests waiting to be passed on. The oldest is dropped: anti-entropy repairs it. */
  loadRumoursMax: 128,
  /** An owner tells at least this many of its own new digest, so that a small mesh hears it first hand. */
  ownDigestSends: 8,
  /** Bytes of an anti-entropy frame. */
  repairBytesMax: 48 * 1_024,
  /** A summary of a larger mesh is cut into ranges of this many. */
  summaryEntriesMax: 512,
  /** Members about whom claims or urgent digests wait. The oldest is dropped. */
  rumoursMax: 1024,

  /** Load digests written by the whole mesh each second: the interval grows beyond 10 nodes. */
  digestsPerSecond: 10,
  digestIntervalMs: 1_000,
  /**
   * While nobody comes or goes the interval doubles up to this, since each digest costs every member
   * a signature to check. What others act upon comes out of turn, once the last digest is
   * `digestIntervalMs` old.
   */
  digestIntervalMsSteady: 5_000,
  /** So long after anybody came or went nothing is steady: digests also refute what is untrue. */
  unrestMs: 15_000,
  /** What counts as a change: of the cores, of memory and disk as shares, of the event loop's lag. */
  newsOfCpuPermille: 100,
  newsOfMemoryShare: 0.02,
  newsOfDiskShare: 0.01,
  newsOfLoopLagMicros: 100_000,
  digestBytesMax: 512,
  profileBytesMax: 8 * 1_024,

  /** Full comparison with random peers; stretched with the size of the mesh. */
  syncIntervalMs: 15_000,
  /** So much sooner by one that was called dead, and half as much each time after. */
  syncHasteMax: 16,
  /** One may be out of date itself, or the frame may be lost. */
  syncPeers: 2,
  /** A random dead member is tried this often, so that a healed partition joins up by itself. */
  reviveIntervalMs: 2_000,
  /** Wait between two requests for the same profile. */
  profileRetryMs: 1_000,
  /** How many must acknowledge a farewell before the leaver may go early. */
  farewellAcks: 3,
} as const

export type Limits = { readonly [K in keyof typeof limits]: number }

assert(
  limits.pingAgainAfterMs < limits.directTimeoutMs &&
    limits.directTimeoutMs < limits.lastTryMs &&
    limits.lastTryMs < limits.probeTimeoutMs,
  'a probe asks twice, then asks others, then gives up',
)
assert(limits.newsBytesMax > 2 * limits.digestBytesMax, 'news has room for more than one digest')
assert(limits.profileBytesMax < limits.repairBytesMax, 'a repair has room for a profile')

/** How often an owner writes its digest, in a mesh of `size`. */
export function digestIntervalMs(size: number, l: Limits = limits): number {
  return Math.max(l.digestIntervalMs, (size / l.digestsPerSecond) * 1_000)
}

/** The interval after one of `lastMs`: the shortest in unrest, else twice as long, to a bound. */
export function nextDigestIntervalMs(
  lastMs: number,
  unrest: boolean,
  size: number,
  l: Limits = limits,
): number {
  const shortestMs = digestIntervalMs(size, l)
  if (unrest) return shortestMs
  return Math.max(shortestMs, Math.min(2 * lastMs, l.digestIntervalMsSteady))
}

/** What was at `thenMs`, as an age that goes on the wire. */
export function ageMsAt(thenMs: number, nowMs: number): number {
  return Math.min(limits.ageMsMax, Math.max(0, Math.round(nowMs - thenMs)))
}

export function syncIntervalMs(size: number, l: Limits = limits): number {
  return l.syncIntervalMs * Math.max(1, Math.log2(size / 16))
}

export function sendsOf(times: number, size: number): number {
  return Math.ceil(times * Math.log10(size + 1)) + 1
}

export function suspicionBoundsMs(
  size: number,
  l: Limits = limits,
): { minMs: number; maxMs: number } {
  const minMs = l.suspicionBaseMs * Math.max(1, 0.8 * Math.log10(Math.max(1, size)))
  return { minMs, maxMs: minMs * l.suspicionMaxTimes }
}
