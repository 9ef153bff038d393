/** Why a version says what it says of some work: by how much each thing that is known changes it. */
import { joined } from '../../models/federation/aggregation/vectors.ts'
import { featureCount, featureGroups } from '../../models/federation/describing.ts'
import type { Range } from '../../models/rows.ts'
import type { Kind, Oracle } from './oracle.ts'
import { mixed, rangeOf, type Speaker } from './speaker.ts'

export interface Explained {
  readonly version: string
  /** Whether it is believed beside history on this host, of this kind of work. */
  readonly isProven: boolean
  /** As the version says it, and with this host's own correction. */
  readonly bare: Range
  readonly corrected: Range
  /** How many times as long it is said to take because that is known. */
  readonly factors: readonly { readonly name: string; readonly factor: number }[]
}

export async function explainedBy(
  speaker: Speaker,
  oracle: Oracle,
  kind: Kind,
  isOfKind: boolean,
): Promise<Explained> {
  const whole = oracle.asked(kind)
  const count = whole.length / featureCount
  const without = featureGroups.map((group) => blanked(whole, group))
  const told = await oracle.told(speaker.learned, joined([whole, ...without]))
  const bareOf = (at: number) =>
    mixed(told.slice(at * count, (at + 1) * count).map((one) => rangeOf(one, 1)))
  const bare = bareOf(0)
  const corrected = speaker.expected(kind, told.slice(0, count))
  const factors = featureGroups.map(({ name }, i) => {
    return { name, factor: bare.p50 / bareOf(i + 1).p50 }
  })
  const own = { name: 'own correction', factor: corrected.p50 / bare.p50 }
  const { hash: version } = speaker
  const isProven = speaker.isBelieved(kind, isOfKind)
  return { version, isProven, bare, corrected, factors: [...factors, own] }
}

/** The same, and what is in that group is not known. */
function blanked(features: Float32Array, { from, length }: (typeof featureGroups)[number]) {
  const blank = features.slice()
  for (let at = from; at < blank.length; at += featureCount) blank.fill(0, at, at + length)
  return blank
}
