import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { decode, encode } from '../../protocol/wire/codec.ts'
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

test('what one encoding leaves behind does not reach the next', () => {
  const big = encode(Ping, { ...nothing, blob: new Uint8Array(4096).fill(255) })
  assert.throws(() => encode(Ping, { ...nothing, target: 'x'.repeat(129) }))
  assert.deepEqual(encode(Ping, { ...nothing, blob: new Uint8Array(4096).fill(255) }), big)
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
