/** What a version has learned, by its family: the numbers of the common network, or trees. */
import type { GrownTree } from '../federation/trees/structure.ts'
import type { Forest } from '../forest.ts'
import { type Unpacked, unpacked } from './blob.ts'
import { isForestBlob, unpackedForest } from './forest-blob.ts'

export const families = ['net', 'trees'] as const
export type Family = (typeof families)[number]

export type Learned =
  | { readonly family: 'net'; readonly parameters: Float32Array }
  | { readonly family: 'trees'; readonly trees: readonly GrownTree[]; readonly forest: Forest }

export type LearnedRead =
  | { readonly ok: true; readonly learned: Learned }
  | { readonly ok: false; readonly why: string }

/** Of bytes that somebody else has sent, by the hash that was asked for. */
export function learnedIn(bytes: Uint8Array, hash: string): LearnedRead {
  if (isForestBlob(bytes)) {
    const read = unpackedForest(bytes, hash)
    return read.ok ? { ok: true, learned: { family: 'trees', ...read.grown } } : read
  }
  const read: Unpacked = unpacked(bytes, hash)
  return read.ok ? { ok: true, learned: { family: 'net', parameters: read.parameters } } : read
}
