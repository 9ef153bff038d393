import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UnitAssigned, UnitFinished } from '../../protocol/ledger/commands/work-transitions.ts'
import { decodeWhole, encode } from '../../protocol/wire/codec.ts'

const number = fc.nat()
const word = fc.string({ unit: 'grapheme' })

test('what is said of an assignment is read as it was written, whatever of it is there', () => {
  const required = {
    stage: word,
    attempt: number,
    node: word,
    readyMs: fc.maxSafeNat(),
    after: fc.array(word),
  }
  const requiredKeys = Object.keys(required) as (keyof typeof required)[]
  const all = { ...required, item: number, closing: fc.boolean() }
  fc.assert(
    fc.property(fc.record(all, { requiredKeys, noNullPrototype: true }), (value) => {
      assert.deepEqual(decodeWhole(UnitAssigned, encode(UnitAssigned, value)), value)
    }),
    { numRuns: 500 },
  )
})

test('what is said of an end is read as it was written, whatever of it is there', () => {
  const required = {
    stage: word,
    attempt: number,
    term: number,
    index: fc.maxSafeNat(),
    to: number,
  }
  const requiredKeys = Object.keys(required) as (keyof typeof required)[]
  const rare = {
    waitsFor: number,
    dueMs: fc.maxSafeNat(),
    errorClass: word,
    why: word,
    exitCode: fc.integer(),
    signal: fc.record({ event: word, by: word }, { noNullPrototype: true }),
    artifacts: fc.record(
      { manifest: word, files: number, bytes: number },
      { noNullPrototype: true },
    ),
  }
  const common = { item: number, outputs: word, record: fc.uint8Array() }
  const usual = fc.record({ ...required, ...common }, { requiredKeys, noNullPrototype: true })
  const any = fc.record(
    { ...required, ...common, ...rare },
    { requiredKeys, noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.oneof(usual, any), (value) => {
      assert.deepEqual(decodeWhole(UnitFinished, encode(UnitFinished, value)), value)
    }),
    { numRuns: 1_000 },
  )
})
