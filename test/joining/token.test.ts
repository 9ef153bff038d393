/** The text of a join token: what it carries comes out whole, and nothing else comes out of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import {
  formatJoinToken,
  type JoinToken,
  joinTokenId,
  parseJoinToken,
} from '../../protocol/joining/token.ts'
import { keyNumber } from '../identity/parties.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const tokens: fc.Arbitrary<JoinToken> = fc.record({
  mesh: bytes(32).map((mesh) => Buffer.from(mesh).toString('hex') as MeshId),
  seed: bytes(32),
  swarmKey: bytes(32),
  expiresMs: fc.nat(),
  addresses: fc.array(fc.string({ minLength: 1, maxLength: 60 }), {
    maxLength: joinLimits.addressesMax,
  }),
})

const whole = (text: string) => {
  const read = parseJoinToken(text)
  return read.ok ? read.token : read.why
}

test('what a token carries comes out as it went in, however its line was broken', () => {
  fc.assert(
    fc.property(tokens, fc.nat(), (token, at) => {
      const text = formatJoinToken(token)
      assert.match(text, /^skein1\.[\w-]+$/)
      const broken = `  ${text.slice(0, at % text.length)}\r\n ${text.slice(at % text.length)}\n`
      assert.deepEqual(whole(broken), { ...token })
    }),
  )
})

test('a token that was cut, or has another letter anywhere, is no token', () => {
  fc.assert(
    fc.property(tokens, fc.nat(), fc.constantFrom(...'AZaz09-_'), (token, position, letter) => {
      const text = formatJoinToken(token)
      const at = position % text.length
      assert.equal(typeof whole(text.slice(0, at)), 'string')
      const other = text.slice(0, at) + letter + text.slice(at + 1)
      if (other !== text) assert.equal(typeof whole(other), 'string')
      assert.equal(typeof whole(`${text}A`), 'string')
    }),
  )
})

test('no text makes the reading of a token throw, and it says what kind of text that was', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String().map((text) => `skein1.${text}`),
      ),
      (text) => {
        assert.equal(typeof whole(text), 'string')
      },
    ),
  )
  assert.equal(whole('hello'), 'notAToken')
  assert.equal(whole(''), 'notAToken')
  assert.equal(whole('skein2.AAAA'), 'otherVersion')
  assert.equal(whole('skein1.AAAA'), 'damaged')
  assert.equal(whole('x'.repeat(100_000)), 'notAToken')
})

test('the longest token is as long as is said, and its id tells nothing of its seed', () => {
  const longest: JoinToken = {
    mesh: 'ff'.repeat(32) as MeshId,
    seed: new Uint8Array(32).fill(255),
    swarmKey: new Uint8Array(32).fill(255),
    expiresMs: 9e15,
    addresses: Array(joinLimits.addressesMax).fill('é'.repeat(joinLimits.addressBytesMax / 2)),
  }
  const text = formatJoinToken(longest)
  assert.ok(text.length <= joinLimits.textLengthMax, `${text.length}`)
  assert.deepEqual(whole(text), longest)
  const [a, b] = [joinTokenId(keyNumber(1).id), joinTokenId(keyNumber(2).id)]
  assert.notEqual(a, b)
  assert.match(a, /^[0-9a-f]{32}$/)
})
