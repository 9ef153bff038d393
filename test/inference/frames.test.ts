import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, piecesOf } from '../../agent/ports/inference/frames.ts'
import { anyAnswer } from '../../agent/ports/inference/requests.ts'
import { packedSteps, unpackedSteps } from '../../agent/ports/inference/tensors.ts'
import type { Tensor } from '../../models/engine.ts'

const limits = { headBytesMax: 10_000, bodyBytesMax: 10_000 }

const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc.float32Array({ maxLength: 9 }).map((data) => ({ dims: [data.length], data })),
  fc.bigInt64Array({ maxLength: 9 }).map((data) => ({ dims: [1, data.length], data })),
  fc.float().map((value) => ({ dims: [], data: Float32Array.of(value) })),
)
const tensors = fc
  .dictionary(fc.string({ minLength: 1, maxLength: 8 }), tensor, { maxKeys: 5 })
  // It is a name like any other to us, but not to a literal.
  .filter((named) => !Object.hasOwn(named, '__proto__'))

function bytesOf(named: Readonly<Record<string, Tensor>>): Buffer {
  const { heads, body } = packedSteps([named, named])
  return Buffer.concat(piecesOf({ steps: heads }, body))
}

test('tensors arrive as they went, however they are cut on the way', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(tensors, { maxLength: 4 }), cuts, (sent, lengths) => {
      const stream = Buffer.concat(sent.map(bytesOf))
      const reader = new FrameReader(limits)
      const arrived: unknown[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const length = lengths[i % lengths.length] as number
        for (const { head, body } of reader.take(stream.subarray(at, at + length))) {
          const { steps } = head as ReturnType<typeof JSON.parse>
          arrived.push(unpackedSteps(steps, body, 0)?.map((tensors) => ({ ...tensors })))
        }
        at += length
      }
      assert.deepEqual(
        arrived,
        sent.map((named) => [{ ...named }, { ...named }]),
      )
    }),
  )
})

test('frames that are read to where they are to lie may all lie in the same place', () => {
  const place = new ArrayBuffer(limits.bodyBytesMax)
  const reads = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(tensors, { maxLength: 4 }), reads, (sent, lengths) => {
      const stream = Buffer.concat(sent.map(bytesOf))
      const reader = new FrameReader(limits, (bytes) => new Uint8Array(place, 0, bytes))
      const arrived: unknown[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const { room } = reader
        assert.ok(room.length > 0, 'what comes has somewhere to go')
        const part = stream.subarray(at, at + (lengths[i % lengths.length] as number))
        const taken = part.subarray(0, room.length)
        room.set(taken)
        at += taken.length
        const frame = reader.filled(taken.length)
        if (frame === undefined) continue
        const { steps } = frame.head as ReturnType<typeof JSON.parse>
        arrived.push(
          structuredClone(unpackedSteps(steps, frame.body, 0)?.map((each) => ({ ...each }))),
        )
      }
      assert.deepEqual(
        arrived,
        sent.map((named) => [{ ...named }, { ...named }]),
      )
    }),
  )
})

test('a length that is not allowed ends the talk before anything is kept for it', () => {
  for (const [head, body] of [
    [0, 0],
    [10_001, 0],
    [1, 10_001],
    [0xffffffff, 0xffffffff],
  ] as const) {
    const prefix = Buffer.alloc(8)
    prefix.writeUInt32LE(head, 0)
    prefix.writeUInt32LE(body, 4)
    assert.throws(() => new FrameReader(limits).take(prefix), /is not taken/)
  }
})

test('what is no answer is not taken for one', () => {
  const done = { id: 1, kind: 'done', tensors: [{ name: 'a', type: 'float32', dims: [1] }] }
  const opened = { id: 1, kind: 'opened', takesFolded: true }
  assert.equal(anyAnswer.safeParse(done).success, true)
  assert.equal(anyAnswer.safeParse(opened).success, true)
  assert.equal(anyAnswer.safeParse({ ...opened, takesFolded: 'yes' }).success, false)
  for (const changed of [
    { kind: 'refused' },
    { kind: 'other' },
    { id: 'one' },
    { tensors: [{ name: 'a', type: 'float32', dims: [-1] }] },
    { tensors: [{ name: 'a', type: 'float64', dims: [1] }] },
    { tensors: [{ name: 'a', type: 'float32', dims: [0.5] }] },
    { tensors: Array.from({ length: 100 }, () => done.tensors[0]) },
  ]) {
    assert.equal(anyAnswer.safeParse({ ...done, ...changed }).success, false)
  }
})
