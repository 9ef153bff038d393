/** Where consensus keeps its records. Numbers are padded, so that keys are ordered as they are. */
import type { SnapshotMeta } from '../../protocol/consensus/messages.ts'

/** Everything of consensus, and nothing else, begins so. */
export const recordsPrefix = 'raft/'
export const identityKey = 'raft/identity'
export const hardStateKey = 'raft/hard'
export const snapshotKey = 'raft/snapshot'
/** There only on a disk whose state is not what the others hold. */
export const divergedKey = 'raft/diverged'
export const blockPrefix = 'raft/log/'
export const chunkPrefix = 'raft/chunk/'

const zeros = '0'.repeat(16)

function padded(number: number): string {
  const digits = String(number)
  return zeros.slice(digits.length) + digits
}

/** In the key as well: what a block that is not whole would have held is still known. */
export interface BlockName {
  /** Blocks are numbered as they are written; what a later one says of an index holds. */
  number: number
  firstIndex: number
  lastIndex: number
}

export function blockKey({ number, firstIndex, lastIndex }: BlockName): string {
  return `${blockPrefix}${padded(number)}/${padded(firstIndex)}/${padded(lastIndex)}`
}

export function blockNameOf(key: string): BlockName | undefined {
  const [number, firstIndex, lastIndex] = key.slice(blockPrefix.length).split('/').map(Number)
  if (number === undefined || firstIndex === undefined || lastIndex === undefined) return undefined
  return { number, firstIndex, lastIndex }
}

type Position = Pick<SnapshotMeta, 'index' | 'term'>

export function chunksPrefix({ index, term }: Position): string {
  return `${chunkPrefix}${padded(index)}-${padded(term)}/`
}

export function chunkKey(snapshot: Position, offset: number): string {
  return `${chunksPrefix(snapshot)}${padded(offset)}`
}

export function offsetOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}
