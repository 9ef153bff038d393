/**
 * One mesh for all simulated hosts of this process: its keys come from fixed seeds, and a host's
 * credential is made once and remembered, since worlds are many and signatures slow.
 */
import { createHash } from 'node:crypto'
import type { Certificate, Grant } from '../../protocol/identity/certificate.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential, Trust } from '../../protocol/identity/credential.ts'
import { seedBytes } from '../../protocol/identity/limits.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { worldLimits } from './limits.ts'

const root = signerFromSeed(new Uint8Array(seedBytes).fill(1))
const issuer = signerFromSeed(new Uint8Array(seedBytes).fill(2))
const mesh = meshIdOf(root.id)

export const simulatedTrust: Trust = { mesh, isRevoked: () => false }

/** Virtual time begins at any date, and no world lasts so long: until the year 2255. */
const times = { notBeforeMs: 0, notAfterMs: 9e12 }

/** The key that makes the certificates of these worlds, for hosts that are to let others in. */
export function simulatedIssuer(): { seed: Uint8Array; certificate: Certificate } {
  issuing ??= issuingCertificate()
  return { seed: new Uint8Array(seedBytes).fill(2), certificate: issuing }
}

let issuing: Certificate | undefined
const made = new Map<PeerId, Credential>()

/** Coordinators all, as any host may come to lead; unless somebody wants another grant. */
export function simulatedCredential(
  subject: PeerId,
  name: string,
  change?: Partial<Grant>,
): Credential {
  const known = change === undefined ? made.get(subject) : undefined
  if (known) return known
  issuing ??= issuingCertificate()
  const serial = createHash('sha256').update(subject).digest('hex').slice(0, 32)
  const roles = ['coordinator'] as const
  const grant: Grant = { mesh, serial, kind: 'peer', subject, name, roles, labels: {}, ...times }
  const leaf = issueCertificate({ ...grant, ...change }, issuer)
  const credential = { leaf, issuer: issuing }
  if (change !== undefined) return credential
  if (made.size >= worldLimits.hostsMax) made.clear()
  made.set(subject, credential)
  return credential
}

function issuingCertificate(): Certificate {
  const named = {
    mesh,
    serial: '00'.repeat(16),
    kind: 'issuer' as const,
    subject: issuer.id,
    name: 'issuer',
  }
  const roles = ['coordinator', 'agent', 'operator'] as const
  return issueCertificate({ ...named, roles, labels: {}, ...times }, root)
}

/** The key behind an id that is none: that of a host in a world of plain identities. */
export function keyBehind(plain: PeerId): PeerId {
  const known = keys.get(plain)
  if (known) return known
  const { id } = signerFromSeed(createHash('sha256').update(plain).digest())
  if (keys.size >= worldLimits.hostsMax) keys.clear()
  keys.set(plain, id)
  return id
}

const keys = new Map<PeerId, PeerId>()
