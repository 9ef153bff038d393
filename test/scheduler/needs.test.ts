import assert from 'node:assert/strict'
import test from 'node:test'
import { withStages } from '../workflow/stage.ts'
import { type Fates, fails, Mesh, succeeds } from './mesh.ts'

const failing =
  (...stages: string[]): Fates =>
  ({ id }) =>
    stages.includes(id.stage) ? fails('bug') : succeeds()

test('a chain runs in its order, and its run succeeds', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages('  a: { run: x }\n  b: { needs: [a], run: x }\n  c: { needs: [b], run: x }\n'),
  )
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b', 'c'])
  assert.deepEqual(mesh.states(run), { a: 'succeeded', b: 'succeeded', c: 'succeeded' })
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.drops, [])
})

test('a hop from one stage to the next is one entry of the ledger', () => {
  const mesh = new Mesh()
  const stages = Array.from(
    { length: 20 },
    (_, i) => `  s${i}: { ${i === 0 ? '' : `needs: [s${i - 1}], `}run: x }\n`,
  )
  const put = mesh.put(withStages(stages.join('')))
  const before = mesh.replica.state.index
  mesh.start(put)
  mesh.run()
  // The start, the first assignment, then each result with what follows from it.
  assert.equal(mesh.replica.state.index - before, 1 + 1 + 20)
})

test('what needs a stage that failed is cancelled, and what does not goes on', () => {
  const mesh = new Mesh({ fates: failing('a') })
  const run = mesh.start(
    withStages(`  a: { run: x }
  b: { needs: [a, c], run: x }
  c: { run: x }
  d: { needs: [c], run: x }
  e: { needs: [b], run: x }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), {
    a: 'failed',
    b: 'cancelled',
    c: 'succeeded',
    d: 'succeeded',
    e: 'cancelled',
  })
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.view(run).head.reason, 'a failed')
  assert.equal(mesh.unit(run, 'b')?.why, 'a failed')
})

test('an optional stage that failed stops neither those that need it nor the run', () => {
  const mesh = new Mesh({ fates: failing('a') })
  const run = mesh.start(
    withStages('  a: { run: x, optional: true }\n  b: { needs: [a], run: x }\n'),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), { a: 'failed', b: 'succeeded' })
  assert.equal(mesh.state(run), 'succeeded')
})

test('a stage whose condition does not hold is skipped, to where branches meet', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages(`  a: { run: x }
  no: { needs: [a], if: 'stages.a.state == "failed"', run: x }
  after: { needs: [no], run: x }
  meet: { needs: [after, a], run: x }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), {
    a: 'succeeded',
    after: 'skipped',
    meet: 'succeeded',
    no: 'skipped',
  })
  assert.equal(mesh.state(run), 'succeeded')
})

test('choose takes the first case that holds, and skips the others', () => {
  const mesh = new Mesh({
    fates: ({ id }) => succeeds(id.stage === 'a' ? { size: 7 } : undefined),
  })
  const run = mesh.start(
    withStages(`  a: { run: x }
  branch:
    needs: [a]
    choose:
      cases:
        - { when: stages.a.outputs.size > 10.0, then: [large] }
        - { when: stages.a.outputs.size > 5.0, then: [middle, both] }
        - { when: 'true', then: [small, both] }
      otherwise: [none]
  large: { run: x }
  middle: { run: x }
  small: { run: x }
  none: { run: x }
  both: { run: x }
  meet: { needs: [large, middle, small, none], run: x }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), {
    a: 'succeeded',
    branch: 'succeeded',
    both: 'succeeded',
    large: 'skipped',
    meet: 'succeeded',
    middle: 'succeeded',
    none: 'skipped',
    small: 'skipped',
  })
})

test('when no case holds, otherwise is taken', () => {
  const mesh = new Mesh()
  const run = mesh.start(
    withStages(`  branch: { choose: { cases: [{ when: 'false', then: a }], otherwise: b } }
  a: { run: x }
  b: { run: x }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.states(run), { a: 'skipped', b: 'succeeded', branch: 'succeeded' })
})

test('a stage of many needs begins when the last is over, however many end at once', () => {
  const mesh = new Mesh({ commitMs: 30 })
  const names = Array.from({ length: 700 }, (_, i) => `n${i}`)
  const stages = names.map((name) => `  ${name}: { wait: 0s }\n`).join('')
  const run = mesh.start(withStages(`${stages}  join: { needs: [${names.join(', ')}], run: x }\n`))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.drops, [])
})

test('thousands of stages that come to nothing do so without a stack', () => {
  const mesh = new Mesh({ fates: failing('s0') })
  const stages = Array.from(
    { length: 5_000 },
    (_, i) => `  s${i}: { ${i === 0 ? '' : `needs: [s${i - 1}], `}run: x }\n`,
  )
  const run = mesh.start(withStages(stages.join('')))
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 's4999')?.state, 'cancelled')
  assert.equal(mesh.started.length, 1)
})
