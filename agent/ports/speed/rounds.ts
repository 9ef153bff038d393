/** One round of arithmetic: numbers, whole and not, and memory that stays near. The same for ever. */
const places = new Uint32Array(1_024)

export function round(seed: number): number {
  let x = seed | 1
  let sum = 0
  for (let i = 0; i < 10_000; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    const place = x & 1_023
    places[place] = (places[place] as number) + i
    sum += Math.sqrt((places[place] as number) + (x >>> 8))
  }
  return sum
}
