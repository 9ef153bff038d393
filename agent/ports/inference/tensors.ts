/**
 * Tensors on their way between an agent and the process with its models: what heads of frames say of
 * them, and the numbers behind, which neither side copies. To forests, rows that repeat each other go
 * without what they repeat: of a placement 1 MiB becomes some 30 KiB, which arrive at once.
 */
import type { Tensor, Tensors } from '../../../models/engine.ts'
import { type Folded, folded, partsOf } from '../../../models/folded.ts'
import type { FoldedHead, InferenceBounds, SentHead, TensorHead } from './requests.ts'

/** So that numbers of eight bytes stand where they may be read in place. */
const ALIGNMENT = 8
const FLOAT_BYTES = 4
/** What a column is of, in a head. */
const letters = { block: 'b', place: 'p', row: 'r' } as const

export type Sent = Tensor | Folded

type FoldingLimits = Pick<InferenceBounds, 'foldedBytesMin' | 'foldedColumnsMax'>

export function isFolded(one: object): one is Folded {
  return 'ofBlocks' in one
}

/** Rows without what they repeat, where that is more than half of them and they are large enough. */
export function foldedWhereLess(tensors: Tensors, limits: FoldingLimits): Record<string, Sent> {
  const each = Object.entries(tensors).map(([name, tensor]): [string, Sent] => {
    const { dims, data } = tensor
    const [, features = 0] = dims
    const isOfRows = dims.length === 2 && features > 0 && features <= limits.foldedColumnsMax
    const isLarge = data.byteLength >= limits.foldedBytesMin
    if (!isOfRows || !isLarge || !(data instanceof Float32Array)) return [name, tensor]
    const rows = folded(data, features)
    const length = rows.ofBlocks.length + rows.ofPlaces.length + rows.ofRows.length
    return [name, 2 * length >= data.length ? tensor : rows]
  })
  return Object.fromEntries(each)
}

/** Heads, and the numbers of all of them behind. */
export function packed(tensors: Tensors): { heads: TensorHead[]; body: Uint8Array[] } {
  const body: Uint8Array[] = []
  const heads = Object.entries(tensors).map(([name, tensor]) => headOf(name, tensor, body))
  return { heads, body }
}

/** The same for each step. */
export function packedSteps(steps: readonly Readonly<Record<string, Sent>>[]): {
  heads: SentHead[][]
  body: Uint8Array[]
} {
  const body: Uint8Array[] = []
  const heads = steps.map((sent) =>
    Object.entries(sent).map(([name, one]) => {
      return isFolded(one) ? foldedHeadOf(name, one, body) : headOf(name, one, body)
    }),
  )
  return { heads, body }
}

/** The tensors in place, or nothing where the body is not what the heads say. */
export function unpacked(
  heads: readonly TensorHead[],
  body: Uint8Array<ArrayBuffer>,
): Record<string, Tensor> | undefined {
  const numbers = new Numbers(body)
  const tensors = named(heads, (head) => tensorIn(head, numbers))
  return numbers.areTaken ? tensors : undefined
}

/** The same for each step; unfolded, no tensor may take more than so many bytes. */
export function unpackedSteps(
  steps: readonly (readonly SentHead[])[],
  body: Uint8Array<ArrayBuffer>,
  bytesMax: number,
): Record<string, Sent>[] | undefined {
  const numbers = new Numbers(body)
  const all = steps.map((heads) =>
    named<SentHead, Sent>(heads, (head) =>
      head.type === 'folded' ? foldedIn(head, numbers, bytesMax) : tensorIn(head, numbers),
    ),
  )
  const whole = all.filter((sent) => sent !== undefined)
  return numbers.areTaken && whole.length === all.length ? whole : undefined
}

/** The numbers behind heads, one tensor after the other. */
class Numbers {
  readonly #body: Uint8Array<ArrayBuffer>
  #at = 0

  constructor(body: Uint8Array<ArrayBuffer>) {
    this.#body = body
  }

  get areTaken(): boolean {
    return this.#at === this.#body.byteLength
  }

  floats(count: number): Float32Array | undefined {
    const at = this.#taken(count * FLOAT_BYTES)
    return at === undefined ? undefined : new Float32Array(this.#body.buffer, at, count)
  }

  integers(count: number): BigInt64Array | undefined {
    const at = this.#taken(count * BigInt64Array.BYTES_PER_ELEMENT)
    return at === undefined ? undefined : new BigInt64Array(this.#body.buffer, at, count)
  }

  #taken(size: number): number | undefined {
    const at = this.#at
    if (!Number.isSafeInteger(size) || size > this.#body.byteLength - at) return undefined
    this.#at += Math.ceil(size / ALIGNMENT) * ALIGNMENT
    return at
  }
}

function put(numbers: Float32Array | BigInt64Array, body: Uint8Array[]): void {
  const { buffer, byteOffset, byteLength } = numbers
  body.push(new Uint8Array(buffer, byteOffset, byteLength))
  const rest = byteLength % ALIGNMENT
  if (rest > 0) body.push(new Uint8Array(ALIGNMENT - rest))
}

function headOf(name: string, { dims, data }: Tensor, body: Uint8Array[]): TensorHead {
  put(data, body)
  return { name, type: data instanceof Float32Array ? 'float32' : 'int64', dims }
}

function foldedHeadOf(name: string, rows: Folded, body: Uint8Array[]): FoldedHead {
  for (const part of [rows.ofBlocks, rows.ofPlaces, rows.ofRows]) put(part, body)
  const columns = Array.from<string>({ length: rows.features }).fill(letters.row)
  for (const column of rows.held) columns[column] = letters.block
  for (const column of rows.cycled) columns[column] = letters.place
  return { name, type: 'folded', rows: rows.rows, width: rows.width, columns: columns.join('') }
}

/** Nothing where two are called the same, or one cannot be read. */
function named<Head extends SentHead, T>(
  heads: readonly Head[],
  read: (head: Head) => T | undefined,
): Record<string, T> | undefined {
  const all: Record<string, T> = Object.create(null)
  for (const head of heads) {
    const one = read(head)
    if (one === undefined || head.name in all) return undefined
    all[head.name] = one
  }
  return all
}

function tensorIn({ type, dims }: TensorHead, numbers: Numbers): Tensor | undefined {
  const count = dims.reduce((product, length) => product * length, 1)
  const data = type === 'float32' ? numbers.floats(count) : numbers.integers(count)
  return data && { dims, data }
}

function foldedIn(
  { rows, width, columns }: FoldedHead,
  numbers: Numbers,
  bytesMax: number,
): Folded | undefined {
  const features = columns.length
  const areBlocks = rows > 0 && width > 0 && rows % width === 0
  if (!areBlocks || rows * features * FLOAT_BYTES > bytesMax) return undefined
  const all = [...columns]
  const of = (letter: string) => all.flatMap((one, i) => (one === letter ? [i] : []))
  const [held, cycled, loose] = [of(letters.block), of(letters.place), of(letters.row)]
  if (held.length + cycled.length + loose.length !== features) return undefined
  const repeats = { width, held, cycled, loose }
  const [ofBlocks, ofPlaces, ofRows] = partsOf(repeats, rows).map((count) => numbers.floats(count))
  if (ofBlocks === undefined || ofPlaces === undefined || ofRows === undefined) return undefined
  return { ...repeats, rows, features, ofBlocks, ofPlaces, ofRows }
}
