/** How much of the mesh's configuration is kept, and how patient hosts are with it. */
import { assert } from '../../protocol/assert.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'

export const configLimits = {
  /** Versions that are kept. A new one takes the place of the oldest. */
  versionsMax: 100,
  /** Keys that are set at once: more than agents know, for newer ones know more. */
  keysMax: 128,
  keyBytesMax: 128,
  valueBytesMax: 256,
  /** Somebody else may be first; then the change is made of what there is now, so often. */
  setRoundsMax: 4,
  /** For so long a host is waited for that has not taken a version yet. */
  inForceMs: 2_000,
  /** How often a host compares what it has taken with what its copy of the ledger says. */
  lookMs: 5_000,
  /** A host that differs from its copy asks whoever leads, and waits for so long. */
  confirmMs: 3_000,
} as const

/** Each key may stand in it thrice: as it is set, as one that was set, and as one that was unset. */
const versionBytesMax =
  configLimits.keysMax * (3 * configLimits.keyBytesMax + configLimits.valueBytesMax + 24) +
  3 * stateLimits.noteBytesMax

assert(versionBytesMax <= stateLimits.kvValueBytesMax, 'a version fits a row of the ledger')
assert(
  2 * versionBytesMax + stateLimits.kvValueBytesMax <= stateLimits.entryBytesMax,
  'both rows of a version fit an entry, with the record of who has set it',
)
