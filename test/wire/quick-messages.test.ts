import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { envelopeSchema } from '../../agent/links/envelope.ts'
import * as consensus from '../../protocol/consensus/messages.ts'
import * as digest from '../../protocol/membership/digest.ts'
import * as membership from '../../protocol/membership/messages.ts'
import { decode, decodeWhole, encode } from '../../protocol/wire/codec.ts'
import type { Schema } from '../../protocol/wire/schema.ts'

const number = fc.oneof(fc.nat(200), fc.maxSafeNat())
const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
const data = (most: number) => fc.uint8Array({ maxLength: most })
const yes = fc.boolean()

/** A record of these; those after `optional` may be absent. */
function record<T extends Record<string, fc.Arbitrary<unknown>>>(needed: T, optional = {}) {
  return fc.record(
    { ...needed, ...optional },
    { requiredKeys: Object.keys(needed) as never, noNullPrototype: true },
  )
}

const entry = record({ term: number, kind: number, data: data(9) }, { client: id, serial: number })
const mark = record({ index: number, digest: fc.constantFrom('', '0123456789abcdef') })
const ledger = record(
  {
    storage: number,
    leads: yes,
    votes: yes,
    term: number,
    commit: number,
    applied: number,
    digest: fc.constantFrom('', '0123456789abcdef'),
    stopped: yes,
  },
  { mark, supports: number },
)
const load = record(
  {
    cores: number,
    memoryTotalBytes: number,
    memoryUsedBytes: number,
    diskTotalBytes: number,
    diskAvailableBytes: number,
    receivedBytesPerSecond: number,
    sentBytesPerSecond: number,
    agentResidentBytes: number,
    loopLagMicros: number,
  },
  {
    cpuPermille: number,
    load1Hundredths: number,
    swapUsedBytes: number,
    temperatureDecicelsius: number,
    agentCpuPermille: number,
    warnings: number,
  },
)
const aboutItself = record(
  {
    owner: id,
    incarnation: number,
    sequence: number,
    left: yes,
    wireVersion: number,
    agentVersion: id,
    profileHash: data(16),
    labelsHash: data(8),
    localHealth: number,
    runningAttempts: number,
    intervalMs: number,
  },
  { load, ledger },
)
const signed = record({ body: data(40), signature: data(64) })
const carried = record({
  owner: id,
  incarnation: number,
  sequence: number,
  signed,
  ageMs: number,
})
const claim = record({ about: id, rank: number, incarnation: number, by: id }, { ageMs: number })
const news = record({
  claims: fc.array(claim, { maxLength: 3 }),
  digests: fc.array(carried, { maxLength: 3 }),
})

const quickOnes: readonly (readonly [Schema<never>, fc.Arbitrary<unknown>])[] = [
  [consensus.Entry, entry],
  [
    consensus.Append,
    record({
      term: number,
      prevIndex: number,
      prevTerm: number,
      commit: number,
      entries: fc.array(entry, { maxLength: 3 }),
    }),
  ],
  [
    consensus.AppendAnswer,
    record({
      term: number,
      storage: number,
      accepted: yes,
      index: number,
      hintIndex: number,
      hintTerm: number,
      lost: yes,
    }),
  ],
  [consensus.CommitNotice, record({ term: number, commit: number })],
  [consensus.Heartbeat, record({ term: number, commit: number, round: number })],
  [
    consensus.HeartbeatAnswer,
    record({ term: number, storage: number, round: number, verified: number }),
  ],
  [membership.CarriedDigest, carried],
  [membership.News, news],
  [membership.Ping, record({ seq: number, news })],
  [membership.Ack, record({ seq: number, news })],
  [digest.Signed, signed],
  [digest.LoadRecord, load],
  [digest.LedgerRecord, ledger],
  [digest.Digest, aboutItself],
  [envelopeSchema(99), record({ payload: data(9) }, { requestId: number })],
  [envelopeSchema(99), record({ payload: data(9) }, { responseTo: number })],
  [envelopeSchema(99), record({ responseTo: number, refusal: id })],
] as never

/** A field that nobody knows: what has one is read by the schema itself, and says the same. */
const unknownField = [0xf8, 0x7f, 0x00]

for (const [schema, values] of quickOnes) {
  test(`of each ${schema.name} the quick way has what its schema reads`, () => {
    const flip = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(values, fc.array(flip, { maxLength: 2 }), (value, flips) => {
        const bytes = encode(schema, value as never)
        assert.deepEqual(decodeWhole(schema, bytes), value)
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte
        const quickly = decode(schema, bytes)
        if (!quickly.ok) return
        const slowly = decode(schema, Uint8Array.from([...bytes, ...unknownField]))
        assert.deepEqual(quickly, slowly)
      }),
    )
  })
}
