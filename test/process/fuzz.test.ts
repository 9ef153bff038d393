/** A real agent among peers that keep no rule, for a few seconds and from a fixed seed. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { attack } from '../../simulations/bench/fuzz-attack.ts'
import {
  type FuzzResult,
  isCounted,
  RESIDENT_RISE_MAX_MIB,
} from '../../simulations/bench/fuzz-verdict.ts'

let result: FuzzResult
before(async () => {
  result = await attack({ seconds: 4, seed: 'a fixed one' })
})

test('an agent that is sent garbage of every kind stays up and goes on answering', () => {
  assert.ok(result.up)
  assert.deepEqual(result.unanswered, [])
})

test('every kind of abuse is counted by its reason', () => {
  const sent = result.tallies.filter((tally) => tally.sent > 0).map(({ kind }) => kind)
  assert.equal(sent.length, result.tallies.length, result.failures.join('; '))
  const uncounted = result.tallies.filter((tally) => !isCounted(tally)).map(({ kind }) => kind)
  assert.deepEqual(uncounted, [])
})

test('what is resident stays within a bound, whatever is sent', () => {
  const { startMib, maxMib } = result.memory
  assert.ok(maxMib < startMib + RESIDENT_RISE_MAX_MIB, `from ${startMib} to ${maxMib} MiB`)
})
