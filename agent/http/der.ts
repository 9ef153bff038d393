/**
 * As much of DER (X.690) as a certificate for TLS is made of: values are written, and walked through
 * when somebody else has written them. No value here is longer than a certificate may be.
 */
import { assert } from '../../protocol/assert.ts'

export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

/** Of `[number]`, around other values. */
export function contextTag(number: number): number {
  return 0xa0 + number
}

const LENGTH_MAX = 0xffff
const LAST_UTC_YEAR = 2049

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts)
  assert(body.length <= LENGTH_MAX, 'a value in DER must fit two bytes of length')
  return new Uint8Array(Buffer.concat([Buffer.of(tag, ...lengthOf(body.length)), body]))
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length]
  return length <= 0xff ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

/** A moment, in whole seconds, in the form that X.509 asks for in its year. */
export function derTime(atMs: number): Uint8Array {
  const [year = '', ...rest] = new Date(atMs).toISOString().split(/[-T:.]/)
  const digits = rest.slice(0, 5).join('')
  return Number(year) <= LAST_UTC_YEAR
    ? der(derTags.utcTime, Buffer.from(`${year.slice(2)}${digits}Z`))
    : der(derTags.generalizedTime, Buffer.from(`${year}${digits}Z`))
}

export interface DerValue {
  tag: number
  body: Uint8Array
  /** With its tag and length. */
  whole: Uint8Array
}

/** The values that stand one after another; undefined where they do not fill the bytes. */
export function derValues(bytes: Uint8Array): DerValue[] | undefined {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const value = valueAt(bytes, at)
    if (value === undefined) return undefined
    values.push(value)
    at += value.whole.length
  }
  return values
}

function valueAt(bytes: Uint8Array, at: number): DerValue | undefined {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) return undefined
  const more = first < 0x80 ? 0 : first - 0x80
  // A length without an end (0x80) is no DER, and one of three bytes no certificate.
  if (more > 2 || first === 0x80) return undefined
  const from = at + 2 + more
  let length = first
  if (more > 0)
    length = Buffer.from(bytes.subarray(at + 2, from)).reduce((sum, b) => sum * 256 + b, 0)
  if (from + length > bytes.length) return undefined
  return {
    tag,
    body: bytes.subarray(from, from + length),
    whole: bytes.subarray(at, from + length),
  }
}
