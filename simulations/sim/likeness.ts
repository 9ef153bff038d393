/**
 * States of the ledger held against each other by all that their digests are made of: as strict as
 * to compare those, and cheaper than to hash after every entry on every host.
 */
import { type DigestSource, digestOf, sourceOf } from '../../protocol/ledger/digest.ts'
import type { Likeness } from '../checkers/digests-equal.ts'

type Same = (a: DigestSource, b: DigestSource) => boolean

/** Of each part that a digest has, so that none can be added and not compared. */
const sameParts: { readonly [Part in keyof DigestSource]: Same } = {
  sum: ({ sum: a }, { sum: b }) => a.a === b.a && a.b === b.b && a.c === b.c && a.d === b.d,
  rows: (a, b) => a.rows.size === b.rows.size,
  timeMs: (a, b) => a.timeMs === b.timeMs,
  version: (a, b) => a.version === b.version,
  auditHead: ({ auditHead: a }, { auditHead: b }) => a.sequence === b.sequence && a.hash === b.hash,
  auditAnchor: ({ auditAnchor: a }, { auditAnchor: b }) =>
    a.sequence === b.sequence && a.hash === b.hash,
  estopFloor: (a, b) => a.estopFloor === b.estopFloor,
}
const allParts = Object.values(sameParts)

export const likeStates: Likeness<DigestSource> = {
  same: (a, b) => allParts.every((same) => same(a, b)),
  kept: sourceOf,
  told: digestOf,
}
