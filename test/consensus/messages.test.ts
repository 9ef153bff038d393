import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { configEntry, configOf } from '../../protocol/consensus/config.ts'
import { frameBytesMax, limits, wireLimits } from '../../protocol/consensus/limits.ts'
import { Entry, RaftFrame } from '../../protocol/consensus/messages.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, optional, text, uint } from '../../protocol/wire/schema.ts'
import { entry, peer, Solo } from './solo.ts'

const members = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: peer(i + 1), storage: 5 + i }))

test('a configuration is the same after its way through the log', () => {
  const config = { voters: members(3), outgoing: members(5), learners: [] }
  assert.deepEqual(configOf(configEntry(config, 1).data), config)
  assert.equal(configOf(Buffer.from('not one')), undefined)
  assert.equal(configOf(new Uint8Array(0)), undefined)
})

test('the largest append and the largest chunk fit a frame', () => {
  const size = Math.floor(limits.appendBytesMax / wireLimits.entriesPerAppendMax)
  const client = 'c'.repeat(wireLimits.clientBytesMax)
  const full = { ...entry(2 ** 40), data: new Uint8Array(size), client, serial: 2 ** 50 }
  const entries = Array(wireLimits.entriesPerAppendMax).fill(full)
  const value = { term: 2 ** 40, prevIndex: 2 ** 40, prevTerm: 2 ** 40, commit: 2 ** 40, entries }
  assert.ok(encode(RaftFrame, { kind: 'append', value }).length <= frameBytesMax)
  const one = { ...full, data: new Uint8Array(wireLimits.entryBytesMax) }
  const alone = { ...value, entries: [one] }
  assert.ok(encode(RaftFrame, { kind: 'append', value: alone }).length <= frameBytesMax)
})

test('an entry of a client’s keeps its name and its serial', () => {
  const held = { ...entry(3, 'x'), client: 'c1', serial: 9 }
  const decoded = decode(Entry, encode(Entry, held))
  assert.ok(decoded.ok)
  assert.equal(decoded.value.client, 'c1')
  assert.equal(decoded.value.serial, 9)
})

/** What an entry is on the wire and on disks, spelled out. */
const SpelledEntry = message('Entry', {
  term: field(1, uint()),
  kind: field(2, uint()),
  data: field(3, bytes(wireLimits.entryBytesMax)),
  client: optional(4, text(wireLimits.clientBytesMax)),
  serial: optional(5, uint()),
})

test('an entry is written and read as its schema says, whatever of it is there', () => {
  const all = {
    term: fc.maxSafeNat(),
    kind: fc.nat(300),
    data: fc.uint8Array({ maxLength: 400 }),
    client: fc.string({ maxLength: 20 }),
    serial: fc.maxSafeNat(),
  }
  const anyEntry = fc.record(all, {
    requiredKeys: ['term', 'kind', 'data'],
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(anyEntry, (value) => {
      const bytes = encode(Entry, value)
      assert.deepEqual(bytes, encode(SpelledEntry, value))
      assert.deepEqual(decode(Entry, bytes), { ok: true, value })
    }),
    { numRuns: 1_000 },
  )
})

/** Any message that the wire lets through, from any peer, believable or not. */
const index = fc.nat(8)
const term = fc.nat(4)
const storage = fc.nat(4)
const config = fc.record({
  voters: fc.subarray(members(3)),
  outgoing: fc.subarray(members(3)),
  learners: fc.subarray(members(3)),
})
const wild: fc.Arbitrary<RaftFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('preVoteRequest' as const),
    value: fc.record({ term, lastIndex: index, lastTerm: term }),
  }),
  fc.record({
    kind: fc.constant('preVoteAnswer' as const),
    value: fc.record({ term, storage, granted: fc.boolean() }),
  }),
  fc.record({
    kind: fc.constant('voteRequest' as const),
    value: fc.record({ term, lastIndex: index, lastTerm: term, handover: fc.boolean() }),
  }),
  fc.record({
    kind: fc.constant('voteAnswer' as const),
    value: fc.record({ term, storage, granted: fc.boolean() }),
  }),
  fc.record({
    kind: fc.constant('append' as const),
    value: fc.record({
      term,
      prevIndex: index,
      prevTerm: term,
      commit: index,
      entries: fc.array(
        fc.record({
          term,
          kind: fc.nat(3),
          data: fc.oneof(
            fc.constant(new Uint8Array(0)),
            config.map((c) => configEntry(c, 1).data),
          ),
        }),
        { maxLength: 4 },
      ),
    }),
  }),
  fc.record({
    kind: fc.constant('appendAnswer' as const),
    value: fc.record({
      term,
      storage,
      accepted: fc.boolean(),
      index,
      hintIndex: index,
      hintTerm: term,
      lost: fc.boolean(),
    }),
  }),
  fc.record({
    kind: fc.constant('commitNotice' as const),
    value: fc.record({ term, commit: index }),
  }),
  fc.record({
    kind: fc.constant('heartbeat' as const),
    value: fc.record({ term, commit: index, round: index }),
  }),
  fc.record({
    kind: fc.constant('heartbeatAnswer' as const),
    value: fc.record({ term, storage, round: index, verified: index }),
  }),
  fc.record({
    kind: fc.constant('snapshotChunk' as const),
    value: fc.record({
      term,
      snapshot: fc.record({ index, term, config, bytes: fc.nat(4), checksum: fc.constant('') }),
      offset: fc.nat(4),
      data: fc.uint8Array({ maxLength: 4 }),
    }),
  }),
  fc.record({
    kind: fc.constant('chunkAnswer' as const),
    value: fc.record({
      term,
      storage,
      snapshotIndex: index,
      nextOffset: fc.nat(9),
      gap: fc.boolean(),
    }),
  }),
  fc.record({ kind: fc.constant('timeoutNow' as const), value: fc.record({ term }) }),
  fc.record({ kind: fc.constant('readRequest' as const), value: fc.record({ term, id: index }) }),
  fc.record({
    kind: fc.constant('readAnswer' as const),
    value: fc.record({ term, id: index, index }),
  }),
)

test('no message makes a core throw, take back what it committed, or vote twice', () => {
  const step = fc.record({
    from: fc.integer({ min: 1, max: 5 }),
    frame: wild,
    afterMs: fc.nat(150),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const solo = new Solo({ term: 1, log: [1, 1], commit: 1 })
      let { commit } = solo.status
      const votes = new Map<number, string>()
      for (const { from, frame, afterMs } of steps) {
        solo.live(afterMs)
        const bytes = decode(RaftFrame, encode(RaftFrame, frame))
        assert.ok(bytes.ok)
        solo.from(from, bytes.value)
        assert.ok(solo.status.commit >= commit)
        commit = solo.status.commit
        for (const { to, value } of solo.take('voteAnswer')) {
          if (!value.granted) continue
          assert.equal(votes.get(value.term) ?? to, to)
          votes.set(value.term, to)
        }
      }
    }),
    { seed: 4, numRuns: 3_000 },
  )
})
