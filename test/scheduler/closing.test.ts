import assert from 'node:assert/strict'
import test from 'node:test'
import { head, withStages } from '../workflow/stage.ts'
import { type Fates, fails, Mesh, succeeds } from './mesh.ts'

const failing =
  (...stages: string[]): Fates =>
  ({ id }) =>
    stages.includes(id.stage) ? fails('bug') : succeeds()

const saga = withStages(`  a: { run: x, compensate: undo-a }
  b: { needs: [a], run: x, compensate: undo-b }
  c: { needs: [b], run: x, compensate: undo-c }
  d: { needs: [c], run: x }
  undo-a: { run: x }
  undo-b: { run: x }
  undo-c: { run: x }
`)

test('when a run fails, what succeeded is undone, the last first and one after the other', () => {
  const mesh = new Mesh({ fates: failing('d') })
  const run = mesh.start(saga)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'c', 'd', 'undo-c', 'undo-b', 'undo-a'])
  assert.equal(mesh.state(run), 'failed')
})

test('what did not succeed is not undone, and an undoing that fails stops no other', () => {
  const mesh = new Mesh({ fates: failing('c', 'undo-b') })
  const run = mesh.start(saga)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'c', 'undo-b', 'undo-a'])
  assert.equal(mesh.unit(run, 'undo-b')?.state, 'failed')
  assert.equal(mesh.unit(run, 'undo-c'), undefined)
  assert.equal(mesh.state(run), 'failed')
})

test('nothing is undone of a run that succeeds', () => {
  const mesh = new Mesh()
  const run = mesh.start(saga)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'c', 'd'])
  assert.equal(mesh.state(run), 'succeeded')
})

test('a fallback stands in for the stage that failed, with its outputs', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.stage === 'a' ? fails('bug') : succeeds({ from: id.stage })),
  })
  const run = mesh.start(`${head}outputs: { from: "\${{ stages.a.outputs.from }}" }
stages:
  a: { run: x, fallback: other }
  other: { run: x }
  b: { needs: [a], run: x }
`)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'other', 'b'])
  assert.deepEqual(mesh.states(run), { a: 'succeeded', b: 'succeeded', other: 'succeeded' })
  assert.deepEqual(mesh.outputs(run), { from: 'other' })
})

test('when the fallback fails too, the stage has failed', () => {
  const mesh = new Mesh({ fates: failing('a', 'other') })
  const run = mesh.start(
    withStages(
      '  a: { run: x, fallback: other }\n  other: { run: x }\n  b: { needs: [a], run: x }\n',
    ),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), { a: 'failed', b: 'cancelled', other: 'failed' })
  assert.equal(mesh.state(run), 'failed')
})

test('a fallback stands in for a stage of items, and for one that could not even begin', () => {
  const mesh = new Mesh({ fates: failing('a') })
  const run = mesh.start(
    withStages(`  a: { run: x, forEach: [1, 2], fallback: other }
  other: { run: x }
  b: { needs: [a], run: "echo \${{ stages.a.outputs.nothing }}", fallback: third }
  third: { run: x }
`).replace('stages.a.outputs.nothing', 'stages.a.outputs[7]'),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), {
    a: 'succeeded',
    b: 'succeeded',
    other: 'succeeded',
    third: 'succeeded',
  })
})

const sections = `${head}stages:
  a: { run: x }
  b: { needs: [a], run: x }
onFailure:
  tell: { run: [tell, "\${{ run.state }}", "\${{ run.failed.join(',') }}"] }
  more: { needs: [tell], run: x }
finally:
  clean: { run: [clean, "\${{ run.state }}"] }
`

function told(mesh: Mesh): string[] {
  const words: string[] = []
  const { fates } = mesh
  mesh.fates = (assignment, node) => {
    if (assignment.step.kind === 'program') words.push(assignment.step.value.argv.join(' '))
    return fates(assignment, node)
  }
  return words
}

test('onFailure runs after a failure, finally always and last, and both know how it went', () => {
  const mesh = new Mesh({ fates: failing('b') })
  const words = told(mesh)
  const run = mesh.start(sections)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'tell', 'more', 'clean'])
  assert.deepEqual(words, ['tell failed b', 'clean failed'])
  assert.equal(mesh.state(run), 'failed')
})

