/**
 * What somebody shows to be believed: their certificate and, between it and the root, that of the
 * issuing key which signed it. Two links and no more. The root may also sign a leaf by itself,
 * which is the only way to be a master: an issuing key lives on servers, the root does not.
 *
 * Invariant: a credential is believed only if every link is of this mesh, signed by the one above
 * it, within its time and not revoked, and grants nothing that its issuer may not grant.
 */
import { field, type Infer, message, nested, optional } from '../wire/schema.ts'
import { Certificate, type Grant, grantIn, isSignedBy } from './certificate.ts'
import { credentialLimits } from './limits.ts'
import { type MeshId, meshIdOf } from './mesh-id.ts'
import { parsePeerId } from './peer-id.ts'
import { hasRole } from './roles.ts'

export const Credential = message('Credential', {
  leaf: field(1, nested(Certificate)),
  issuer: optional(2, nested(Certificate)),
})
export type Credential = Infer<typeof Credential>

export type CredentialFault =
  | 'malformed'
  | 'foreignMesh'
  | 'unknownIssuer'
  | 'badSignature'
  | 'notYetValid'
  | 'expired'
  | 'revoked'
  | 'notGranted'

export interface Trust {
  mesh: MeshId
  /** Whether the certificate with this serial, or all of this key (named by its id), was taken back. */
  isRevoked(what: string): boolean
}

export type Believed =
  /** `issuer` stands between the holder and the root, where somebody does. */
  { ok: true; holder: Grant; issuer: Grant | undefined } | { ok: false; why: CredentialFault }

/** Who this is, at that time of the wall clock. Never throws, whoever made the bytes. */
export function believe({ leaf, issuer }: Credential, trust: Trust, nowMs: number): Believed {
  const grant = grantIn(leaf)
  if (grant === undefined) return fault('malformed')
  if (grant.mesh !== trust.mesh) return fault('foreignMesh')
  if (grant.kind === 'issuer') return fault('notGranted')
  if (issuer === undefined) {
    const why = rootFault(leaf, trust) ?? timeFault(grant, trust, nowMs)
    return why === undefined ? { ok: true, holder: grant, issuer: undefined } : fault(why)
  }
  const above = grantIn(issuer)
  if (above === undefined) return fault('malformed')
  if (above.mesh !== trust.mesh) return fault('foreignMesh')
  if (above.kind !== 'issuer') return fault('unknownIssuer')
  const why =
    rootFault(issuer, trust) ??
    (leaf.issuer === above.subject ? undefined : 'unknownIssuer') ??
    (isSignedBy(leaf, above.subject) ? undefined : 'badSignature') ??
    timeFault(above, trust, nowMs) ??
    timeFault(grant, trust, nowMs) ??
    (mayGrant(above, grant) ? undefined : 'notGranted')
  return why === undefined ? { ok: true, holder: grant, issuer: above } : fault(why)
}

/** The id of the mesh is the hash of the root's key: whoever signs with another is not the root. */
function rootFault(certificate: Certificate, { mesh }: Trust): CredentialFault | undefined {
  const root = parsePeerId(certificate.issuer)
  if (root === undefined || meshIdOf(root) !== mesh) return 'unknownIssuer'
  return isSignedBy(certificate, root) ? undefined : 'badSignature'
}

function timeFault(grant: Grant, trust: Trust, nowMs: number): CredentialFault | undefined {
  if (nowMs + credentialLimits.clockSkewMsMax < grant.notBeforeMs) return 'notYetValid'
  if (nowMs >= grant.notAfterMs) return 'expired'
  return trust.isRevoked(grant.serial) || trust.isRevoked(grant.subject) ? 'revoked' : undefined
}

function mayGrant(issuer: Grant, grant: Grant): boolean {
  if (grant.roles.includes('master')) return false
  return grant.roles.every((role) => hasRole(issuer.roles, [role]))
}

function fault(why: CredentialFault): Believed {
  return { ok: false, why }
}
