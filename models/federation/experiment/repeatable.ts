/**
 * Chance of which bytes, too, come out again: a host's own takes them from the operating system each
 * time. For experiments alone, whose keys guard nothing: with others, sketches would have other signs,
 * and lengths that are judged by them would be others in the last digits.
 */
import type { Entropy } from '../../../protocol/ports/entropy.ts'

export function repeatable(entropy: Entropy): Entropy {
  return {
    stream: (name) => repeatable(entropy.stream(name)),
    uint32: () => entropy.uint32(),
    unit: () => entropy.unit(),
    bytes: (length) => Uint8Array.from({ length }, () => entropy.uint32() >>> 24),
  }
}
