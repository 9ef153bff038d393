/**
 * Counts as they are put under masks: two to a number of four bytes, and one number more for how many
 * hosts are in the sum. Sums of counts are exact, and no count of honest hosts reaches the next one.
 */
const half = 2 ** 16

export function packed(counts: Int32Array): Int32Array {
  const numbers = new Int32Array((counts.length >> 1) + (counts.length & 1) + 1)
  for (let i = 0; i < counts.length; i += 2) {
    numbers[i >> 1] = ((counts[i] as number) + half * (counts[i + 1] ?? 0)) | 0
  }
  numbers[numbers.length - 1] = 1
  return numbers
}

export function unpacked(numbers: Int32Array, length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => {
    const number = numbers[i >> 1] as number
    return i & 1 ? number >>> 16 : number & (half - 1)
  })
}
