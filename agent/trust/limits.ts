/** How long strangers are suffered, and what may be held for them. */
import { assert } from '../../protocol/assert.ts'
import { certificateLimits, revocationLimits } from '../../protocol/identity/limits.ts'
import { CALL_BYTES_MAX } from '../requests/calls.ts'

export const trustLimits = {
  /** A peer that has not shown by then that it is of the mesh is shown the door. */
  strangerMs: 5_000,
  /** For our part of showing, from the opening of the stream to the answer. */
  introductionMs: 5_000,
  /** Streams of a peer that is still to show who it is. More are ended. */
  heldStreamsMax: 16,
  /** Of each peer, what it was refused for is told once in this time; counted it is always. */
  tellAgainMs: 60_000,
  /** Peers that are remembered as refused, so as to be told of once. The oldest makes room. */
  toldMax: 1_024,
  /** Peers whose credential is remembered while they are away. Away for longest makes room. */
  awayMax: 512,
  /** Certificates are looked at again no later than this, whatever else happens. */
  lookAgainMs: 3_600_000,
  /** Who claim to lead and have not been met: so many are met at once, each again after so long. */
  greetingsMax: 4,
  greetAgainMs: 1_000,
  /** Of whom it is remembered when they were greeted. The oldest makes room. */
  greetedMax: 1_024,
  /** To tell a peer that it was taken back, before it is shown the door. */
  farewellMs: 1_000,
  /** Words by which keys were taken back. When full, no more are taken from peers. */
  wordsMax: 4_096,
  wordsPerCallMax: 16,
  /** How many are told at once of a new one; each of them does the same. */
  tellAtOnce: 3,
  /** Between two comparisons with some peer, where anything was taken back. */
  compareMs: 30_000,
  /** For one answer about what was taken back. */
  askMs: 3_000,
  /** Of one introduction. */
  frameBytesMax: 32 * 1024,
} as const

assert(trustLimits.strangerMs >= trustLimits.introductionMs, 'an introduction may take its time')
assert(
  trustLimits.wordsPerCallMax * (revocationLimits.wordBytesMax + 8) < CALL_BYTES_MAX &&
    trustLimits.wordsMax * (certificateLimits.keyBytesMax + 4) < CALL_BYTES_MAX,
  'what is compared must fit an answer',
)
