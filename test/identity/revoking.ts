/** Words by which keys are taken back, as `skein nodes revoke` signs them. */
import { callOf } from '../../coordinator/api/calls.ts'
import { commandHeader } from '../../coordinator/api/door.ts'
import type { ApiRequest } from '../../coordinator/api/exchange.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { type Grant, issueCertificate } from '../../protocol/identity/certificate.ts'
import { type Command, Envelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { revocationWord } from '../../protocol/identity/revocation.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { ada, commandOf, grantOf, root } from './parties.ts'

interface Revoking {
  reason?: string
  holder?: Partial<Grant>
  command?: Partial<Command>
}

/** The call with its signature, for an agent to be asked. */
export function revokingCall(what: string, change: Revoking = {}): ApiRequest {
  const { reason = 'lost', holder = {}, command = {} } = change
  const call = callOf('revokeNode', { parameters: { node: what }, body: { reason } })
  const leaf = issueCertificate(grantOf(ada, { roles: ['admin'], ...holder }), root)
  const signed = commandOf({
    verb: 'certificate.revoke',
    object: what,
    payload: callDigest(call),
    ...command,
  })
  const envelope = encode(Envelope, sealEnvelope(signed, { leaf }, ada))
  const header = Buffer.from(envelope).toString('base64url')
  return { ...call, headers: { ...call.headers, [commandHeader]: header } }
}

export function revoking(what: string, change: Revoking = {}): Uint8Array {
  const { path, body, headers } = revokingCall(what, change)
  const envelope = new Uint8Array(Buffer.from(headers[commandHeader] ?? '', 'base64url'))
  return revocationWord(envelope, { path, body }) as Uint8Array
}
