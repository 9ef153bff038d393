/**
 * The keys that make a mesh: a root, which is the mesh; an issuing key, which the root trusts with
 * the hosts and the people; and the first operator, a master, whom only the root can make.
 */
import { issueCertificate } from './certificate.ts'
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
  const certify = (
    kind: 'issuer' | 'person',
    subject: { id: PeerId },
    called: string,
    roles: readonly Role[],
    serial: Uint8Array,
    lifeMs: number,
  ) => {
    const times = { notBeforeMs: nowMs, notAfterMs: nowMs + lifeMs }
    const named = { mesh, serial: serialFrom(serial), kind, subject: subject.id, name: called }
    return { leaf: issueCertificate({ ...named, roles, labels: {}, ...times }, root) }
  }
  const { issuerMs, personMs } = lifetimes
  const issuing = certify('issuer', issuer, 'issuer', issuable, chance.issuerSerial, issuerMs)
  const master = certify('person', operator, name, ['master'], chance.operatorSerial, personMs)
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
