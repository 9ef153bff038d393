/**
 * What is written of an act that another host tells of: who leads writes it, and does not take that
 * host's word for whose act it was. A host speaks for itself, under its own id; of a person only what
 * that person has signed. All else is written as what that host says. Where it came from is said in
 * every such entry.
 *
 * That the deed was done just so, nobody can prove to the leader: a signature is for a verb and for
 * what it is done to, and the words are the host's.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { formatTimestamp } from '../../protocol/workflow/expressions/calendar.ts'
import { type AuditNote, fitted, type SignedDeed } from './deed.ts'
import { auditLimits } from './limits.ts'

/** The host that tells of it, by the certificate that it has shown. */
export interface Teller {
  readonly id: PeerId
  readonly name: string
}

/** Whether that host may say so: of itself, or of a person what that person has signed. */
export function isVouchedFor(note: AuditNote, by: Teller, signed: SignedDeed | undefined): boolean {
  return note.actor === by.id || (signed !== undefined && isOf(note, signed))
}

export function asTold<T extends AuditNote>(
  note: T,
  by: Teller,
  signed: SignedDeed | undefined,
): T {
  if (!isVouchedFor(note, by, signed)) {
    const actor = `${by.name} …${by.id.slice(-auditLimits.idLettersShown)}${SAYS}${note.actor}`
    return fitted(placed({ ...note, actor }, by))
  }
  if (note.actor === by.id || signed?.isFresh !== false) return fitted(placed(note, by))
  const when = `signed ${formatTimestamp(signed.issuedMs)}`
  const detail = [when, note.detail].filter(Boolean).join('; ')
  return fitted(placed({ ...note, detail }, by))
}

/** Whether an entry is of somebody, by themselves or by what a host says. */
export function isBy(actor: string, wanted: string): boolean {
  return actor === wanted || actor.endsWith(`${SAYS}${wanted}`)
}

const SAYS = ' says: '

/** Each part of what was signed for is somewhere in what is told of it. */
function isOf({ actor, verb, object }: AuditNote, signed: SignedDeed): boolean {
  if (signed.name !== actor || signed.verb !== verb) return false
  return signed.object.split('/').every((part) => object.includes(part))
}

/** `127.0.0.1 at n1, key …abcdefgh`, `n1, key …abcdefgh` or `n1` of a host n1; else it says so. */
function placed<T extends AuditNote>(note: T, { name }: Teller): T {
  const from = note.from ?? name
  const [place = '', key, ...more] = from.split(', ')
  const isHere =
    place === name || (place.endsWith(` at ${name}`) && address.test(place.slice(0, -name.length)))
  const isItsOwn = isHere && (key === undefined || keyTail.test(key)) && more.length === 0
  return { ...note, from: isItsOwn ? from : `${name} (${from})` }
}

const address = /^[\w.:%-]+ at $/
const keyTail = /^key …\w+$/
