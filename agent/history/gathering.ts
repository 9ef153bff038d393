/** What lies in pieces, here or with another agent, put together again. */
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { partsOf } from './pieces.ts'
import { decodeParts } from './record.ts'

const text = new TextDecoder()

/** Undefined when one of them is not there. */
export async function gathered(
  count: number,
  piece: (index: number) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array[] | undefined> {
  const pieces: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const value = await piece(i)
    if (value === undefined) return undefined
    pieces.push(value)
  }
  return pieces
}

export function runFrom(pieces: readonly Uint8Array[] | undefined): RunView | undefined {
  const parts = pieces && partsOf(pieces)
  return parts && decodeParts(parts)
}

export function textFrom(pieces: readonly Uint8Array[] | undefined): string | undefined {
  const parts = pieces && partsOf(pieces)
  return parts?.map((part) => text.decode(part)).join('')
}
