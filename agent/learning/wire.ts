/**
 * What coordinators ask hosts of their own history, and what those say: how many attempts, and in
 * which range. No row has a form in which it could travel. Field numbers are for ever.
 */
import { profileLimits } from '../../models/profiles/limits.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import { isVersionHash } from '../../models/registry/blob.ts'
import type { Range } from '../../models/rows.ts'
import {
  bool,
  field,
  float,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { tellingLimits } from './limits.ts'

export const LEARNING_SERVICE = 'learning/ranges'

export const RangesAsked = message('RangesAsked', {
  /** See `levelsOf`. */
  keys: repeated(1, text(tellingLimits.keyBytesMax), tellingLimits.keysMax),
  /** By an agent that is no coordinator: what all hosts say, together. */
  ofAll: optional(2, bool()),
})

const RangeTold = message('RangeTold', {
  p10: field(1, float()),
  p50: field(2, float()),
  p90: field(3, float()),
  n: field(4, uint()),
})

const Advised = message('AdvisedRange', {
  p10: field(1, float()),
  p50: field(2, float()),
  p90: field(3, float()),
  n: field(4, uint()),
  by: field(5, text(64)),
})

const TriesTold = message('TriesTold', {
  succeeded: field(1, uint()),
  tried: field(2, uint()),
})

/** Number 6 was when the newest attempt ended, and is not given again. */
const KeyTold = message('KeyTold', {
  /** Its place in the question. */
  index: field(1, uint()),
  succeeded: field(2, uint()),
  tried: field(3, uint()),
  tookMs: optional(4, nested(RangeTold)),
  peakMemoryBytes: optional(5, nested(RangeTold)),
  advised: optional(7, nested(Advised)),
  chance: optional(8, float()),
  lately: optional(9, nested(TriesTold)),
})

export const RangesTold = message('RangesTold', {
  /** Of keys without an entry this host knows nothing. */
  told: repeated(1, nested(KeyTold), tellingLimits.keysMax),
})
export type RangesTold = Infer<typeof RangesTold>

export function rangesFor(
  keys: readonly string[],
  toldOf: (key: string) => Told | undefined,
): RangesTold {
  const told = keys.flatMap((key, index) => {
    const of = toldOf(key)
    return of === undefined ? [] : [{ index, ...of }]
  })
  return { told }
}

/**
 * By key, from one host or from so many together. What makes no sense is left out: whoever says it
 * may be a liar, and more attempts than a host remembers would outvote the others.
 */
export function believed(
  keys: readonly string[],
  { told }: RangesTold,
  hosts = 1,
): Map<string, Told> {
  const found = new Map<string, Told>()
  for (const { index, ...of } of told) {
    const key = keys[index]
    if (key !== undefined && isSensible(of, hosts)) found.set(key, of)
  }
  return found
}

function isSensible(told: Told, hosts: number): boolean {
  const { succeeded, tried, tookMs, peakMemoryBytes, advised, chance = 0, lately } = told
  return (
    chance >= 0 &&
    chance <= 1 &&
    (lately === undefined || (lately.succeeded <= lately.tried && lately.tried <= tried)) &&
    succeeded <= tried &&
    tried <= hosts * profileLimits.attemptsPerKind &&
    isRange(tookMs, succeeded, tellingLimits.tookMsMax) &&
    isRange(peakMemoryBytes, tried, tellingLimits.memoryBytesMax) &&
    isRange(advised, hosts * profileLimits.attemptsPerKind, tellingLimits.tookMsMax) &&
    (advised === undefined || (advised.n > 0 && isVersionHash(advised.by)))
  )
}

/** Sums and spans of what is believed stay far from what no number holds. */
function isRange(range: Range | undefined, nMax: number, valueMax: number): boolean {
  if (range === undefined) return true
  const { p10, p50, p90, n } = range
  return p10 >= 0 && p10 <= p50 && p50 <= p90 && p90 <= valueMax && n <= nMax
}
