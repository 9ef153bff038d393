/** Stages that begin or end alike are told to the ledger together, where it understands that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outbox } from '../../coordinator/scheduler/core/outbox.ts'
import type { Run } from '../../coordinator/scheduler/core/run.ts'
import { WAVES_SINCE } from '../../coordinator/scheduler/core/waves.ts'
import type { RaceTransition, Transition } from '../../protocol/ledger/commands/work-transitions.ts'
import { runStates, stopModes, unitStates } from '../../protocol/work/states.ts'
import { withStages } from '../workflow/stage.ts'
import { Mesh } from './mesh.ts'

function carried(isNew: boolean) {
  const blades = Array.from({ length: 90 }, (_, i) => `  blade-${i}: { run: x }\n`)
  const mesh = new Mesh({ isNew })
  const run = mesh.start(mesh.put(withStages(blades.join(''))))
  mesh.run(60_000)
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.drops, [])
  const { payloads } = mesh.replica
  const waves = payloads.filter(([version]) => (version as number) >= WAVES_SINCE)
  const bytes = payloads.slice(-10).reduce((sum, { length }) => sum + length, 0)
  return { states: mesh.states(run), waves: waves.length, bytes }
}

test('a wide run goes by waves as soon as the ledger knows them, and ends as it would without', () => {
  const before = carried(false)
  const since = carried(true)
  assert.equal(before.waves, 0)
  assert.ok(since.waves > 0)
  assert.ok(since.bytes * 2 < before.bytes, `${since.bytes} and ${before.bytes} bytes`)
  assert.deepEqual(since.states, before.states)
})

const assigned = (
  stage: string,
  also: { after?: string[]; attempt?: number } = {},
): Transition => ({
  kind: 'assigned',
  value: { stage, attempt: 1, node: 'n1', readyMs: 1, after: [], ...also },
})

const finished = (stage: string, index = 7, outputs?: string): Transition => ({
  kind: 'finished',
  value: {
    stage,
    attempt: 1,
    term: 1,
    index,
    to: unitStates.succeeded,
    record: new Uint8Array([1, 2]),
    ...(outputs === undefined ? {} : { outputs }),
  },
})

const ended: Transition = { kind: 'ended', value: { to: runStates.succeeded, after: ['a'] } }

function told(...transitions: Transition[]) {
  const outbox = new Outbox(1)
  const run = { id: 'r', isFrozen: false } as Run
  for (const transition of transitions) outbox.push(run, transition, 0)
  const { command, items } = outbox.cut(WAVES_SINCE)!
  return {
    said: command.value.runs.flatMap((each) => each.transitions.map(textOf)),
    order: items.map(({ number }) => number - 1),
  }
}

function textOf({ kind, value }: RaceTransition): string {
  if ('stages' in value) return `${kind} ${value.stages}`
  return 'stage' in value ? `${kind} ${value.stage}` : kind
}

test('ends come before all that may stand on them, and beginnings that stand on nothing last', () => {
  assert.deepEqual(
    told(
      assigned('d'),
      finished('a'),
      assigned('e', { after: ['a'] }),
      assigned('f'),
      finished('b'),
      ended,
    ),
    {
      said: ['stagesFinished a/b', 'assigned e', 'ended', 'stagesAssigned d/f'],
      order: [1, 4, 2, 5, 0, 3],
    },
  )
})

test('only what is alike to the last word goes together', () => {
  const { said } = told(
    finished('a'),
    finished('b', 8),
    finished('c', 7, '{}'),
    assigned('d', { attempt: 2 }),
    assigned('e'),
    finished('f', 8),
  )
  assert.deepEqual(said, [
    'finished a',
    'stagesFinished b/f',
    'finished c',
    'assigned d',
    'assigned e',
  ])
})

test('nothing changes places with the end that is made of a run', () => {
  const stopped: Transition = {
    kind: 'stopped',
    value: { mode: stopModes.cancel, by: 'skein', reason: 'late' },
  }
  const { order } = told(assigned('a'), assigned('b'), stopped, finished('c'), finished('d'))
  assert.deepEqual(order, [0, 1, 2, 3, 4])
})
