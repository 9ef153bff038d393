/** Claims to lead that the ledger has not confirmed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deskLimits } from '../../agent/work/limits.ts'
import { type Standing, Unproven } from '../../agent/work/unproven.ts'
import type { FromLeader } from '../../agent/work/wire.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'

const claimant = 'claimant' as PeerId
const frame = (term: number): FromLeader => ({ kind: 'assign', value: { term, assignments: [] } })

function stage() {
  let nowMs = 0
  const clock = {
    now: () => nowMs,
    after: () => ({ cancel: () => {} }),
  } as unknown as Clock
  const unproven = new Unproven(clock, () => {})
  const heard: number[] = []
  const review = (standing: (term: number) => Standing) =>
    unproven.review(
      (_, { value }) => standing(value.term),
      (_, { value }) => heard.push(value.term),
    )
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { unproven, heard, review, pass }
}

test('what the ledger confirms later is heard then, in the order in which it was said', () => {
  const { unproven, heard, review } = stage()
  for (const term of [5, 6, 7]) unproven.keep(claimant, frame(term))
  review((term) => (term === 6 ? 'no' : 'unknown'))
  assert.deepEqual([heard, unproven.size, unproven.dropped], [[], 2, 1])
  review(() => 'yes')
  assert.deepEqual([heard, unproven.size], [[5, 7], 0])
})

test('what the ledger never confirms is dropped after a while, and so is what is too much', () => {
  const { unproven, heard, review, pass } = stage()
  for (let i = 0; i < deskLimits.unprovenMax + 3; i++) unproven.keep(claimant, frame(i))
  assert.deepEqual([unproven.size, unproven.dropped], [deskLimits.unprovenMax, 3])
  pass(deskLimits.unprovenMs)
  review(() => 'unknown')
  assert.deepEqual([heard, unproven.size], [[], 0])
  assert.equal(unproven.dropped, deskLimits.unprovenMax + 3)
})

test('work waits a moment for its leader’s word on stops, and is then heard without it', () => {
  const { unproven, heard, review, pass } = stage()
  for (const term of [5, 6]) unproven.keep(claimant, frame(term))
  pass(deskLimits.unheardMs - 1)
  review((term) => (term === 5 ? 'unheard' : 'yes'))
  assert.deepEqual([heard, unproven.size], [[], 2], 'what one says stays in its order')
  review((term) => (term === 5 ? 'yes' : 'unheard'))
  assert.deepEqual([heard, unproven.size], [[5], 1])
  pass(deskLimits.unheardMs - 1)
  review(() => 'unheard')
  assert.deepEqual([heard, unproven.size], [[5], 1], 'the second is not asked about before')
  pass(1)
  review(() => 'unheard')
  assert.deepEqual([heard, unproven.size, unproven.dropped], [[5, 6], 0, 0])
})
