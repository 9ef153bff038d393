/**
 * What an issuing key does: it makes certificates for peers and people, each for so long, within
 * what the root let it grant. Chance and time are the caller's.
 */
import { assert } from '../assert.ts'
import { type Certificate, type Grant, grantIn, issueCertificate } from './certificate.ts'
import type { Credential } from './credential.ts'
import { lifetimes } from './limits.ts'
import type { MeshId } from './mesh-id.ts'
import type { PeerId, Signer } from './peer-id.ts'
import type { PeerRole, PersonRole } from './roles.ts'

export interface Issuer {
  signer: Signer
  /** By which the root made it one. */
  certificate: Certificate
}

interface Holder {
  subject: PeerId
  name: string
  labels: Readonly<Record<string, string>>
  /** Key (X25519) to which secrets for the holder are sealed. */
  sealing?: Uint8Array
}

export interface PeerHolder extends Holder {
  roles: readonly PeerRole[]
}

export interface PersonHolder extends Holder {
  roles: readonly PersonRole[]
}

export function issuePeer(
  issuer: Issuer,
  holder: PeerHolder,
  serial: string,
  nowMs: number,
): Credential {
  const grant = { kind: 'peer' as const, ...holder }
  return issued(issuer, grant, serial, nowMs, lifetimes.peerMs)
}

export function issuePerson(
  issuer: Issuer,
  holder: PersonHolder,
  serial: string,
  nowMs: number,
): Credential {
  const grant = { kind: 'person' as const, ...holder }
  return issued(issuer, grant, serial, nowMs, lifetimes.personMs)
}

/**
 * The same person under another issuing key: as long as before and no longer, because how long people
 * are trusted is for people to say.
 */
export function reissuePerson(issuer: Issuer, before: Grant, nowMs: number): Credential {
  assert(before.kind === 'person', 'only people are certified so')
  const { name, subject, roles, labels, serial, sealing, notAfterMs } = before
  const kept = sealing === undefined ? {} : { sealing }
  const grant = { kind: 'person' as const, subject, name, roles, labels, ...kept }
  return issued(issuer, grant, serial, nowMs, notAfterMs - nowMs)
}

function issued(
  { signer, certificate }: Issuer,
  grant: Pick<Grant, 'kind' | 'subject' | 'name' | 'roles' | 'labels'>,
  serial: string,
  nowMs: number,
  lifeMs: number,
): Credential {
  const above = grantIn(certificate)
  assert(above !== undefined, 'an issuing key has a certificate that reads')
  const times = { notBeforeMs: nowMs, notAfterMs: Math.min(nowMs + lifeMs, above.notAfterMs) }
  const whole: Grant = { ...grant, mesh: above.mesh, serial, ...times }
  return { leaf: issueCertificate(whole, signer), issuer: certificate }
}

/** The mesh that this key issues for. */
export function meshOfIssuer({ certificate }: Issuer): MeshId {
  const grant = grantIn(certificate)
  assert(grant !== undefined, 'an issuing key has a certificate that reads')
  return grant.mesh
}

/** 128 bits of chance, as a certificate's name. */
export function serialFrom(chance: Uint8Array): string {
  return Buffer.from(chance).toString('hex')
}
