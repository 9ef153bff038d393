import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { decode, decodeWhole, encode, encodeBehindBriefly } from '../../protocol/wire/codec.ts'
import { field, message, nested, text } from '../../protocol/wire/schema.ts'
import { anyFrame, anyPing, type Frame, Frame as FrameSchema, Ping, protoFile } from './samples.ts'

const oracle = protobuf.parse(protoFile, { keepCase: true }).root
const TheirPing = oracle.lookupType('Ping')
const TheirFrame = oracle.lookupType('Frame')

/** protobufjs gives 64-bit numbers as strings when asked, so that none is rounded. */
const plain = { longs: String, bytes: Array, arrays: true, objects: true } as const

function asTheirs(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(asTheirs)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, asTheirs(held)]))
  }
  return value
}

/** Whole numbers as text on our side too; floats of the oracle's `Load` and `Ping` stay numbers. */
function withTextNumbers(ping: Ping): unknown {
  const load = (one: Ping['loads'][number]) => ({ ...one, cores: String(one.cores) })
  const byName = Object.fromEntries(Object.entries(ping.byName).map(([k, v]) => [k, load(v)]))
  return asTheirs({
    ...ping,
    seq: String(ping.seq),
    delta: String(ping.delta),
    counts: ping.counts.map(String),
    deltas: ping.deltas.map(String),
    loads: ping.loads.map(load),
    byName,
    ...(ping.load === undefined ? {} : { load: load(ping.load) }),
  })
}

/** protobufjs will not hold this key as an own property; ours must, and a test of its own says so. */
const forOracle = anyPing.filter(
  (p) => !('__proto__' in own(p.labels)) && !('__proto__' in own(p.byName)),
)
function own(record: object): object {
  return Object.assign(Object.create(null), Object.fromEntries(Object.entries(record)))
}

test('what is encoded is decoded the same', () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      assert.deepEqual(decode(FrameSchema, encode(FrameSchema, frame)), { ok: true, value: frame })
    }),
  )
})

test('the same message always gives the same bytes, whatever the order of its properties', () => {
  fc.assert(
    fc.property(anyPing, (ping) => {
      const shuffled = Object.fromEntries(Object.entries(ping).reverse()) as Ping
      const labels = Object.fromEntries(Object.entries(ping.labels).reverse())
      assert.deepEqual(encode(Ping, { ...shuffled, labels }), encode(Ping, ping))
    }),
  )
})

test('an independent protobuf reads what we write', () => {
  fc.assert(
    fc.property(forOracle, (ping) => {
      const read = TheirPing.toObject(TheirPing.decode(encode(Ping, ping)), plain)
      assert.deepEqual(asTheirs(read), withTextNumbers(ping))
    }),
  )
})

test('we read what an independent protobuf writes', () => {
  fc.assert(
    fc.property(forOracle, (ping) => {
      const theirs = TheirPing.fromObject(withTextNumbers(ping) as Record<string, unknown>)
      const written = new Uint8Array(TheirPing.encode(theirs).finish())
      assert.deepEqual(decode(Ping, written), { ok: true, value: ping })
    }),
  )
})

test('an independent protobuf tells the kinds of a union apart', () => {
  fc.assert(
    fc.property(anyFrame, (frame: Frame) => {
      const read = TheirFrame.decode(encode(FrameSchema, frame))
      assert.equal((read as unknown as { kind: string }).kind, frame.kind)
    }),
  )
})

test('a list of numbers is read packed or one by one', () => {
  const zeros = encode(Ping, nothing)
  const packed = Uint8Array.of((12 << 3) | 2, 3, 1, 0x80, 1)
  const single = Uint8Array.of(12 << 3, 1, 12 << 3, 0x80, 1)
  for (const form of [packed, single]) {
    const read = decode(Ping, join(zeros, form))
    assert.ok(read.ok)
    assert.deepEqual(read.value.counts, [1, 128])
  }
})

test('a field that comes twice holds what came last', () => {
  const one = encode(Ping, { ...nothing, seq: 1, labels: { a: 'x' } })
  const two = encode(Ping, { ...nothing, seq: 2, labels: { a: 'y' } })
  const read = decode(Ping, join(one, two))
  assert.ok(read.ok)
  assert.equal(read.value.seq, 2)
  assert.deepEqual(read.value.labels, { a: 'y' })
})

test('a label named __proto__ is a label and nothing more', () => {
  const labels = JSON.parse('{"__proto__": "x", "os": "linux"}') as Record<string, string>
  const read = decode(Ping, encode(Ping, { ...nothing, labels }))
  assert.ok(read.ok)
  assert.deepEqual(Object.keys(read.value.labels).sort(), ['__proto__', 'os'])
  assert.equal(Object.getPrototypeOf(read.value.labels), Object.prototype)
})

