/**
 * A command from a person, signed: who asks for what, in which mesh, once, until when. It is checked
 * where it takes effect, however many hands it went through on its way. What an act means is for
 * its verb's owner; here is only whether it may be asked.
 */
import { decode, encode } from '../wire/codec.ts'
import { bytes, field, type Infer, message, nested, text, uint } from '../wire/schema.ts'
import type { Grant } from './certificate.ts'
import { believe, Credential, type CredentialFault, type Trust } from './credential.ts'
import { certificateLimits, envelopeLimits, meshIdLength, signatureBytes } from './limits.ts'
import { type MeshId, parseMeshId } from './mesh-id.ts'
import { type Signer, verify } from './peer-id.ts'
import type { SlowSigner } from './token.ts'
import { isVerb, mayDo, type VerbName } from './verbs.ts'

const Body = message('EnvelopeBody', {
  mesh: field(1, text(meshIdLength)),
  verb: field(2, text(envelopeLimits.verbBytesMax)),
  /** What it is done to: a run, a node, a scope. */
  object: field(3, text(certificateLimits.nameBytesMax)),
  payload: field(4, bytes(envelopeLimits.payloadBytesMax)),
  nonce: field(5, bytes(envelopeLimits.nonceBytes)),
  issuedMs: field(6, uint()),
  expiresMs: field(7, uint()),
})

export const Envelope = message('Envelope', {
  body: field(1, bytes(envelopeLimits.bodyBytesMax)),
  credential: field(2, nested(Credential)),
  signature: field(3, bytes(signatureBytes)),
})
export type Envelope = Infer<typeof Envelope>

export interface Command {
  mesh: MeshId
  verb: VerbName
  object: string
  payload: Uint8Array
  nonce: Uint8Array
  issuedMs: number
  expiresMs: number
}

export type EnvelopeFault = CredentialFault | 'unknownVerb' | 'livesTooLong' | 'notAllowed'

export type Opened = { ok: true; command: Command; by: Grant } | { ok: false; why: EnvelopeFault }

const context = Buffer.from('skein command v1\n')

export function sealEnvelope(command: Command, credential: Credential, signer: Signer): Envelope {
  const body = encode(Body, command)
  return { body, credential, signature: signer.sign(signedBytes(body)) }
}

/** The same, by a key that takes its time. */
export async function sealedEnvelope(
  command: Command,
  credential: Credential,
  signer: SlowSigner,
): Promise<Envelope> {
  const body = encode(Body, command)
  return { body, credential, signature: await signer.sign(signedBytes(body)) }
}

/**
 * Whether the command may be done now by who signed it. That it was not done before is for
 * `NonceWindow`, which must be asked after this and before the act. Never throws.
 */
export function openEnvelope(envelope: Envelope, trust: Trust, nowMs: number): Opened {
  const command = commandIn(envelope)
  if (command === 'malformed' || command === 'unknownVerb') return fault(command)
  if (command.mesh !== trust.mesh) return fault('foreignMesh')
  const { lifeMsMax, clockSkewMsMax } = envelopeLimits
  if (command.expiresMs - command.issuedMs > lifeMsMax) return fault('livesTooLong')
  if (nowMs >= command.expiresMs) return fault('expired')
  if (nowMs + clockSkewMsMax < command.issuedMs) return fault('notYetValid')
  const believed = believe(envelope.credential, trust, nowMs)
  if (!believed.ok) return believed
  const { holder } = believed
  if (!isSignedByHolder(envelope, holder)) return fault('badSignature')
  if (holder.kind !== 'person' || !mayDo(holder.roles, command.verb)) return fault('notAllowed')
  return { ok: true, command, by: holder }
}

/** As it was at the moment when it was signed: for what a command has decided, and is looked at after. */
export function openEnvelopeAsSigned(envelope: Envelope, trust: Trust): Opened {
  const command = commandIn(envelope)
  if (command === 'malformed' || command === 'unknownVerb') return fault(command)
  return openEnvelope(envelope, trust, command.issuedMs)
}

function isSignedByHolder({ body, signature }: Envelope, holder: Grant): boolean {
  return verify(holder.subject, signedBytes(body), signature)
}

function commandIn({ body }: Envelope): Command | 'malformed' | 'unknownVerb' {
  const read = decode(Body, body)
  if (!read.ok) return 'malformed'
  const { value } = read
  const mesh = parseMeshId(value.mesh)
  if (mesh === undefined || value.nonce.length !== envelopeLimits.nonceBytes) return 'malformed'
  if (value.expiresMs <= value.issuedMs) return 'malformed'
  return isVerb(value.verb) ? { ...value, mesh, verb: value.verb } : 'unknownVerb'
}

function signedBytes(body: Uint8Array): Uint8Array {
  return Buffer.concat([context, body])
}

function fault(why: EnvelopeFault): Opened {
  return { ok: false, why }
}
