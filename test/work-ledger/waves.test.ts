import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Transition, WaveTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import { type StateLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import { runStates, stopModes, unitStates, waitReasons } from '../../protocol/work/states.ts'
import { bytesOf, contentOf } from '../ledger/stage.ts'
import { Mesh } from './stage.ts'

const stage = fc.constantFrom('a', 'b', 'c', 'd', 'no name', '')
const stages = fc.array(stage, { minLength: 1, maxLength: 5 }).map((all) => all.join('/'))
const record = fc.option(fc.constantFrom(bytesOf('in time'), bytesOf('x'.repeat(20_000))), {
  nil: undefined,
})

const assignedTogether = fc
  .record({ stages, node: fc.constantFrom('n1', 'n2', 'bad node'), readyMs: fc.nat(9) })
  .map((value) => ({ kind: 'stagesAssigned', value }) as const)

const finishedTogether = fc
  .record({
    stages,
    attempt: fc.integer({ min: 1, max: 2 }),
    term: fc.integer({ min: 0, max: 1 }),
    index: fc.integer({ min: 4, max: 12 }),
    record,
  })
  .map(({ record: said, ...value }) => {
    const full = said === undefined ? value : { ...value, record: said }
    return { kind: 'stagesFinished', value: full } as const
  })

/** What makes stages and runs be other than a wave expects. */
const others = fc.constantFrom<Transition>(
  { kind: 'opened', value: { stage: 'a', items: 2, readyMs: 1, after: [] } },
  {
    kind: 'waiting',
    value: { stage: 'b', waitsFor: waitReasons.time, dueMs: 5, readyMs: 1, after: [] },
  },
  {
    kind: 'waiting',
    value: { stage: 'c', waitsFor: waitReasons.retry, errorClass: 'bug', readyMs: 1, after: [] },
  },
  { kind: 'passed', value: { stages: ['d'], to: unitStates.skipped, after: [] } },
  { kind: 'stopped', value: { mode: stopModes.cancel, by: 'skein', reason: 'late' } },
  { kind: 'ended', value: { to: runStates.succeeded, after: [] } },
)

const entry = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: assignedTogether as fc.Arbitrary<WaveTransition> },
    { weight: 5, arbitrary: finishedTogether as fc.Arbitrary<WaveTransition> },
    { weight: 2, arbitrary: others as fc.Arbitrary<WaveTransition> },
  ),
  { minLength: 1, maxLength: 4 },
)

function oneByOne(transition: WaveTransition): Transition[] {
  if (transition.kind === 'stagesAssigned') {
    const { stages: names, ...rest } = transition.value
    const alike = { ...rest, attempt: 1, after: [] }
    return names.split('/').map((name) => ({ kind: 'assigned', value: { stage: name, ...alike } }))
  }
  if (transition.kind === 'stagesFinished') {
    const { stages: names, ...rest } = transition.value
    const alike = { ...rest, to: unitStates.succeeded }
    return names.split('/').map((name) => ({ kind: 'finished', value: { stage: name, ...alike } }))
  }
  return [transition]
}

function begun(limits?: StateLimits): Mesh {
  const mesh = new Mesh(limits)
  mesh.start('r1')
  mesh.do({ kind: 'versionRaise', value: { to: LEDGER_VERSION } })
  return mesh
}

function compare(limits: StateLimits | undefined, entries: readonly WaveTransition[][]): number {
  const together = begun(limits)
  const apart = begun(limits)
  let taken = 0
  for (const transitions of entries) {
    for (const mesh of [together, apart]) mesh.timeMs += 3
    const term = together.term
    const wave = together.do({
      kind: 'workWave',
      value: { term, runs: [{ run: 'r1', transitions }] },
    })
    const single = transitions.flatMap(oneByOne)
    const advance = apart.do({
      kind: 'workAdvance',
      value: { term, runs: [{ run: 'r1', transitions: single }] },
    })
    assert.deepEqual(wave, advance)
    assert.deepEqual(contentOf(together.state), contentOf(apart.state))
    taken += single.length - (wave.dropped?.length ?? 0)
  }
  assert.deepEqual(together.replica.events, apart.replica.events)
  return taken
}

test('a wave comes to what its stages come to one by one: rows, drops and events', () => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 8 }), (entries) => {
      taken += compare(undefined, entries)
    }),
    { numRuns: 600 },
  )
  assert.ok(taken > 1_000, 'many have an effect')
})

test('a wave begins no more than there is room for, as its stages would one by one', () => {
  const all = Array.from({ length: 40 }, (_, i) => `stage-${i}`).join('/')
  const wave = { kind: 'stagesAssigned', value: { stages: all, node: 'n1', readyMs: 1 } } as const
  const taken = compare({ ...stateLimits, stateBytesMax: 6_000 }, [[wave]])
  assert.ok(taken > 0 && taken < 40, String(taken))
})

test('stages count one by one towards how many transitions an entry may have', () => {
  const mesh = begun({ ...stateLimits, transitionsMax: 3 })
  const wave = (stages: string) =>
    mesh.do({
      kind: 'workWave',
      value: {
        term: mesh.term,
        runs: [
          {
            run: 'r1',
            transitions: [{ kind: 'stagesAssigned', value: { stages, node: 'n1', readyMs: 1 } }],
          },
        ],
      },
    })
  assert.equal(wave('a/b/c/d').code, 'tooLarge')
  assert.equal(wave('a/b/c').code, 'ok')
})

test('of a run that is not there, or is over, every stage of a wave is dropped', () => {
  const mesh = begun()
  mesh.sure({ kind: 'ended', value: { to: runStates.succeeded, after: [] } })
  const transitions = [
    { kind: 'stagesAssigned', value: { stages: 'a/b', node: 'n1', readyMs: 1 } } as const,
  ]
  const runs = [
    { run: 'r1', transitions },
    { run: 'r2', transitions },
  ]
  const { dropped } = mesh.do({ kind: 'workWave', value: { term: mesh.term, runs } })
  assert.deepEqual(dropped, [
    { item: 0, code: 'over' },
    { item: 1, code: 'over' },
    { item: 2, code: 'notFound' },
    { item: 3, code: 'notFound' },
  ])
})
