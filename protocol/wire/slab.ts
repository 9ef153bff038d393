/**
 * Memory for small byte strings that are soon forgotten: messages on their way, records until they
 * are written. They lie side by side, since memory of its own costs each of them more than the
 * copying. A slab lives as long as anything in it does: what is kept for long belongs elsewhere.
 */
import { slabBytes, slabShareMax } from './limits.ts'

let slab = new Uint8Array(slabBytes)
let used = 0

export function brieflyCopy(bytes: Uint8Array): Uint8Array {
  const copy = brieflyRoom(bytes.length)
  copy.set(bytes)
  return copy
}

/** To be filled at once: what was there before is in it. */
export function brieflyRoom(length: number): Uint8Array {
  if (length > slabShareMax) return new Uint8Array(length)
  if (used + length > slabBytes) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  used += length
  return slab.subarray(used - length, used)
}
