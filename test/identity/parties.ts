/** A mesh with a root, an issuing key and whoever a test needs, made from fixed seeds. */
import { Acquaintances, type Present } from '../../agent/trust/acquaintances.ts'
import {
  type Certificate,
  type Grant,
  issueCertificate,
} from '../../protocol/identity/certificate.ts'
import type { Credential, Trust } from '../../protocol/identity/credential.ts'
import { type Command, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { type PeerId, type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'

export const nowMs = Date.UTC(2030, 0, 1)
const dayMs = 86_400_000

export const keyNumber = (n: number): Signer => signerFromSeed(new Uint8Array(32).fill(n))

export const root = keyNumber(1)
export const issuer = keyNumber(2)
export const mesh = meshIdOf(root.id)
export const trust: Trust = { mesh, isRevoked: () => false }

let serials = 0

export function grantOf(subject: Signer, change: Partial<Grant> = {}): Grant {
  serials++
  return {
    mesh,
    serial: serials.toString(16).padStart(32, '0'),
    kind: 'person',
    subject: subject.id,
    name: 'ada',
    roles: ['operator'],
    labels: {},
    notBeforeMs: nowMs - dayMs,
    notAfterMs: nowMs + dayMs,
    ...change,
  }
}

export function issuerCertificate(change: Partial<Grant> = {}, signer = root): Certificate {
  const roles = ['coordinator', 'agent', 'admin', 'approver'] as const
  const grant = grantOf(issuer, { kind: 'issuer', name: 'issuer', roles: [...roles], ...change })
  return issueCertificate(grant, signer)
}

export function credentialOf(subject: Signer, change: Partial<Grant> = {}): Credential {
  return { leaf: issueCertificate(grantOf(subject, change), issuer), issuer: issuerCertificate() }
}

let nonces = 0

export function commandOf(change: Partial<Command> = {}): Command {
  nonces++
  const nonce = new Uint8Array(16)
  new DataView(nonce.buffer).setUint32(0, nonces)
  return {
    mesh,
    verb: 'run.cancel',
    object: 'r1',
    payload: Uint8Array.of(1, 2, 3),
    nonce,
    issuedMs: nowMs,
    expiresMs: nowMs + 60_000,
    ...change,
  }
}

export const ada = keyNumber(3)

export function envelopeOf(command: Partial<Command> = {}, holder: Partial<Grant> = {}) {
  return sealEnvelope(commandOf(command), credentialOf(ada, holder), ada)
}

/** Of a host of this mesh; `here`: who is connected. */
export function acquaintances(here: Present = new Set<PeerId>()): Acquaintances {
  return new Acquaintances({ wall: () => nowMs }, { trust, keyOf: (peer) => peer }, here)
}
