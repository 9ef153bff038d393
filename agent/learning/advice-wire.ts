/** What agents ask and tell each other of versions of the common model. Field numbers are for ever. */
import { featureGroups } from '../../models/federation/describing.ts'
import { isVersionHash } from '../../models/registry/blob.ts'
import { isSensible } from '../../models/registry/standing.ts'
import type { Range } from '../../models/rows.ts'
import { certificateLimits } from '../../protocol/identity/limits.ts'
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
import { workLimits } from '../../protocol/work/limits.ts'
import { tellingLimits } from './limits.ts'

export const ADVICE_SERVICE = 'learning/advice'

const HASH_LENGTH = 64
/** Active, canary and shadow, with room for newer programs. */
const standingsMax = 8
/** Of the features, and this host's own correction. */
const factorsMax = 16
const nameBytesMax = 32

const KindAsked = message('KindAsked', {
  group: field(1, text(workLimits.workflowNameBytesMax)),
  task: field(2, text(workLimits.fingerprintBytesMax)),
})

export const AdviceAsked = message('AdviceAsked', {
  /** What is to be explained; without, how versions have done is asked alone. */
  kind: optional(1, nested(KindAsked)),
  /** By an agent that is no coordinator: what all hosts say. */
  ofAll: optional(2, bool()),
})

const StandingTold = message('StandingTold', {
  hash: field(1, text(HASH_LENGTH)),
  attempts: field(2, uint()),
  n: field(3, uint()),
  loss: field(4, float()),
  rival: field(5, float()),
  plain: field(6, float()),
  within: field(7, float()),
})

const RangeTold = message('TimeTold', {
  p10: field(1, float()),
  p50: field(2, float()),
  p90: field(3, float()),
  n: field(4, uint()),
})

const FactorTold = message('FactorTold', {
  name: field(1, text(nameBytesMax)),
  factor: field(2, float()),
})

const ExplainedTold = message('ExplainedTold', {
  version: field(1, text(HASH_LENGTH)),
  isProven: field(2, bool()),
  bare: field(3, nested(RangeTold)),
  corrected: field(4, nested(RangeTold)),
  factors: repeated(5, nested(FactorTold), factorsMax),
})

const HostTold = message('HostAdvice', {
  id: field(1, text(certificateLimits.keyBytesMax)),
  standings: repeated(2, nested(StandingTold), standingsMax),
  plain: optional(3, nested(RangeTold)),
  explained: optional(4, nested(ExplainedTold)),
})
export type HostAdvice = Infer<typeof HostTold>

export const AdviceTold = message('AdviceTold', {
  hosts: repeated(1, nested(HostTold), tellingLimits.hostsMax),
})

/** Without what makes no sense, or is said of one version twice: whoever says it may be a liar. */
export function believedHost({ id, standings, plain, explained }: HostAdvice): HostAdvice {
  const names = new Set([...featureGroups.map(({ name }) => name), 'own correction'])
  const isBelieved =
    explained !== undefined &&
    isVersionHash(explained.version) &&
    isRange(explained.bare) &&
    isRange(explained.corrected) &&
    explained.factors.every(({ name, factor }) => names.has(name) && factor >= 0)
  return {
    id,
    standings: firstOfEach(standings.filter((one) => isVersionHash(one.hash) && isSensible(one))),
    ...(plain !== undefined && isRange(plain) ? { plain } : {}),
    ...(isBelieved ? { explained } : {}),
  }
}

/** Of each version one row: whoever had more would be heard as so many hosts. */
function firstOfEach<T extends { readonly hash: string }>(standings: readonly T[]): T[] {
  const heard = new Set<string>()
  return standings.filter(({ hash }) => !heard.has(hash) && heard.add(hash))
}

function isRange({ p10, p50, p90 }: Range): boolean {
  return p10 >= 0 && p10 <= p50 && p50 <= p90 && p90 <= tellingLimits.tookMsMax
}
