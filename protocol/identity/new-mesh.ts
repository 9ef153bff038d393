/**
 * The keys that make a mesh: a root, which is the mesh; an issuing key, which the root trusts with
 * the hosts and the people; and the first operator, a master, whom only the root can make.
 */
import { type Certificate, issueCertificate } from './certificate.ts'
import { serialFrom } from './issuing.ts'
import type { KeyFile, KeyUse } from './key-file.ts'
import { lifetimes } from './limits.ts'
import { meshIdOf } from './mesh-id.ts'
import { type PeerId, type Signer, signerFromSeed } from './peer-id.ts'
import type { Role } from './roles.ts'

/** Fresh random bytes, each used once. */
export interface MeshChance {
  rootSeed: Uint8Array
  issuerSeed: Uint8Array
  operatorSeed: Uint8Array
  issuerSerial: Uint8Array
  operatorSerial: Uint8Array
}

/** How a seed is kept: in the open, or under the passphrase that its owner was asked for. */
export type Lock = (use: KeyUse, seed: Uint8Array) => KeyFile['key']

/** All that hosts and people can be, but masters: an issuing key lives on servers. */
const issuable: readonly Role[] = ['coordinator', 'agent', 'admin', 'operator', 'approver']

/** The first of all people. */
export interface FirstOperator {
  name: string
  /** A key that they keep themselves; otherwise one is made. */
  own?: PeerId | undefined
}

export interface NewMesh {
  root: KeyFile
  issuer: KeyFile
  operator: KeyFile
}

export function newMesh(
  chance: MeshChance,
  { name, own }: FirstOperator,
  nowMs: number,
  lock: Lock,
): NewMesh {
  const root = signerFromSeed(chance.rootSeed)
  const issuer = signerFromSeed(chance.issuerSeed)
  const operator = own === undefined ? signerFromSeed(chance.operatorSeed) : { id: own }
  const mesh = meshIdOf(root.id)
  const issuing = { leaf: certifyIssuer(root, issuer.id, serialFrom(chance.issuerSerial), nowMs) }
  const master = { leaf: masterOf(root, operator.id, name, chance.operatorSerial, nowMs) }
  const file = (use: KeyUse, of: Signer, seed: Uint8Array): KeyFile => {
    const key = lock(use, seed)
    return { use, mesh, name: use, id: of.id, key, credential: undefined }
  }
  return {
    root: file('root', root, chance.rootSeed),
    issuer: { ...file('issuer', issuer, chance.issuerSeed), credential: issuing },
    operator: {
      use: 'operator',
      mesh,
      name,
      id: operator.id,
      key: own === undefined ? lock('operator', chance.operatorSeed) : { kind: 'agent' },
      credential: master,
    },
  }
}

/** By which the root makes a key one that issues certificates. */
export function certifyIssuer(
  root: Signer,
  subject: PeerId,
  serial: string,
  nowMs: number,
): Certificate {
  const times = { notBeforeMs: nowMs, notAfterMs: nowMs + lifetimes.issuerMs }
  const named = { mesh: meshIdOf(root.id), serial, kind: 'issuer' as const, name: 'issuer' }
  return issueCertificate({ ...named, subject, roles: issuable, labels: {}, ...times }, root)
}

function masterOf(
  root: Signer,
  subject: PeerId,
  name: string,
  serial: Uint8Array,
  nowMs: number,
): Certificate {
  const times = { notBeforeMs: nowMs, notAfterMs: nowMs + lifetimes.personMs }
  const named = { mesh: meshIdOf(root.id), serial: serialFrom(serial), kind: 'person' as const }
  return issueCertificate(
    { ...named, subject, name, roles: ['master'], labels: {}, ...times },
    root,
  )
}
