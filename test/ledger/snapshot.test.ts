import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { localLimits } from '../../protocol/ledger/limits.ts'
import {
  decodeChunk,
  encodeChunk,
  type SnapshotChunk,
} from '../../protocol/ledger/snapshot-format.ts'
import { type SnapshotProgress, SnapshotReader } from '../../protocol/ledger/snapshot-reader.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { genesis } from '../../protocol/ledger/state.ts'
import { perform, put, Replica, smallLimits, steps } from './stage.ts'

function readAll(chunks: Iterable<Uint8Array>, supports?: number): SnapshotProgress {
  const reader = new SnapshotReader(supports)
  let progress: SnapshotProgress = { kind: 'more' }
  for (const chunk of chunks) progress = reader.push(chunk)
  return progress
}

function whyRefused(chunks: Iterable<Uint8Array>, supports?: number): string | undefined {
  const progress = readAll(chunks, supports)
  return progress.kind === 'refused' ? progress.why : undefined
}

function filled(keys: number): Replica {
  const replica = new Replica()
  for (let i = 0; i < keys; i++) replica.do(put(`k${i}`, `value ${i}`))
  return replica
}

/** The same bytes with one thing in them changed, under a checksum that is right again. */
function altered(bytes: Uint8Array, change: (chunk: SnapshotChunk) => void): Uint8Array {
  const chunk = decodeChunk(bytes)
  assert.ok(chunk)
  const own: SnapshotChunk = { ...chunk, rows: chunk.rows.slice() }
  change(own)
  return encodeChunk(own)
}

test('a state comes back from its snapshot as it was, at any point, in chunks of any size', () => {
  fc.assert(
    fc.property(steps, fc.nat(60), fc.integer({ min: 1, max: 400 }), (all, at, chunkBytes) => {
      const replica = new Replica(smallLimits)
      for (const step of all.slice(0, at)) perform(replica, step)
      const { state } = replica
      const writing = writeSnapshot(state, chunkBytes)
      const chunks = [writing.next().value as Uint8Array]
      // The rest is applied while the snapshot is being written.
      for (const step of all.slice(at)) perform(replica, step)
      chunks.push(...writing)
      assert.deepEqual(chunks, [...writeSnapshot(state, chunkBytes)], 'the same bytes each time')
      const progress = readAll(chunks)
      assert.ok(progress.kind === 'complete')
      const { rows, ...rest } = progress.state
      const { rows: expected, ...expectedRest } = state
      assert.deepEqual(rest, expectedRest)
      assert.deepEqual([...rows.entries()], [...expected.entries()])
    }),
    { numRuns: 100 },
  )
})

test('the beginning of a mesh is a snapshot too', () => {
  const progress = readAll(writeSnapshot(genesis))
  assert.ok(progress.kind === 'complete')
  assert.equal(digestOf(progress.state), digestOf(genesis))
})

test('no chunk is larger than its limit, though one row alone fills half of it', () => {
  const replica = new Replica()
  for (let i = 0; i < 8; i++) replica.do(put(`k${i}`, 'v'.repeat(128 * 1024 - i * 7_001)))
  const chunks = [...writeSnapshot(replica.state)]
  assert.ok(chunks.length > 2)
  for (const chunk of chunks) assert.ok(chunk.length <= localLimits.snapshotChunkBytesMax)
  assert.equal(readAll(chunks).kind, 'complete')
})

test('a flipped bit or a lost byte anywhere is found, and the chunk is named', () => {
  const chunks = [...writeSnapshot(filled(12).state, 100)]
  for (const [number, chunk] of chunks.entries()) {
    for (let byte = 0; byte < chunk.length; byte++) {
      const forged: Uint8Array[] = chunks.map((c) => c.slice())
      const target = forged[number] as Uint8Array
      target[byte] = (target[byte] as number) ^ (1 << (byte & 7))
      assert.deepEqual(readAll(forged), { kind: 'refused', why: 'damaged', chunk: number })
      forged[number] = chunk.subarray(0, byte)
      assert.deepEqual(readAll(forged), { kind: 'refused', why: 'damaged', chunk: number })
    }
  }
})

test('chunks that are missing, repeated or of another snapshot make no state', () => {
  const chunks = [...writeSnapshot(filled(40).state, 100)]
  const others = [...writeSnapshot(filled(41).state, 100)]
  assert.ok(chunks.length > 3)
  const [first, second] = chunks as [Uint8Array, Uint8Array]
  assert.equal(readAll(chunks.slice(0, -1)).kind, 'more')
  assert.equal(whyRefused(chunks.slice(1)), 'outOfOrder')
  assert.equal(whyRefused([first, first]), 'outOfOrder')
  assert.equal(whyRefused([first, ...chunks.slice(2)]), 'outOfOrder')
  assert.equal(whyRefused([first, others[1] as Uint8Array]), 'otherSnapshot')
  assert.equal(
    whyRefused([
      altered(second, (chunk) => {
        chunk.number = 0
      }),
    ]),
    'damaged',
  )
})

test('rows that were tampered with under right checksums do not match the digest', () => {
  const chunks = [...writeSnapshot(filled(3).state)]
  const [only] = chunks as [Uint8Array]
  const tampered = altered(only, ({ rows }) => {
    rows[rows.length - 1] = (rows.at(-1) as number) ^ 1
  })
  assert.equal(whyRefused([tampered]), 'digestMismatch')
  const later = altered(only, (chunk) => {
    ;(chunk.head as { timeMs: number }).timeMs++
  })
  assert.equal(whyRefused([later]), 'digestMismatch')
  const fewer = altered(only, (chunk) => {
    ;(chunk.head as { rows: number }).rows--
  })
  assert.equal(whyRefused([fewer]), 'badRows')
  const cut = altered(only, (chunk) => {
    chunk.rows = chunk.rows.subarray(0, -1)
  })
  assert.equal(whyRefused([cut]), 'badRows')
  const twice = altered(only, (chunk) => {
    ;(chunk.head as { rows: number }).rows *= 2
    chunk.rows = new Uint8Array([...chunk.rows, ...chunk.rows])
  })
  assert.equal(whyRefused([twice]), 'badRows')
})

test('a snapshot of a newer version or form is refused as such, not misread', () => {
  const [only] = [...writeSnapshot({ ...filled(1).state, version: 2 })] as [Uint8Array]
  assert.equal(whyRefused([only], 1), 'ledgerVersionUnsupported')
  assert.equal(readAll([only], 2).kind, 'complete')
  const newer = altered(only, (chunk) => {
    ;(chunk.head as { format: number }).format = 2
  })
  assert.equal(whyRefused([newer], 2), 'formatUnsupported')
})

test('a refusal stands, whatever comes after it', () => {
  const chunks = [...writeSnapshot(filled(12).state, 100)]
  const reader = new SnapshotReader()
  const refusal = reader.push(new Uint8Array(9))
  assert.equal(refusal.kind, 'refused')
  for (const chunk of chunks) assert.deepEqual(reader.push(chunk), refusal)
})

test('no bytes whatever make the reader throw, or are taken for a chunk', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(whyRefused([bytes]), 'damaged')
    }),
    { numRuns: 2_000 },
  )
  // And with a right checksum over anything.
  const head = decodeChunk([...writeSnapshot(genesis)][0] as Uint8Array)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(9), (rows, count) => {
      assert.ok(head?.head)
      const chunk = { ...head, head: { ...head.head, rows: count }, rows }
      assert.notEqual(readAll([encodeChunk(chunk)]).kind, 'complete')
    }),
    { numRuns: 2_000 },
  )
})
