/**
 * The certificate that an agent makes for its own control API. Its key is the agent's own, and its
 * one extension holds the credential by which the mesh knows that key: whoever trusts the mesh can
 * tell from the handshake alone, before anything is sent, that this is one of its hosts. Nobody else
 * has a reason to believe it; X.509 is only the envelope that TLS takes.
 */
import { createHash } from 'node:crypto'
import { assert } from '../../protocol/assert.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import {
  believe,
  Credential,
  type CredentialFault,
  type Trust,
} from '../../protocol/identity/credential.ts'
import { publicKeyBytes } from '../../protocol/identity/limits.ts'
import {
  type PeerId,
  peerIdFromPublicKey,
  publicKeyOf,
  type Signer,
} from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { contextTag, type DerValue, der, derTags, derTime, derValues } from './der.ts'

const { sequence, set, integer, objectId, utf8, bitString, octetString } = derTags

/** 1.3.101.112 (RFC 8410). */
const ed25519 = der(sequence, der(objectId, Buffer.from('2b6570', 'hex')))
/** 2.5.4.3. */
const commonName = der(objectId, Buffer.from('550403', 'hex'))
/** 2.25 and a UUID of our own (X.667), so that nobody has to be asked for a number. */
const credentialExtension = der(
  objectId,
  Buffer.from('6995d7ff90edd7dabedfb2a0b997e8f4f8cc35', 'hex'),
)
const version3 = der(contextTag(0), der(integer, Buffer.of(2)))
const EXTENSIONS = contextTag(3)
const SERIAL_BYTES = 16
const COMMON_NAME_BYTES_MAX = 64

/** As DER; good for as long as the credential is. */
export function hostCertificate(signer: Signer, credential: Credential): Uint8Array {
  const grant = grantIn(credential.leaf)
  assert(grant?.subject === signer.id, 'a host shows a credential of its own key')
  const shown = encode(Credential, credential)
  const name = nameOf(grant)
  const body = der(
    sequence,
    version3,
    serialOf(shown),
    ed25519,
    name,
    der(sequence, derTime(grant.notBeforeMs), derTime(grant.notAfterMs)),
    name,
    der(sequence, ed25519, bits(publicKeyOf(signer.id))),
    der(EXTENSIONS, der(sequence, der(sequence, credentialExtension, der(octetString, shown)))),
  )
  return der(sequence, body, ed25519, bits(signer.sign(body)))
}

export type HostFault = CredentialFault | 'noCredential' | 'noHost' | 'notItsOwn'

export type BelievedHost = { ok: true; holder: Grant } | { ok: false; why: HostFault }

/**
 * Which host of the mesh has shown this certificate. That it has the key is for TLS to prove, which
 * it does in every handshake. Never throws, whoever made the bytes.
 */
export function believeHost(certificate: Uint8Array, trust: Trust, nowMs: number): BelievedHost {
  const shown = shownIn(certificate)
  if (shown === undefined) return { ok: false, why: 'noCredential' }
  const believed = believe(shown.credential, trust, nowMs)
  if (!believed.ok) return believed
  const { holder } = believed
  if (holder.kind !== 'peer') return { ok: false, why: 'noHost' }
  return holder.subject === shown.key ? { ok: true, holder } : { ok: false, why: 'notItsOwn' }
}

function shownIn(certificate: Uint8Array): { key: PeerId; credential: Credential } | undefined {
  const body = inside(inside(certificate, sequence)?.[0], sequence)
  const extensions = inside(body?.find(({ tag }) => tag === EXTENSIONS)?.body, sequence)
  const bytes = extensions?.map(credentialOf).find((found) => found !== undefined)
  const read = bytes && decode(Credential, bytes)
  const key = keyOf(body)
  return read?.ok && key !== undefined ? { key, credential: read.value } : undefined
}

function credentialOf(extension: DerValue): Uint8Array | undefined {
  const [id, value] = (extension.tag === sequence && derValues(extension.body)) || []
  const isOurs = id !== undefined && Buffer.compare(id.whole, credentialExtension) === 0
  return isOurs && value?.tag === octetString ? value.body : undefined
}

/** Behind version, serial, algorithm, issuer, times and subject. */
function keyOf(body: DerValue[] | undefined): PeerId | undefined {
  const [algorithm, key] = (body?.[6]?.tag === sequence && derValues(body[6].body)) || []
  if (algorithm === undefined || Buffer.compare(algorithm.whole, ed25519) !== 0) return undefined
  // One byte says how many bits of the last are not meant.
  if (key?.tag !== bitString || key.body.length !== publicKeyBytes + 1) return undefined
  return peerIdFromPublicKey(key.body.subarray(1))
}

/** What stands in the one value that these bytes are. */
function inside(value: Uint8Array | DerValue | undefined, tag: number): DerValue[] | undefined {
  const bytes = value instanceof Uint8Array ? value : value?.whole
  const [only, ...others] = (bytes && derValues(bytes)) ?? []
  return only?.tag === tag && others.length === 0 ? derValues(only.body) : undefined
}

function nameOf({ name }: Grant): Uint8Array {
  const text = Buffer.from(name)
  const fitting = text.length <= COMMON_NAME_BYTES_MAX ? text : Buffer.from('skein agent')
  return der(sequence, der(set, der(sequence, commonName, der(utf8, fitting))))
}

/** Another for every credential. Above 0, and with no bit that would make it less. */
function serialOf(shown: Uint8Array): Uint8Array {
  const bytes = createHash('sha256').update(shown).digest().subarray(0, SERIAL_BYTES)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return der(integer, bytes)
}

function bits(bytes: Uint8Array): Uint8Array {
  return der(bitString, Buffer.of(0), bytes)
}
