/**
 * Rows without what they repeat. Of a placement of 64 stages on 64 hosts what is left is a thirtieth:
 * what is known of a stage once for each stage, what is known of a host once for each host, and only
 * what is of both for each row. Unfolded they are the same bits.
 */
import { type Repeats, repeatsIn } from './repeats.ts'

/** In which it is first looked for what all repeat: some blocks of a placement on 64 hosts. */
const FIRST_ROWS = 256

export interface Folded extends Repeats {
  readonly rows: number
  readonly features: number
  /** Block by block, of each the columns that it holds. */
  readonly ofBlocks: Float32Array
  /** Column by column, of each the places of a block. */
  readonly ofPlaces: Float32Array
  /** Column by column, of each all rows. */
  readonly ofRows: Float32Array
}

/** So many numbers stand in each part. */
export function partsOf({ width, held, cycled, loose }: Repeats, rows: number) {
  const blocks = rows === 0 ? 0 : rows / width
  return [blocks * held.length, width * cycled.length, rows * loose.length] as const
}

/**
 * What the first rows repeat is looked whether all do, by laying them out again: that takes a third of
 * the time in which each is compared with the one before it.
 */
export function folded(data: Float32Array, features: number): Folded {
  const rows = data.length / features
  const bits = bitsOf(data)
  if (rows > 2 * FIRST_ROWS) {
    const found = repeatsIn(bits.subarray(0, FIRST_ROWS * features), features, rows)
    const guessed = found.width < rows && withoutRepeats(bits, rows, features, found)
    if (guessed && isAllOf(bits, guessed)) return guessed
  }
  return withoutRepeats(bits, rows, features, repeatsIn(bits, features, rows))
}

function isAllOf(bits: Int32Array, of: Folded): boolean {
  const length = of.width * of.features
  const block = new Int32Array(length)
  for (let at = 0; at < bits.length; at += length) {
    putBlock(of, at / length, block)
    if (Buffer.compare(bytesOf(block), bytesOf(bits.subarray(at, at + length))) !== 0) return false
  }
  return true
}

function withoutRepeats(
  bits: Int32Array,
  rows: number,
  features: number,
  repeats: Repeats,
): Folded {
  const { width, held, cycled, loose } = repeats
  const [ofBlocks, ofPlaces, ofRows] = partsOf(repeats, rows).map((length) => {
    return new Int32Array(length)
  }) as [Int32Array, Int32Array, Int32Array]
  let at = 0
  for (let row = 0; row < rows; row += width) {
    for (const column of held) ofBlocks[at++] = bits[row * features + column] as number
  }
  takeColumns(bits, features, cycled, width, ofPlaces)
  takeColumns(bits, features, loose, rows, ofRows)
  return {
    ...{ ...repeats, rows, features },
    ofBlocks: new Float32Array(ofBlocks.buffer),
    ofPlaces: new Float32Array(ofPlaces.buffer),
    ofRows: new Float32Array(ofRows.buffer),
  }
}

function putBlock(of: Folded, block: number, bits: Int32Array): void {
  const { rows, features, width, held, cycled, loose } = of
  const [ofBlocks, ofPlaces, ofRows] = [of.ofBlocks, of.ofPlaces, of.ofRows].map(bitsOf) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  let next = block * held.length
  for (const column of held) bits[column] = ofBlocks[next++] as number
  // The first row again and again.
  for (let length = features; length < bits.length; length *= 2) {
    bits.copyWithin(length, 0, length)
  }
  putColumns(bits, features, cycled, ofPlaces, 0, width)
  putColumns(bits, features, loose, ofRows, block * width, rows)
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length)
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function takeColumns(
  bits: Int32Array,
  features: number,
  columns: readonly number[],
  rows: number,
  to: Int32Array,
): void {
  let at = 0
  for (const column of columns) {
    for (let row = 0; row < rows; row++) to[at++] = bits[row * features + column] as number
  }
}

/** Each column has `step` numbers, of which those from `first` on are those of the rows. */
function putColumns(
  bits: Int32Array,
  features: number,
  columns: readonly number[],
  from: Int32Array,
  first: number,
  step: number,
): void {
  for (const [i, column] of columns.entries()) {
    let own = i * step + first
    for (let at = column; at < bits.length; at += features) bits[at] = from[own++] as number
  }
}
