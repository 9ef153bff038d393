/**
 * What a mesh is called where it matters: the hash of its root's public key. Whoever has the id can
 * tell the true root from every other, and needs nothing more to check all that the root has signed.
 */
import { createHash } from 'node:crypto'
import { meshFingerprintLength, meshIdLength } from './limits.ts'
import { type PeerId, publicKeyOf } from './peer-id.ts'

declare const meshIdBrand: unique symbol
export type MeshId = string & { readonly [meshIdBrand]: true }

/** What the hash is for, so that it never passes for one of anything else. */
const context = 'skein mesh v1\n'

export function meshIdOf(root: PeerId): MeshId {
  return createHash('sha256').update(context).update(publicKeyOf(root)).digest('hex') as MeshId
}

export function parseMeshId(text: string): MeshId | undefined {
  return text.length === meshIdLength && /^[0-9a-f]+$/.test(text) ? (text as MeshId) : undefined
}

/** For eyes, not for trust. */
export function shortMeshId(mesh: MeshId): string {
  return mesh.slice(0, meshFingerprintLength)
}
