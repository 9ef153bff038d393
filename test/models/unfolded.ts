/** What folded rows are, one number after the other: an oracle. As bits, for what is no number is many things. */
import type { Folded } from '../../models/folded.ts'

export function unfolded(of: Folded): Float32Array {
  const { rows, features, width, held, cycled, loose } = of
  const bits = new Int32Array(rows * features)
  const [ofBlocks, ofPlaces, ofRows] = [of.ofBlocks, of.ofPlaces, of.ofRows].map((part) => {
    return new Int32Array(part.buffer, part.byteOffset, part.length)
  })
  for (let row = 0; row < rows; row++) {
    const [block, place] = [Math.floor(row / width), row % width]
    const put = (column: number, value: number | undefined) => {
      bits[row * features + column] = value ?? 0
    }
    for (const [i, column] of held.entries()) put(column, ofBlocks?.[block * held.length + i])
    for (const [i, column] of cycled.entries()) put(column, ofPlaces?.[i * width + place])
    for (const [i, column] of loose.entries()) put(column, ofRows?.[i * rows + row])
  }
  return new Float32Array(bits.buffer)
}
