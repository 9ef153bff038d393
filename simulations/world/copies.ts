/**
 * Copies of bytes, as a port makes them whose callers may change what they gave or were given. Small
 * ones lie side by side in one buffer: to give each memory of its own costs ten times the copying.
 */

const slabBytes = 16 * 1024
/** What is larger is copied into memory of its own, so that no slab is kept for nothing. */
const smallBytes = 1024

let slab = new Uint8Array(slabBytes)
let used = 0

export function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length > smallBytes) return bytes.slice()
  if (used + length > slabBytes) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const copy = slab.subarray(used, used + length)
  copy.set(bytes)
  used += length
  return copy
}
