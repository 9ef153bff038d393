/**
 * That a key is of the mesh no more, whatever certificates it has or comes to have: said by a person
 * who may, in the signed command by which they asked for it. Whoever hears of it checks it again, so
 * that a peer that lies takes nothing back; and a key that was taken back never comes back.
 *
 * What is taken back is the object of the command: a subject's key, or the serial of one certificate.
 */
import { decode, encode } from '../wire/codec.ts'
import { bytes, field, type Infer, message, optional, text } from '../wire/schema.ts'
import { callDigest } from './call-digest.ts'
import { believe, type Trust } from './credential.ts'
import { Envelope, type EnvelopeFault, type Opened, openEnvelopeAsSigned } from './envelope.ts'
import { certificateLimits, envelopeLimits, revocationLimits } from './limits.ts'
import { type PeerId, parsePeerId } from './peer-id.ts'

const { reasonBytesMax, envelopeBytesMax, pathBytesMax, bodyBytesMax } = revocationLimits

/** The command, and the call that it was signed for: there stands why. */
export const RevocationWord = message('RevocationWord', {
  envelope: field(1, bytes(envelopeBytesMax)),
  path: field(2, text(pathBytesMax)),
  body: field(3, bytes(bodyBytesMax)),
})
export type RevocationWord = Infer<typeof RevocationWord>

/** What is kept of one: of a person's certificate the reason alone, of a key the signed word, too. */
export const RevocationRow = message('Revocation', {
  reason: field(1, bytes(reasonBytesMax)),
  word: optional(2, bytes(revocationLimits.wordBytesMax)),
})

export interface Revoked {
  /** A key, as an id, or a serial. */
  what: string
  by: string
  reason: string
  atMs: number
}

export type RevocationFault = EnvelopeFault | 'otherCall'

export type JudgedRevocation = { ok: true; revoked: Revoked } | { ok: false; why: RevocationFault }

/** Undefined where it is too large to be one. */
export function revocationWord(
  envelope: Uint8Array,
  call: { path: string; body: Uint8Array },
): Uint8Array | undefined {
  const { path, body } = call
  const isSmall =
    envelope.length <= envelopeBytesMax &&
    Buffer.byteLength(path) <= pathBytesMax &&
    body.length <= bodyBytesMax
  return isSmall ? encode(RevocationWord, { envelope, path, body }) : undefined
}

/**
 * `heard`: by a peer, now. Then whoever signed must be good now, and not be taken back. `decided`: in
 * the ledger, or on this host's own disk. Then it stands as it was decided, also when whoever signed
 * it has gone since. Never throws, whoever made the bytes.
 */
export function judgeRevocation(
  word: Uint8Array,
  trust: Trust,
  as: { kind: 'heard'; nowMs: number } | { kind: 'decided' },
): JudgedRevocation {
  const read = decode(RevocationWord, word)
  const envelope = read.ok ? decode(Envelope, read.value.envelope) : undefined
  if (!read.ok || !envelope?.ok) return { ok: false, why: 'malformed' }
  const { path, body } = read.value
  const digest = callDigest({ method: 'POST', path, query: '', body })
  const opened = openedAs(envelope.value, trust, as)
  if (!opened.ok) return opened
  const { command, by } = opened
  const isMeant =
    (command.verb === 'certificate.revoke' && isRevocable(command.object)) ||
    // Of an issuing key only the certificate is taken back: by its serial.
    (command.verb === 'issuer.retire' && isSerial(command.object))
  if (!isMeant || !Buffer.from(command.payload).equals(digest)) {
    return { ok: false, why: 'otherCall' }
  }
  const { object: what, issuedMs: atMs } = command
  return { ok: true, revoked: { what, by: by.name, reason: reasonIn(body), atMs } }
}

export function isRevocable(what: string): boolean {
  return revokedKey(what) !== undefined || isSerial(what)
}

/** The key that is meant, where it is not a serial. */
export function revokedKey(what: string): PeerId | undefined {
  return parsePeerId(what)
}

export function isSerial(text: string): boolean {
  return text.length === certificateLimits.serialLength && /^[0-9a-f]+$/.test(text)
}

/** A command is good for minutes and a revocation for ever: it is looked at as when it was signed. */
function openedAs(
  envelope: Envelope,
  trust: Trust,
  as: Parameters<typeof judgeRevocation>[2],
): Opened {
  if (as.kind === 'decided') return openEnvelopeAsSigned(envelope, { ...trust, isRevoked: nobody })
  const signed = openEnvelopeAsSigned(envelope, trust)
  if (!signed.ok) return signed
  const { clockSkewMsMax } = envelopeLimits
  if (signed.command.issuedMs > as.nowMs + clockSkewMsMax) return { ok: false, why: 'notYetValid' }
  const now = believe(envelope.credential, trust, as.nowMs)
  return now.ok ? signed : now
}

const nobody = (): boolean => false

/** As the call's body has it; checked by the digest of the call. */
function reasonIn(body: Uint8Array): string {
  try {
    const { reason } = JSON.parse(new TextDecoder().decode(body)) as { reason?: unknown }
    return typeof reason === 'string' ? reason : ''
  } catch {
    return ''
  }
}
