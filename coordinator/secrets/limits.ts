/** How much may be secret, and how long agents ask for what is. */
import { assert } from '../../protocol/assert.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { workLimits } from '../../protocol/work/limits.ts'

export const secretLimits = {
  nameBytesMax: workLimits.secretNameBytesMax,
  /** A shorter one would be masked wherever its letters turn up, and is guessed soon. */
  valueBytesMin: 8,
  /** All variables of a program must fit what systems let it have. */
  valueBytesMax: 32 * 1024,
  /** When full, a new one is refused. */
  secretsMax: 1_000,
  /** For one agent to open, seal or hand on. */
  askMs: 3_000,
  /** For a voter to see that whoever leads is written down as one that is told the key. */
  seenMs: 1_000,
  /** How often an attempt's secrets are asked for, of all who may have them, and the wait between. */
  roundsMax: 4,
  roundMs: 1_000,
  /**
   * How often a leader looks whether every voter has the key and nobody else, once there is one, and
   * whether another must take its place; and a host, whether it holds one that it is to forget.
   */
  lookMs: 2_500,
  /** Rows that tell of a key which is over, removed in one entry. */
  forgottenAtOnce: 256,
  /** How often a secret is sealed anew because others were set, or another key came, at that moment. */
  setRoundsMax: 16,
  /** A key that takes the place of another for longer is a trouble. */
  rotationLongMs: 600_000,
  /** Hosts that are named in the reason for another key. */
  namedMax: 8,
} as const

assert(secretLimits.seenMs < secretLimits.askMs, 'who asks for the key waits for an answer')
assert(
  secretLimits.valueBytesMax * 2 < stateLimits.kvValueBytesMax,
  'a sealed value must fit what the ledger keeps of one',
)
