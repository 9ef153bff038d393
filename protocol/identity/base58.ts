/**
 * Base58 with Bitcoin's alphabet, as libp2p writes peer ids: no 0, O, I or l to mistake for each
 * other. Quadratic in the length, hence only for short texts.
 */
import { assert } from '../assert.ts'

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const digitOf = new Map([...alphabet].map((letter, digit) => [letter, digit]))

/** Longest byte string taken either way: twice a peer id. */
const bytesMax = 80

export function base58(bytes: Uint8Array): string {
  assert(bytes.length <= bytesMax, 'base58 must be short', { length: bytes.length })
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] as number) * 256
      digits[i] = carry % 58
      carry = Math.floor(carry / 58)
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58)
  }
  const letters = digits.reverse().map((digit) => alphabet[digit])
  return '1'.repeat(leading(bytes)) + letters.join('')
}

/** The bytes, or undefined when the text is not base58 or stands for more than `lengthMax`. */
export function fromBase58(text: string, lengthMax: number): Uint8Array | undefined {
  assert(lengthMax <= bytesMax, 'base58 must be short', { lengthMax })
  if (text.length > lengthMax * 2) return undefined
  const ones = /^1*/.exec(text)?.[0].length ?? 0
  const bytes: number[] = []
  for (const letter of text.slice(ones)) {
    let carry = digitOf.get(letter)
    if (carry === undefined) return undefined
    for (let i = 0; i < bytes.length; i++) {
      carry += (bytes[i] as number) * 58
      bytes[i] = carry & 255
      carry >>= 8
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 255)
  }
  if (ones + bytes.length > lengthMax) return undefined
  const whole = new Uint8Array(ones + bytes.length)
  whole.set(bytes.reverse(), ones)
  return whole
}

function leading(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? bytes.length : first
}
