/**
 * Why somebody is not let in, as it is counted, and in words for the audit log. Who asks is told less:
 * what was wrong with a signature is nothing for whoever tries signatures.
 */
import type { EnvelopeFault } from '../../protocol/identity/envelope.ts'

export type DoorReason =
  | EnvelopeFault
  | 'noToken'
  | 'otherAudience'
  | 'notAPerson'
  | 'tooMuch'
  | 'notSigned'
  | 'otherCall'
  | 'replayed'
  | 'noncesFull'
  /** Told by another host as done, by somebody who has not signed for it. */
  | 'unsignedDeed'
  /** By somebody who is known, and it makes no sense: no such fields, no JSON, too long a path. */
  | 'badCall'

/** Of what is signed for an act. */
export const actFaults: Readonly<
  Record<EnvelopeFault | 'notSigned' | 'otherCall' | 'replayed' | 'noncesFull', string>
> = {
  malformed: 'what is shown as its signature makes no sense',
  foreignMesh: 'it is signed for another mesh',
  unknownIssuer: 'it is signed with a certificate that this mesh has not issued',
  badSignature: 'its signature is not that of the key',
  notYetValid: 'it is signed for later, by the clock of this host',
  expired: 'the signature was too old',
  revoked: 'it is signed with a certificate that was taken back',
  notGranted: 'it is signed with a certificate that grants more than its issuer may',
  unknownVerb: 'it is signed for something that is no verb here',
  livesTooLong: 'it is signed for longer than a command may be good',
  notAllowed: 'who has signed it may not do that',
  notSigned: 'it is not signed',
  otherCall: 'it is signed for another call',
  replayed: 'it is signed for a call that was done before',
  noncesFull: 'this host had too many commands to remember',
}
