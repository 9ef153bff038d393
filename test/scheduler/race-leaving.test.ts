/** The attempt that another one outran: until its host says that it is over it keeps its room, and is asked to end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { schedulerTimes } from '../../coordinator/scheduler/core/limits.ts'
import { withStages } from '../workflow/stage.ts'
import { type Fate, type Fates, host, Mesh, type MeshOptions, succeeds } from './mesh.ts'
import { knownTimes } from './race-times.ts'

const deaf: Fate = { ...succeeds({ by: 1 }, 60_000), ignoresCancel: true }
const small = ['a', 'b'].map((id) => host(id, { attemptsMax: 1 }))
const two = '  t1: { needs: [s], run: y }\n  t2: { needs: [s], run: y }\n'
const text = withStages(`  s: { run: x, race: true }\n${two}`)
const after = withStages('  t1: { run: y }\n  t2: { run: y }\n')

/** The first attempt of the raced stage comes to this; all else is quick. */
function meshOf(first: Fate, more: MeshOptions = {}): { mesh: Mesh; placed: [string, string][] } {
  const placed: [string, string][] = []
  const fates: Fates = ({ id }) =>
    id.stage === 's' && id.attempt === 1 ? first : succeeds({}, 1_000)
  const mesh = new Mesh({
    times: knownTimes,
    fates,
    isNew: true,
    hosts: small,
    onAssign: ({ id }, node) => placed.push([id.stage, node]),
    ...more,
  })
  return { mesh, placed }
}

const hostOf = (placed: readonly [string, string][], stage: string) =>
  placed.find(([name]) => name === stage)?.[1]

test('nothing is placed where it still runs, and the room comes back when it has ended', () => {
  const { mesh, placed } = meshOf(deaf)
  const run = mesh.start(text)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  const loser = hostOf(placed, 's')
  assert.deepEqual(
    placed.slice(2).map(([, node]) => node === loser),
    [false, false],
  )
  mesh.run(60_000, () => false)
  placed.length = 0
  mesh.start(after)
  mesh.run()
  assert.equal(new Set(placed.map(([, node]) => node)).size, 2)
  assert.deepEqual(mesh.drops, [])
})

test('one that does not end is asked again, and politely', () => {
  const { mesh } = meshOf(deaf)
  mesh.start(text)
  mesh.run(5_500 + 2 * schedulerTimes.cancelRepeatMs, () => false)
  assert.ok(mesh.cancels.length > 1)
  assert.ok(mesh.cancels.every(({ id, atOnce }) => id.attempt === 1 && !atOnce))
  mesh.run(60_000, () => false)
  const said = mesh.cancels.length
  mesh.run(60_000, () => false)
  assert.equal(mesh.cancels.length, said, 'nobody is asked who has ended')
})

test('the room comes back when its host is lost, or holds it no more', () => {
  for (const how of ['lost', 'forgotten'] as const) {
    const { mesh, placed } = meshOf(deaf)
    const run = mesh.start(text)
    mesh.run()
    assert.equal(mesh.state(run), 'succeeded')
    const loser = hostOf(placed, 's')!
    if (how === 'lost') {
      mesh.killHost(loser)
      mesh.run(100, () => false)
      mesh.reviveHost(loser)
    } else {
      mesh.agents.get(loser)!.held.clear()
      mesh.run(2 * schedulerTimes.inquireAfterMs, () => false)
    }
    placed.length = 0
    mesh.start(after)
    mesh.run(100)
    assert.equal(new Set(placed.map(([, node]) => node)).size, 2, how)
  }
})

test('it is asked to end also where the rest of its turn was dropped, and its run read anew', () => {
  const { mesh } = meshOf({ ...deaf, ignoresCancel: false }, { commitMs: 50 })
  const run = mesh.start(text)
  mesh.run(3_600_000, () => mesh.isOnItsWay('finished'))
  // Nothing more begins in the run; the leader has not heard of it when its turn is applied.
  mesh.do({ kind: 'runCancel', value: { run, by: 'eve', reason: 'enough' } })
  mesh.run()
  assert.ok(mesh.drops.length > 0, 'something of the turn was dropped')
  assert.deepEqual(
    mesh.cancels.map(({ id }) => id.attempt),
    [1],
  )
  mesh.run(60_000, () => false)
  const held = [...mesh.agents.values()].flatMap((agent) => [...agent.held.keys()])
  assert.deepEqual(held, [])
})
