import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionFailed } from '../../protocol/assert.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { nestingDepthMax } from '../../protocol/wire/limits.ts'
import {
  bytes,
  field,
  float,
  int,
  map,
  message,
  nested,
  optional,
  repeated,
  type Schema,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { anyFrame, anyPing, Frame, Ping } from './samples.ts'

function why<T>(schema: Schema<T>, input: Uint8Array | readonly number[]): string {
  const read = decode(schema, Uint8Array.from(input))
  return read.ok ? 'ok' : read.why
}

const One = message('One', { n: field(1, uint()) })
const Signed = message('Signed', { n: field(1, int()) })
const Share = message('Share', { n: field(1, float()) })
const Word = message('Word', { n: optional(1, text(4)), b: optional(2, bytes(4)) })
const List = message('List', { n: repeated(1, text(4), 2), packed: repeated(2, uint(), 2) })
const Labels = message('Labels', { n: map(1, text(4), text(4), 2) })
const Inner = message('Inner', { one: optional(1, nested(One)), tail: optional(2, uint()) })

test('garbage is refused or understood, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
      for (const schema of [Frame, Ping, Word, List, Labels, Inner] as Schema<unknown>[]) {
        assert.equal(typeof decode(schema, garbage).ok, 'boolean')
      }
    }),
    { numRuns: 3000 },
  )
})

test('a frame with bytes changed, lost, added or swapped never throws', () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    how: fc.constantFrom('set', 'cut', 'insert', 'swap'),
  })
  fc.assert(
    fc.property(anyFrame, fc.array(change, { minLength: 1, maxLength: 6 }), (frame, changes) => {
      const mutated = [...encode(Frame, frame)]
      for (const { at, byte, how } of changes) {
        const i = at % (mutated.length + 1)
        if (how === 'set') mutated[i] = byte
        else if (how === 'cut') mutated.splice(i, 1 + (byte % 8))
        else if (how === 'insert') mutated.splice(i, 0, byte)
        else mutated.push(...mutated.splice(0, i))
      }
      assert.equal(typeof decode(Frame, Uint8Array.from(mutated)).ok, 'boolean')
    }),
    { numRuns: 1000 },
  )
})

test('whatever garbage is accepted can be encoded again and means the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
      for (const schema of [Word, List, Labels, Inner] as Schema<unknown>[]) {
        const read = decode(schema, garbage)
        if (read.ok) assert.deepEqual(decode(schema, encode(schema, read.value)), read)
      }
    }),
    { numRuns: 3000 },
  )
})

test('a message cut short anywhere is refused, or is shorter by whole fields', () => {
  fc.assert(
    fc.property(anyPing, fc.nat(), (ping, at) => {
      const whole = encode(Ping, ping)
      const read = decode(Ping, whole.subarray(0, at % whole.length))
      if (read.ok) assert.ok(encode(Ping, read.value).length < whole.length)
      else assert.ok(['truncated', 'missingField'].includes(read.why), read.why)
    }),
  )
})

test('a whole number above 2^53 - 1 is refused, the largest is not', () => {
  const largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
  assert.deepEqual(decode(One, Uint8Array.of(8, ...largest)), {
    ok: true,
    value: { n: 2 ** 53 - 1 },
  })
  assert.equal(why(One, [8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]), 'numberTooLarge')
  assert.equal(why(One, [8, ...Array(10).fill(0xff), 1]), 'numberTooLarge')
  assert.equal(why(One, [8, ...Array(9).fill(0xff), 1]), 'numberTooLarge')
  assert.equal(why(Signed, [8, ...Array(9).fill(0xff), 1]), 'numberTooLarge')
  // Zigzag of -2^53, one beyond what a number holds exactly.
  assert.equal(why(Signed, [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]), 'numberTooLarge')
  assert.deepEqual(
    decode(Signed, Uint8Array.of(8, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f)),
    {
      ok: true,
      value: { n: -(2 ** 53 - 1) },
    },
  )
})

test('a padded number of lawful length is read, as protobuf reads it', () => {
  assert.deepEqual(decode(One, Uint8Array.of(8, 0x81, ...Array(8).fill(0x80), 0)), {
    ok: true,
    value: { n: 1 },
  })
  assert.deepEqual(decode(Signed, Uint8Array.of(8, 0x82, ...Array(8).fill(0x80), 0)), {
    ok: true,
    value: { n: 1 },
  })
})

