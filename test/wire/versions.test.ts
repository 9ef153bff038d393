import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import {
  agree,
  Hello,
  helloOf,
  OLDEST_WIRE_VERSION,
  WIRE_VERSION,
} from '../../protocol/wire/versions.ts'
import golden from './golden-v1.json' with { type: 'json' }
import { Frame, type Ping } from './samples.ts'

const hello = (oldest: number, newest: number): Hello => ({
  ...helloOf('1.0.0', 'n'),
  oldest,
  newest,
})

test('two peers agree on the newest version that both speak, and both say the same', () => {
  const version = fc.integer({ min: 1, max: 6 })
  const range = fc.tuple(version, version).map(([a, b]) => hello(Math.min(a, b), Math.max(a, b)))
  fc.assert(
    fc.property(range, range, (a, b) => {
      const common: number[] = []
      for (let v = a.oldest; v <= a.newest; v++) if (v >= b.oldest && v <= b.newest) common.push(v)
      const here = agree(a, b)
      const there = agree(b, a)
      const newest = common.at(-1)
      if (newest !== undefined) {
        assert.deepEqual(
          [here, there],
          [
            { ok: true, version: newest },
            { ok: true, version: newest },
          ],
        )
      } else {
        const names = [here, there].map((answer) => (answer.ok ? 'ok' : answer.why)).sort()
        assert.deepEqual(names, ['peerTooNew', 'peerTooOld'])
      }
    }),
  )
})

test('a peer one version behind is understood, one with no common version is told so', () => {
  assert.deepEqual(agree(hello(1, 2), hello(1, 1)), { ok: true, version: 1 })
  assert.deepEqual(agree(hello(2, 3), hello(1, 1)), { ok: false, why: 'peerTooOld' })
  assert.deepEqual(agree(hello(1, 1), hello(2, 3)), { ok: false, why: 'peerTooNew' })
})

test('a range that is none, or another mesh, is refused', () => {
  assert.deepEqual(agree(hello(1, 1), hello(2, 1)), { ok: false, why: 'badRange' })
  assert.deepEqual(agree(hello(1, 1), hello(0, 1)), { ok: false, why: 'badRange' })
  const mesh = (id: string) => helloOf('1.0.0', 'n', id)
  assert.deepEqual(agree(mesh('a'), mesh('b')), { ok: false, why: 'otherMesh' })
  assert.deepEqual(agree(mesh('a'), mesh('a')), { ok: true, version: WIRE_VERSION })
  assert.deepEqual(agree(mesh('a'), hello(1, 1)), { ok: true, version: 1 })
})

test('this release speaks the versions that it says', () => {
  assert.deepEqual(agree(helloOf('a', 'b'), helloOf('c', 'd')), { ok: true, version: WIRE_VERSION })
  assert.equal(helloOf('a', 'b').oldest, OLDEST_WIRE_VERSION)
})

const OldItem = message('Item', { id: field(1, uint()) })
const NewItem = message('Item', { id: field(1, uint()), weight: optional(2, uint()) })
const OldTask = message('Task', {
  name: field(1, text(64)),
  items: repeated(2, nested(OldItem), 16),
})
const NewTask = message('Task', {
  name: field(1, text(64)),
  items: repeated(2, nested(NewItem), 16),
  note: optional(3, text(64)),
  tags: repeated(4, text(64), 8),
  labels: map(500, text(64), nested(NewItem), 8),
})
const Drop = message('Drop', { name: field(1, text(64)) })
const OldFrame = union('Frame', { task: [1, OldTask] })
const NewFrame = union('Frame', { task: [1, NewTask], drop: [2, Drop] })

const name = fc.string({ maxLength: 20 })
const item = fc.record(
  { id: fc.nat(), weight: fc.nat() },
  { requiredKeys: ['id'], noNullPrototype: true },
)
const newTask = fc.record(
  {
    name,
    items: fc.array(item, { maxLength: 16 }),
    note: name,
    tags: fc.array(name, { maxLength: 8 }),
    labels: fc.dictionary(name, item, { maxKeys: 8, noNullPrototype: true }),
  },
  { requiredKeys: ['name', 'items', 'tags', 'labels'], noNullPrototype: true },
)

test('an older peer understands of a newer one’s message all that it knows', () => {
  fc.assert(
    fc.property(newTask, (task) => {
      const read = decode(OldFrame, encode(NewFrame, { kind: 'task', value: task }))
      const items = task.items.map(({ id }) => ({ id }))
      assert.deepEqual(read, {
        ok: true,
        value: { kind: 'task', value: { name: task.name, items } },
      })
    }),
  )
})

test('a newer peer understands an older one’s message, and takes the new fields as absent', () => {
  fc.assert(
    fc.property(newTask, (task) => {
      const old = { name: task.name, items: task.items.map(({ id }) => ({ id })) }
      const read = decode(NewFrame, encode(OldFrame, { kind: 'task', value: old }))
      assert.deepEqual(read, {
        ok: true,
        value: { kind: 'task', value: { ...old, tags: [], labels: {} } },
      })
    }),
  )
})

test('an older peer knows a newer one’s new kind for what it is: unknown, not broken', () => {
  const bytes = encode(NewFrame, { kind: 'drop', value: { name: 'x' } })
  assert.deepEqual(decode(OldFrame, bytes), { ok: false, why: 'unknownKind' })
})

/** What version 1 means. The bytes of the fixture may gain companions and may never change. */
const fullPing: Ping = {
  seq: 9007199254740991,
  target: '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X',
  note: 'naïve ☂ 🐦',
  tags: ['', 'a'],
  blob: Uint8Array.of(0, 255),
  load: { cpu: 0.25, cores: 8 },
  ratio: -1.5,
  delta: -9007199254740991,
  ok: true,
  labels: { os: 'linux', zone: 'é' },
  loads: [{ cpu: 0, cores: 0 }],
  counts: [0, 128],
  deltas: [-1, 64],
  shares: [0.5],
  flags: [true, false],
  quiet: false,
  byName: { gpu: { cpu: 1, cores: 1 } },
}
const meanings: Record<
  keyof typeof golden,
  () => readonly [decoded: unknown, expected: unknown, bytes: Uint8Array]
> = {
  hello: () => {
    const expected = { oldest: 1, newest: 1, agent: '0.1.0', node: 'edge-7', mesh: 'm1' }
    return [decode(Hello, fromHex(golden.hello)), expected, encode(Hello, expected)]
  },
  helloWithoutMesh: () => {
    const expected = { oldest: 1, newest: 1, agent: '0.1.0', node: 'edge-7' }
    return [decode(Hello, fromHex(golden.helloWithoutMesh)), expected, encode(Hello, expected)]
  },
  ping: () => {
    const expected = { kind: 'ping', value: fullPing } as const
    return [decode(Frame, fromHex(golden.ping)), expected, encode(Frame, expected)]
  },
  ack: () => {
    const expected = { kind: 'ack', value: { seq: 300 } } as const
    return [decode(Frame, fromHex(golden.ack)), expected, encode(Frame, expected)]
  },
}

for (const [name, meaning] of Object.entries(meanings)) {
  test(`the recorded ${name} of version 1 is read, and written, as it always was`, () => {
    const [decoded, expected, bytes] = meaning()
    assert.equal(Buffer.from(bytes).toString('hex'), golden[name as keyof typeof golden])
    assert.deepEqual(decoded, { ok: true, value: expected })
  })
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
