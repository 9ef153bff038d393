import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, decodeWhole, encode } from '../../protocol/wire/codec.ts'
import { quick } from '../../protocol/wire/quick.ts'
import {
  field,
  type Infer,
  message,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'

const Order = message('Order', {
  name: field(1, text(8)),
  item: optional(2, uint()),
  count: field(3, uint()),
  after: repeated(4, text(8), 3),
  note: optional(5, text(8)),
})

/** Knows of no notes. */
const QuickOrder = quick(Order, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const name = reader.text(8)
  const item = reader.comes(0x10) ? reader.uint() : undefined
  if (!reader.comes(0x18)) return undefined
  const count = reader.uint()
  const after: string[] = []
  while (after.length < 3 && reader.comes(0x22)) after.push(reader.text(8))
  return item === undefined ? { name, count, after } : { name, item, count, after }
})

const word = fc.string({ maxLength: 9, size: 'small' })
const anyOrder = fc
  .record(
    {
      name: word,
      item: fc.nat(),
      count: fc.nat(300),
      after: fc.array(word, { maxLength: 4 }),
      note: word,
    },
    { requiredKeys: ['name', 'count', 'after'] },
  )
  .map((order) => encode(Roomy, order))

/** The same with more room: writes what an `Order` may not be. */
const Roomy = message('Roomy', {
  name: field(1, text(99)),
  item: optional(2, uint()),
  count: field(3, uint()),
  after: repeated(4, text(99), 9),
  note: optional(5, text(99)),
})

test('a quick way takes and refuses what its schema does, for the same reasons', () => {
  const flip = fc.tuple(fc.nat(), fc.nat(255))
  let quickly = 0
  fc.assert(
    fc.property(
      anyOrder,
      fc.subarray([flip, flip]).chain((some) => fc.tuple(...some)),
      fc.nat(60),
      (bytes, flips, end) => {
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte
        const input = flips.length === 2 ? bytes.subarray(0, end) : bytes
        const slow = decode(Order, input)
        assert.deepEqual(decode(QuickOrder, input), slow)
        assert.deepEqual(decodeWhole(QuickOrder, input), decodeWhole(Order, input))
        if (slow.ok && slow.value.note === undefined) quickly++
      },
    ),
    { numRuns: 5_000 },
  )
  assert.ok(quickly > 200, `${quickly} without a note`)
})

test('within another message it stops where it ends', () => {
  const order: Infer<typeof Order> = { name: 'a', count: 1, after: ['b'] }
  const bytes = encode(QuickOrder, order)
  assert.deepEqual(bytes, encode(Order, order))
  const twice = new Uint8Array([...bytes, ...bytes])
  assert.deepEqual(decode(QuickOrder, twice), decode(Order, twice))
})