test('a float that is no number is refused', () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    const body = new Uint8Array(8)
    new DataView(body.buffer).setFloat64(0, value, true)
    assert.equal(why(Share, [9, ...body]), 'notFinite')
  }
  assert.equal(why(Share, [9, 0, 0, 0, 0, 0, 0, 0]), 'truncated')
})

test('a known field of another wire type is refused', () => {
  assert.equal(why(One, [(1 << 3) | 2, 0]), 'wrongWireType')
  assert.equal(why(One, [(1 << 3) | 5, 0, 0, 0, 0]), 'wrongWireType')
  assert.equal(why(Word, [1 << 3, 0]), 'wrongWireType')
  assert.equal(why(List, [1 << 3, 0]), 'wrongWireType')
  assert.equal(why(List, [(2 << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0]), 'wrongWireType')
  assert.equal(why(Labels, [1 << 3, 0]), 'wrongWireType')
  assert.equal(why(Labels, [10, 2, 1 << 3, 0]), 'wrongWireType')
  assert.equal(why(Frame, [1 << 3, 0]), 'wrongWireType')
})

test('groups and wire types that nothing has are refused', () => {
  for (const wireType of [3, 4, 6, 7]) {
    assert.equal(why(Word, [(9 << 3) | wireType, 0]), 'wrongWireType')
    assert.equal(why(Word, [(1 << 3) | wireType, 0]), 'wrongWireType')
  }
})

test('a field number of zero, or beyond protobuf, is refused', () => {
  assert.equal(why(Word, [0, 0]), 'badTag')
  assert.equal(why(Word, [7, 0]), 'badTag')
  assert.equal(why(Word, [0xff, 0xff, 0xff, 0xff, 0x1f, 0]), 'badTag')
})

test('text that is not UTF-8 is refused', () => {
  for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x61, 0x80]]) {
    assert.equal(why(Word, [10, bad.length, ...bad]), 'invalidUtf8')
  }
})

test('each limit is refused when passed, and kept when met', () => {
  const x = (n: number) => Array(n).fill(0x61)
  assert.equal(why(Word, [10, 4, ...x(4)]), 'ok')
  assert.equal(why(Word, [10, 5, ...x(5)]), 'tooLong')
  assert.equal(why(Word, [10, 4, 0xc3, 0xa9, 0xc3, 0xa9]), 'ok')
  assert.equal(why(Word, [18, 4, ...x(4)]), 'ok')
  assert.equal(why(Word, [18, 5, ...x(5)]), 'tooLong')
  assert.equal(why(List, [10, 0, 10, 0]), 'ok')
  assert.equal(why(List, [10, 0, 10, 0, 10, 0]), 'tooMany')
  assert.equal(why(List, [18, 2, 1, 1]), 'ok')
  assert.equal(why(List, [18, 3, 1, 1, 1]), 'tooMany')
  assert.equal(why(List, [18, 1, 1, 16, 1, 18, 1, 1]), 'tooMany')
  const entry = (key: number) => [10, 5, 10, 1, key, 18, 0]
  assert.equal(why(Labels, [...entry(97), ...entry(98), ...entry(97)]), 'ok')
  assert.equal(why(Labels, [...entry(97), ...entry(98), ...entry(99)]), 'tooMany')
})

