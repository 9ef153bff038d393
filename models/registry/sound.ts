/** What every version has to be before anything is taken from it, of whichever family: no larger than it may be, what it was asked for, and sound. */
import { createHash } from 'node:crypto'
import { checkModel, type Expectations } from '../onnx/check.ts'
import type { Graph } from '../onnx/model.ts'

export type Sound =
  | { readonly ok: true; readonly graph: Graph }
  | { readonly ok: false; readonly why: string }

export interface Wanted {
  /** By which it was asked for. */
  readonly hash: string
  /** What it is called where it is too long. */
  readonly what: 'version' | 'forest'
  readonly bytesMax: number
  readonly expected: Expectations
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function soundIn(bytes: Uint8Array, { hash, what, bytesMax, expected }: Wanted): Sound {
  if (bytes.length > bytesMax) {
    return { ok: false, why: `it has ${bytes.length} bytes; a ${what} has ${bytesMax} at most` }
  }
  const found = hashOf(bytes)
  if (found !== hash) return { ok: false, why: `its bytes are those of ${found.slice(0, 12)}` }
  const checked = checkModel(bytes, expected)
  if (checked.kind === 'refused') return { ok: false, why: checked.why }
  return { ok: true, graph: checked.model.graph }
}
