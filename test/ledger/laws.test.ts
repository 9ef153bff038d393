import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { catalogue } from '../../protocol/ledger/catalogue.ts'
import { digestOf, noRows, RunningSum } from '../../protocol/ledger/digest.ts'
import { markOf } from '../../protocol/ledger/digest-trail.ts'
import { eventsIn, type LedgerEvent } from '../../protocol/ledger/events.ts'
import { Machine } from '../../protocol/ledger/machine.ts'
import { SnapshotReader } from '../../protocol/ledger/snapshot-reader.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { genesis, LEDGER_VERSION, type LedgerState } from '../../protocol/ledger/state.ts'
import { contentOf, perform, Replica, smallLimits, steps } from './stage.ts'

function restored(state: LedgerState, chunkBytes = 64): LedgerState {
  const reader = new SnapshotReader()
  let last: ReturnType<SnapshotReader['push']> | undefined
  for (const chunk of writeSnapshot(state, chunkBytes)) last = reader.push(chunk)
  assert.ok(last?.kind === 'complete')
  return last.state
}

/** Where a state stands, or what is about to be one. */
function standingOf(at: Parameters<typeof markOf>[0]) {
  return { ...markOf(at), timeMs: at.timeMs }
}

test('two replicas that apply the same entries agree on everything, though one keeps restarting', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 7 }), (all, restartEvery) => {
      const steady = new Replica(smallLimits)
      let restless = new Replica(smallLimits)
      for (const [i, step] of all.entries()) {
        const here = perform(steady, step)
        const there = perform(restless, step)
        assert.deepEqual(
          { ...there, state: contentOf(there.state) },
          { ...here, state: contentOf(here.state) },
        )
        assert.equal(digestOf(restless.state), digestOf(steady.state))
        if (i % restartEvery === 0) restless = new Replica(smallLimits, restored(restless.state))
      }
    }),
    { numRuns: 150 },
  )
})

test('entries applied together come to what they come to one by one', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 9 }), (all, together) => {
      const oneByOne = new Replica(smallLimits)
      const expected = all.map((step) => {
        const { result, repeated } = perform(oneByOne, step)
        return { result, repeated, ...standingOf(oneByOne.state) }
      })
      const machine = new Machine(catalogue, LEDGER_VERSION, smallLimits)
      let state = genesis
      const told: LedgerEvent[] = []
      const met: typeof expected = []
      for (let at = 0; at < all.length; at += together) {
        const payloads = oneByOne.payloads.slice(at, at + together)
        const entries = payloads.map((payload, i) => ({ index: at + 1 + i, term: 0, payload }))
        const run = machine.applyAll(state, entries, (tx, outcome) => {
          const { result, repeated } = outcome
          told.push(...outcome.told.flatMap(eventsIn))
          met.push({ result, repeated, ...standingOf(tx) })
        })
        assert.equal(run.kind, 'applied')
        state = run.state
      }
      assert.deepEqual(met, expected)
      assert.deepEqual(told, oneByOne.events)
      assert.deepEqual(contentOf(state), contentOf(oneByOne.state))
    }),
    { numRuns: 150 },
  )
})

test('the digest changes when the content changes, and only then', () => {
  let changed = 0
  let unchanged = 0
  fc.assert(
    fc.property(steps, (all) => {
      const replica = new Replica(smallLimits)
      const seen = new Map<string, unknown>()
      for (const step of all) {
        const before = { content: contentOf(replica.state), digest: digestOf(replica.state) }
        perform(replica, step)
        const content = contentOf(replica.state)
        const digest = digestOf(replica.state)
        const isSame = isDeepEqual(content, before.content)
        assert.equal(digest === before.digest, isSame)
        if (isSame) unchanged++
        else changed++
        // Also when a content comes back that was there before.
        if (seen.has(digest)) assert.deepEqual(content, seen.get(digest))
        seen.set(digest, content)
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(changed > 100 && unchanged > 100, 'both cases are met')
})

test('what is carried along with the rows is what the rows give when counted anew', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const replica = new Replica(smallLimits)
      for (const step of all) perform(replica, step)
      const sum = new RunningSum(noRows)
      let bytes = 0
      for (const [key, row] of replica.state.rows.entries()) {
        sum.add(key, row)
        bytes += key.length + row.length + smallLimits.rowOverheadBytes
      }
      assert.deepEqual(replica.state.sum, { ...sum })
      assert.equal(replica.state.bytes, bytes)
    }),
    { numRuns: 100 },
  )
})

test('a refused command changes nothing but the time', () => {
  let refusals = 0
  fc.assert(
    fc.property(steps, (all) => {
      const replica = new Replica(smallLimits)
      for (const step of all) {
        if (step.numbered !== undefined) continue
        const { timeMs: _, ...before } = contentOf(replica.state) as { timeMs: number }
        const hasNote = step.command.kind === 'batch' && step.command.value.audit !== undefined
        const { result, events } = perform(replica, step)
        if (result.code === 'ok' || hasNote) continue
        refusals++
        const { timeMs: __, ...after } = contentOf(replica.state) as { timeMs: number }
        assert.deepEqual(after, before)
        assert.deepEqual(events, [])
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(refusals > 100, 'refusals are met')
})

test('time in the state never goes back, whatever a leader writes', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const replica = new Replica(smallLimits)
      let latest = 0
      for (const step of all) {
        const { events } = perform(replica, step)
        latest = Math.max(latest, step.timeMs)
        assert.equal(replica.state.timeMs, latest)
        for (const event of events) assert.equal(event.timeMs, latest)
      }
    }),
  )
})

function isDeepEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