test('half a surrogate pair becomes the replacement character, short or long', () => {
  for (const target of ['\ud800', `${'a'.repeat(60)}\udc00`]) {
    const read = decode(Ping, encode(Ping, { ...nothing, target }))
    assert.ok(read.ok)
    assert.equal(read.value.target, target.toWellFormed())
  }
})

test('decoded bytes are a view of what came in, not a copy', () => {
  const bytes = encode(Ping, { ...nothing, blob: Uint8Array.of(1, 2, 3) })
  const read = decode(Ping, bytes)
  assert.ok(read.ok)
  assert.equal(read.value.blob.buffer, bytes.buffer)
})

test('a message is the same whatever was guessed of its length', () => {
  const Note = message('Note', { text: field(1, text(40_000)) })
  const plain = message('Plain', { note: field(1, nested(Note)) })
  const length = fc.oneof(fc.nat(300), fc.nat(40_000))
  fc.assert(
    fc.property(length, length, (letters, guess) => {
      const guessed = message('Guessed', {
        note: field(1, nested({ ...Note, about: () => guess })),
      })
      const value = { note: { text: 'x'.repeat(letters) } }
      assert.deepEqual(encode(guessed, value), encode(plain, value))
    }),
  )
})

test('room is left before a message where it is asked for', () => {
  const ack = { kind: 'ack', value: { seq: 300 } } as const
  encode(Ping, { ...nothing, blob: new Uint8Array(64).fill(255) })
  const behind = encodeBehindBriefly(4, FrameSchema, ack)
  assert.deepEqual(behind, join(new Uint8Array(4), encode(FrameSchema, ack)))
})

test('what one encoding leaves behind does not reach the next', () => {
  const big = encode(Ping, { ...nothing, blob: new Uint8Array(4096).fill(255) })
  assert.throws(() => encode(Ping, { ...nothing, target: 'x'.repeat(129) }))
  assert.deepEqual(encode(Ping, { ...nothing, blob: new Uint8Array(4096).fill(255) }), big)
})

test('what is encoded is whole, and what else is whole takes as many bytes as it has', () => {
  const flip = fc.tuple(fc.nat(), fc.nat(255))
  const cut = fc.option(fc.nat(), { nil: undefined, freq: 3 })
  fc.assert(
    fc.property(anyFrame, fc.array(flip, { maxLength: 4 }), cut, (frame, flips, end) => {
      const bytes = encode(FrameSchema, frame)
      assert.deepEqual(decodeWhole(FrameSchema, bytes), frame)
      for (const [at, byte] of flips) bytes[at % bytes.length] = byte
      const mutant = end === undefined ? bytes : bytes.subarray(0, end % (bytes.length + 1))
      const whole = decodeWhole(FrameSchema, mutant)
      if (whole !== undefined) assert.equal(encode(FrameSchema, whole).length, mutant.length)
    }),
    { numRuns: 2_000 },
  )
})

test('nothing is whole that says what its message does not hold', () => {
  const ping = encode(Ping, nothing)
  const seq = (1 << 3) | 0
  const counts = (12 << 3) | 0
  const flags = (15 << 3) | 2
  const tooMuch: Record<string, Uint8Array> = {
    'a field not known': join(ping, Uint8Array.of(0xa0, 1, 6)),
    'a field twice': join(ping, Uint8Array.of(seq, 0)),
    'a number longer than need be': join(ping, Uint8Array.of(flags, 0x81, 0, 1)),
    'a list of numbers one by one': join(ping, Uint8Array.of(counts, 1)),
    'a list of numbers in two parts': join(ping, Uint8Array.of(flags, 1, 1, flags, 1, 1)),
    'an empty list of numbers': join(ping, Uint8Array.of(flags, 0)),
    'a truth that is more than true': join(ping, Uint8Array.of(flags, 1, 2)),
    'a label twice': join(ping, ...[1, 2].map(() => Uint8Array.of(82, 4, 10, 0, 18, 0))),
    'a name of a label twice': join(ping, Uint8Array.of(82, 6, 10, 0, 10, 0, 18, 0)),
  }
  assert.deepEqual(decodeWhole(Ping, ping), nothing)
  for (const [what, bytes] of Object.entries(tooMuch)) {
    assert.ok(decode(Ping, bytes).ok, what)
    assert.equal(decodeWhole(Ping, bytes), undefined, what)
  }
  const ack = encode(FrameSchema, { kind: 'ack', value: { seq: 1 } })
  assert.equal(decodeWhole(FrameSchema, join(ack, ack)), undefined)
})

const nothing: Ping = {
  seq: 0,
  target: '',
  tags: [],
  blob: new Uint8Array(0),
  ratio: 0,
  delta: 0,
  ok: false,
  labels: {},
  loads: [],
  counts: [],
  deltas: [],
  shares: [],
  flags: [],
  byName: {},
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