test('without a failure only finally runs', () => {
  const mesh = new Mesh()
  const words = told(mesh)
  const run = mesh.start(sections)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'clean'])
  assert.deepEqual(words, ['clean succeeded'])
  assert.equal(mesh.state(run), 'succeeded')
})

test('a run whose clean-up fails has failed', () => {
  const mesh = new Mesh({ fates: failing('clean') })
  const run = mesh.start(sections)
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.view(run).head.reason!, /finally failed/)
})

test('cancelling stops what runs, undoes what was done and cleans up', () => {
  const mesh = new Mesh({
    fates: ({ id }) => succeeds(undefined, id.stage === 'b' ? 10_000 : 10),
  })
  const run = mesh.start(`${head}stages:
  a: { run: x, compensate: undo }
  undo: { run: x }
  b: { needs: [a], run: x }
  c: { needs: [b], run: x }
onFailure: { tell: { run: x } }
finally: { clean: { run: x } }
`)
  mesh.run(500)
  mesh.stop(run)
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'undo', 'clean'])
  assert.equal(mesh.cancels[0]?.atOnce, false)
  assert.deepEqual(mesh.states(run), {
    a: 'succeeded',
    b: 'cancelled',
    c: 'cancelled',
    clean: 'succeeded',
    undo: 'succeeded',
  })
  assert.equal(mesh.state(run), 'cancelled')
  assert.deepEqual(mesh.drops, [])
})

test('killing begins nothing more, and what runs is not asked politely', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 10_000) })
  const run = mesh.start(sections)
  mesh.run(500)
  mesh.stop(run, 'runKill')
  mesh.run()
  assert.deepEqual(mesh.started, ['a'])
  assert.equal(mesh.cancels[0]?.atOnce, true)
  assert.equal(mesh.state(run), 'cancelled')
})

test('a cancellation that the agent does not follow is said again, and a kill comes through', () => {
  let isStubborn = true
  const mesh = new Mesh({
    fates: () => ({ ...succeeds(undefined, 3_600_000), ignoresCancel: isStubborn }),
  })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  mesh.stop(run)
  mesh.run(20_000)
  assert.equal(mesh.state(run), 'running')
  assert.ok(mesh.cancels.length >= 3)
  isStubborn = false
  mesh.stop(run, 'runKill')
  mesh.run(5_000)
  assert.equal(mesh.cancels.at(-1)?.atOnce, true)
  assert.equal(mesh.state(run), 'cancelled')
})

test('a stage that succeeded before the cancellation reached it is undone', () => {
  const mesh = new Mesh({
    fates: ({ id }) => ({ ...succeeds(undefined, 1_000), ignoresCancel: id.stage === 'a' }),
  })
  const run = mesh.start(
    withStages(
      '  a: { run: x, compensate: undo }\n  undo: { run: x }\n  b: { needs: [a], run: x }\n',
    ),
  )
  mesh.run(500)
  mesh.stop(run)
  mesh.run()
  assert.deepEqual(mesh.states(run), { a: 'succeeded', b: 'cancelled', undo: 'succeeded' })
  assert.equal(mesh.state(run), 'cancelled')
})

test('a cancellation that all stages have overtaken changes nothing', () => {
  const mesh = new Mesh({ fates: () => ({ ...succeeds(undefined, 1_000), ignoresCancel: true }) })
  const run = mesh.start(withStages('  a: { run: x }\n'))
  mesh.run(500)
  mesh.stop(run)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
})

test('a run is cancelled when its time is over', () => {
  const mesh = new Mesh({
    fates: ({ id }) => succeeds(undefined, id.stage === 'a' ? 60_000 : 10),
  })
  const run = mesh.start(`${head}timeout: 5s
stages: { a: { run: x } }
finally: { clean: { run: x } }
`)
  mesh.run()
  assert.equal(mesh.state(run), 'cancelled')
  assert.equal(mesh.view(run).head.reason, 'its time is over')
  assert.deepEqual(mesh.started, ['a', 'clean'])
})
