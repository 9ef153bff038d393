/**
 * A certificate: that the holder of a key is this peer or person, in this mesh, with these roles,
 * until then. What is signed is its bytes as they came, never an encoding of ours of what they say.
 *
 * This file makes and opens single certificates. Whether one is to be believed, with all that
 * stands behind it, is for `credential.ts`.
 */
import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import { decode, encode } from '../wire/codec.ts'
import {
  bytes,
  field,
  type Infer,
  map,
  message,
  optional,
  repeated,
  text,
  uint,
} from '../wire/schema.ts'
import {
  certificateLimits,
  meshIdLength,
  publicKeyBytes,
  signatureBytes,
  signaturesKeptMax,
} from './limits.ts'
import { type MeshId, parseMeshId } from './mesh-id.ts'
import { type PeerId, parsePeerId, type Signer, verify } from './peer-id.ts'
import { isPeerRole, isPersonRole, type Role } from './roles.ts'

const { nameBytesMax, roleBytesMax, rolesMax, labelBytesMax, labelsMax } = certificateLimits

const Body = message('CertificateBody', {
  mesh: field(1, text(meshIdLength)),
  serial: field(2, text(certificateLimits.serialLength)),
  kind: field(3, text(roleBytesMax)),
  subject: field(4, text(certificateLimits.keyBytesMax)),
  name: field(5, text(nameBytesMax)),
  roles: repeated(6, text(roleBytesMax), rolesMax),
  labels: map(7, text(labelBytesMax), text(labelBytesMax), labelsMax),
  notBeforeMs: field(8, uint()),
  notAfterMs: field(9, uint()),
  sealing: optional(10, bytes(publicKeyBytes)),
})

export const Certificate = message('Certificate', {
  body: field(1, bytes(certificateLimits.bodyBytesMax)),
  issuer: field(2, text(certificateLimits.keyBytesMax)),
  signature: field(3, bytes(signatureBytes)),
})
export type Certificate = Infer<typeof Certificate>

export const certificateKinds = ['issuer', 'peer', 'person'] as const
export type CertificateKind = (typeof certificateKinds)[number]

export interface Grant {
  mesh: MeshId
  /** Names this certificate when it is revoked. */
  serial: string
  kind: CertificateKind
  subject: PeerId
  /** What people call the subject: a host's name, a person's, or that of an issuing key. */
  name: string
  /** Of an issuer: the roles that it may grant. */
  roles: readonly Role[]
  labels: Readonly<Record<string, string>>
  notBeforeMs: number
  /** Not valid at this moment any more. */
  notAfterMs: number
  /** Key (X25519) to which secrets for the subject are sealed. */
  sealing?: Uint8Array
}

const context = Buffer.from('skein certificate v1\n')

export function issueCertificate(grant: Grant, issuer: Signer): Certificate {
  const body = encode(Body, { ...grant, roles: [...grant.roles], labels: { ...grant.labels } })
  assert(body.length <= certificateLimits.bodyBytesMax, 'a certificate must fit its limit')
  assert(readGrant(body) !== undefined, 'a certificate must read as it was meant', {
    name: grant.name,
    kind: grant.kind,
  })
  return { body, issuer: issuer.id, signature: issuer.sign(signedBytes(body)) }
}

/** Undefined where its bytes do not say what a certificate must. Says nothing on who signed it. */
export function grantIn(certificate: Certificate): Grant | undefined {
  return readGrant(certificate.body)
}

export function isSignedBy(certificate: Certificate, issuer: PeerId): boolean {
  if (certificate.issuer !== issuer) return false
  const digest = digestOf(certificate)
  if (foundGood.has(digest)) return true
  const good = verify(issuer, signedBytes(certificate.body), certificate.signature)
  if (good) remember(digest)
  return good
}

/**
 * Signatures that were found good, each as a digest of itself and all that it is over: one and the
 * same issuer's stands behind every peer, and peers come again. Bounded by `signaturesKeptMax`;
 * losing one costs time.
 */
const foundGood = new Set<string>()

function remember(digest: string): void {
  if (foundGood.size >= signaturesKeptMax) foundGood.delete(foundGood.keys().next().value as string)
  foundGood.add(digest)
}

/** The length keeps the end of the one from being taken for the beginning of the other. */
function digestOf({ body, issuer, signature }: Certificate): string {
  const hash = createHash('sha256').update(`${issuer} ${body.length} `)
  return hash.update(body).update(signature).digest('base64')
}

function readGrant(body: Uint8Array): Grant | undefined {
  const read = decode(Body, body)
  if (!read.ok) return undefined
  const { value } = read
  const mesh = parseMeshId(value.mesh)
  const subject = parsePeerId(value.subject)
  const kind = certificateKinds.find((known) => known === value.kind)
  if (mesh === undefined || subject === undefined || kind === undefined) return undefined
  if (!/^[0-9a-f]+$/.test(value.serial) || value.notAfterMs <= value.notBeforeMs) return undefined
  if (value.name === '' || value.roles.length === 0) return undefined
  if (value.sealing !== undefined && value.sealing.length !== publicKeyBytes) return undefined
  const fits = rolesOf[kind]
  if (!value.roles.every(fits)) return undefined
  return { ...value, mesh, subject, kind, roles: value.roles as Role[] }
}

/** Peers are never people: a host's key cannot give commands, a person's cannot vote. */
const rolesOf: Readonly<Record<CertificateKind, (role: string) => boolean>> = {
  issuer: (role) => isPeerRole(role) || isPersonRole(role),
  peer: isPeerRole,
  person: isPersonRole,
}

function signedBytes(body: Uint8Array): Uint8Array {
  return Buffer.concat([context, body])
}
