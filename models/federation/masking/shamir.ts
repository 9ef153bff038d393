/**
 * A secret in shares, of which any `needed` give it back and fewer say nothing of it (Shamir 1979):
 * byte by byte, each the value at 0 of a polynomial over GF(2^8). Chance is given by the caller.
 */
import { assert } from '../../../protocol/assert.ts'

/** Where on the polynomial it lies: 1 to 255, never 0, which is the secret itself. */
export interface Share {
  readonly at: number
  readonly bytes: Uint8Array
}

/** x^8 + x^4 + x^3 + x + 1, in which 3 generates all but 0. */
const polynomial = 0x11b
const powers = new Uint8Array(510)
const logs = new Uint8Array(256)
for (let i = 0, value = 1; i < 255; i++) {
  powers[i] = value
  powers[i + 255] = value
  logs[value] = i
  const doubled = value << 1
  value ^= doubled & 0x100 ? doubled ^ polynomial : doubled
}

/** `chance`: as many bytes as the secret for each share but one that is needed. */
export function sharesOf(
  secret: Uint8Array,
  needed: number,
  count: number,
  chance: Uint8Array,
): Share[] {
  assert(needed >= 1 && needed <= count && count <= 255, 'shares must be countable', {
    needed,
    count,
  })
  assert(chance.length === secret.length * (needed - 1), 'chance must be given')
  return Array.from({ length: count }, (_, i) => {
    const at = i + 1
    return { at, bytes: secret.map((byte, k) => valueAt(at, byte, k, needed, chance)) }
  })
}

/** Horner's rule, the highest coefficient first. */
function valueAt(
  at: number,
  secret: number,
  k: number,
  needed: number,
  chance: Uint8Array,
): number {
  const length = chance.length / Math.max(1, needed - 1)
  let value = 0
  for (let power = needed - 2; power >= 0; power--) {
    value = times(value, at) ^ (chance[power * length + k] as number)
  }
  return times(value, at) ^ secret
}

/** What lies at 0 on the polynomial through all of them. Any value, where one of them is false. */
export function secretIn(shares: readonly Share[]): Uint8Array {
  const [first] = shares
  assert(first !== undefined, 'a secret must have shares')
  const secret = new Uint8Array(first.bytes.length)
  for (const share of shares) {
    const factor = lagrange(share, shares)
    secret.forEach((byte, k) => {
      secret[k] = byte ^ times(factor, share.bytes[k] as number)
    })
  }
  return secret
}

/** What a share counts at 0: minus is plus in this field. */
function lagrange({ at }: Share, shares: readonly Share[]): number {
  let log = 0
  for (const other of shares) {
    if (other.at === at) continue
    log += (logs[other.at] as number) + 255 - (logs[other.at ^ at] as number)
  }
  return powers[log % 255] as number
}

function times(a: number, b: number): number {
  if (a === 0 || b === 0) return 0
  return powers[(logs[a] as number) + (logs[b] as number)] as number
}
