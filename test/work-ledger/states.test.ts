import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import type { DropCode } from '../../protocol/ledger/result.ts'
import { mayHappen, type UnitEvent, type UnitState } from '../../protocol/work/states.ts'
import {
  assigned,
  fellOut,
  finished,
  launched,
  Mesh,
  opened,
  passed,
  raced,
  runStart,
  settled,
  waiting,
} from './stage.ts'

/** A stage in each state, and the entry that brought it there. */
const ways: Record<UnitState | 'pending', (mesh: Mesh) => void> = {
  pending: () => {},
  waiting: (mesh) => mesh.sure(waiting('s')),
  open: (mesh) => mesh.sure(opened('s', 1)),
  assigned: (mesh) => mesh.sure(assigned('s')),
  succeeded: (mesh) => mesh.sure(settled('s', 'succeeded')),
  failed: (mesh) => mesh.sure(settled('s', 'failed')),
  skipped: (mesh) => mesh.sure(settled('s', 'skipped')),
  cancelled: (mesh) => mesh.sure(settled('s', 'cancelled')),
}

/** Each event, such that only the state can be against it; and the state that it leads to. */
const events: Record<UnitEvent | 'passed', { of(mesh: Mesh): AnyTransition; to: UnitState }> = {
  assigned: { of: () => assigned('s'), to: 'assigned' },
  finished: { of: (mesh) => finished('s', mesh.state.index), to: 'succeeded' },
  raced: { of: () => raced('s'), to: 'assigned' },
  fellOut: { of: (mesh) => fellOut('s', mesh.state.index - 1), to: 'assigned' },
  settled: { of: () => settled('s', 'failed'), to: 'failed' },
  passed: { of: () => passed(['s']), to: 'skipped' },
  waiting: { of: () => waiting('s', 'signal'), to: 'waiting' },
  opened: { of: () => opened('s', 2), to: 'open' },
  launched: { of: () => launched('s', runStart('r2')), to: 'waiting' },
}

/** Written down once more, by hand: the code's own table is what is examined. */
const ended = Object.fromEntries(Object.keys(events).map((event) => [event, 'over' as const]))
const table: Record<UnitState | 'pending', Record<string, DropCode | 'yes'>> = {
  pending: {
    assigned: 'yes',
    finished: 'stale',
    raced: 'stale',
    fellOut: 'stale',
    settled: 'yes',
    passed: 'yes',
    waiting: 'yes',
    opened: 'yes',
    launched: 'yes',
  },
  waiting: {
    assigned: 'yes',
    finished: 'stale',
    raced: 'stale',
    fellOut: 'stale',
    settled: 'yes',
    passed: 'yes',
    waiting: 'yes',
    opened: 'yes',
    launched: 'yes',
  },
  open: {
    assigned: 'stale',
    finished: 'stale',
    raced: 'stale',
    fellOut: 'stale',
    settled: 'yes',
    passed: 'yes',
    waiting: 'stale',
    opened: 'stale',
    launched: 'stale',
  },
  assigned: {
    assigned: 'stale',
    finished: 'yes',
    raced: 'yes',
    fellOut: 'yes',
    settled: 'stale',
    passed: 'stale',
    waiting: 'stale',
    opened: 'stale',
    launched: 'stale',
  },
  succeeded: ended,
  failed: ended,
  skipped: ended,
  cancelled: ended,
}

for (const [from, arrive] of Object.entries(ways) as [UnitState | 'pending', (m: Mesh) => void][]) {
  test(`of a stage that is ${from}, every event is taken or dropped as the table says`, () => {
    for (const [name, { of, to }] of Object.entries(events)) {
      const mesh = new Mesh()
      mesh.startNew()
      arrive(mesh)
      if (from === 'assigned' && name === 'fellOut') mesh.sure(raced('s'))
      const expected = table[from][name]
      const transition = of(mesh)
      const where = `${from}, ${name}`
      if (expected === 'yes') {
        mesh.sure(transition)
        assert.equal(mesh.unit('s')?.state, to, where)
      } else {
        assert.equal(mesh.dropped(transition), expected, where)
        assert.equal(mesh.unit('s')?.state ?? 'pending', from, where)
      }
      const event = name === 'passed' ? 'settled' : (name as UnitEvent)
      assert.equal(
        mayHappen(from === 'pending' ? undefined : from, event),
        expected === 'yes',
        where,
      )
    }
  })
}
