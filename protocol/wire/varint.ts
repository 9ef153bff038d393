/**
 * Whole numbers in as few bytes as they need, seven bits a byte, lowest first: protobuf's varint.
 * Kept to what a JavaScript number holds exactly.
 */

/** Bytes that `value` takes. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value < 0x10000000) return 4
  let length = 4
  for (let rest = Math.floor(value / 0x10000000); rest > 0; rest = Math.floor(rest / 128)) length++
  return length
}

/** Writes `value` (whole, 0 ≤ value < 2^53) at `at`, and returns the position after it. */
export function putVarint(into: Uint8Array, at: number, value: number): number {
  while (value > 0x7fffffff) {
    into[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  while (value > 127) {
    into[at++] = (value & 127) | 0x80
    value >>>= 7
  }
  into[at++] = value
  return at
}
