/**
 * Every signed thing, cut off after each of its bytes, with each of its bits turned, and in the place
 * of every other: never believed, never taken for something else, and nobody throws.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allThings } from './things.ts'

const things = await allThings()
/** Both are words of stops, whoever has to sign them. */
const words = ['the raise of a stop', 'a release by two people']

for (const { name, bytes, believed, idleBits = 0 } of things) {
  const whole = believed(bytes)

  test(`${name} is believed as it is`, () => {
    assert.equal(typeof whole, 'string')
  })

  test(`${name} is refused when it is cut off, wherever that is`, () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(believed(bytes.slice(0, length)), undefined, `${length} of ${bytes.length}`)
    }
  })

  test(`${name} is refused with any one bit turned`, () => {
    const forged = Uint8Array.from(bytes)
    let idle = 0
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const at = bit >> 3
      forged[at] = (bytes[at] as number) ^ (1 << (bit & 7))
      const taken = believed(forged)
      if (taken !== undefined) {
        assert.equal(taken, whole, `bit ${bit} makes something else of it`)
        idle++
      }
      forged[at] = bytes[at] as number
    }
    assert.ok(idle <= idleBits, `${idle} bits stand for nothing`)
  })

  test(`${name} is refused with anything behind it, or in the place of any part of it`, () => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 40 })
    const place = fc.record({ at: fc.nat(bytes.length), length: fc.nat(60), garbage })
    fc.assert(
      fc.property(place, ({ at, length, garbage: put }) => {
        const forged = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)])
        const taken = believed(new Uint8Array(forged))
        assert.ok(taken === undefined || taken === whole)
      }),
      { numRuns: 200 },
    )
  })
}

test('nothing that is signed for one thing passes for another', () => {
  for (const { name, believed, bytes: own } of things) {
    for (const { name: other, bytes } of things) {
      if (other === name || Buffer.compare(own, bytes) === 0) continue
      const taken = believed(bytes)
      const isSameKind = words.includes(name) && words.includes(other)
      assert.equal(taken !== undefined, isSameKind, `${other} for ${name}`)
    }
  }
})