test('a length is believed only when its bytes are there', () => {
  assert.equal(why(Word, [18, 4, 1]), 'truncated')
  assert.equal(
    why(Word, [(9 << 3) | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    'truncated',
  )
  assert.equal(why(Inner, [10, 3, 8, 1]), 'truncated')
  assert.equal(why(Inner, [10, 1, 8, 1]), 'truncated')
  assert.equal(why(List, [18, 1, 0x80]), 'truncated')
})

test('a text inside may not borrow bytes from outside', () => {
  const Outer = message('Outer', { word: optional(1, nested(Word)) })
  assert.equal(why(Outer, [10, 5, 10, 3, 97, 97, 97]), 'ok')
  assert.equal(why(Outer, [10, 2, 10, 3, 97, 97, 97]), 'truncated')
})

test('a field of the inside is not read from the outside', () => {
  assert.equal(why(Inner, [10, 0, 8, 1]), 'missingField')
  assert.deepEqual(decode(Inner, Uint8Array.of(10, 2, 8, 1, 16, 7)), {
    ok: true,
    value: { one: { n: 1 }, tail: 7 },
  })
})

test('a required field that is not there is missed, in the message and inside it', () => {
  assert.equal(why(One, []), 'missingField')
  assert.equal(why(Inner, [10, 0]), 'missingField')
  assert.equal(why(Labels, [10, 2, 10, 0]), 'missingField')
  assert.equal(why(Labels, [10, 2, 18, 0]), 'missingField')
  assert.equal(why(Inner, []), 'ok')
})

test('a kind that is not known is refused as such, and no kind at all as missing', () => {
  assert.equal(why(Frame, [(7 << 3) | 2, 1, 0]), 'unknownKind')
  assert.equal(why(Frame, [(7 << 3) | 2, 0]), 'unknownKind')
  assert.equal(why(Frame, []), 'missingField')
  assert.equal(why(Frame, [(7 << 3) | 2, 9]), 'truncated')
})

test('fields that are not known are passed over, of every wire type', () => {
  const strangers = [
    (9 << 3) | 0,
    0x80,
    1,
    (10 << 3) | 1,
    ...Array(8).fill(1),
    (11 << 3) | 2,
    2,
    1,
    1,
    (12 << 3) | 5,
    1,
    1,
    1,
    1,
  ]
  strangers.push(0xfa, 0xff, 0xff, 0xff, 0x0f, 1, 1)
  assert.deepEqual(decode(One, Uint8Array.from([...strangers, 8, 5, ...strangers])), {
    ok: true,
    value: { n: 5 },
  })
  for (let cut = 1; cut < 3; cut++)
    assert.equal(why(One, [8, 5, ...strangers.slice(0, cut)]), 'truncated')
})

test('to send what breaks a limit is a bug, and says which field', () => {
  const bug = (message: RegExp) => (error: unknown) =>
    error instanceof AssertionFailed && message.test(error.message)
  assert.throws(() => encode(Word, { n: 'aaaaa' }), bug(/Word\.n.*4 bytes/))
  assert.throws(() => encode(Word, { n: 'ééé' }), bug(/Word\.n.*4 bytes/))
  assert.throws(() => encode(Word, { b: new Uint8Array(5) }), bug(/Word\.b/))
  assert.throws(() => encode(List, { n: ['', '', ''], packed: [] }), bug(/List\.n.*2/))
  assert.throws(() => encode(Labels, { n: { a: '', b: '', c: '' } }), bug(/Labels\.n.*2/))
  for (const n of [-1, 1.5, 2 ** 53, Number.NaN])
    assert.throws(() => encode(One, { n }), bug(/One\.n/))
  for (const n of [1.5, 2 ** 53, -(2 ** 53)])
    assert.throws(() => encode(Signed, { n }), bug(/Signed\.n/))
  for (const n of [Number.NaN, Infinity]) assert.throws(() => encode(Share, { n }), bug(/Share\.n/))
  const partial = {} as { n: number }
  assert.throws(() => encode(One, partial), bug(/One\.n must be set/))
})

test('a schema that contradicts itself is refused where it is written', () => {
  assert.throws(
    () => message('Twice', { a: field(1, uint()), b: field(1, uint()) }),
    AssertionFailed,
  )
  assert.throws(() => union('Twice', { a: [1, One], b: [1, One] }), AssertionFailed)
  for (const number of [0, -1, 1.5, 2048])
    assert.throws(() => field(number, uint()), AssertionFailed)
  assert.throws(() => text(0), AssertionFailed)
  assert.throws(() => repeated(1, uint(), 0), AssertionFailed)
})

test('messages nest as deep as the limit and no deeper', () => {
  let deepest: Schema<unknown> = message('Level', {})
  const deepen = () => message('Level', { inner: optional(1, nested(deepest)) })
  for (let i = 1; i < nestingDepthMax; i++) deepest = deepen()
  assert.equal(deepest.depth, nestingDepthMax)
  assert.equal(why(deepest, encode(deepest, {})), 'ok')
  assert.throws(() => {
    deepest = deepen()
    encode(deepest, {})
  }, AssertionFailed)
})

test('memory for a list follows what came, not what the limit would allow', () => {
  const Wide = message('Wide', { n: repeated(1, uint(), 1_000_000_000) })
  const read = decode(Wide, Uint8Array.of(10, 3, 1, 2, 3))
  assert.deepEqual(read, { ok: true, value: { n: [1, 2, 3] } })
  assert.equal(why(Wide, [10, 0xff, 0xff, 0xff, 0x7f, 1]), 'truncated')
})
