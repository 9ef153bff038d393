import assert from 'node:assert/strict'
import test from 'node:test'
import { head, withStages } from '../workflow/stage.ts'
import { type Fates, fails, Mesh, succeeds } from './mesh.ts'

const failingItems =
  (...items: number[]): Fates =>
  ({ id }) =>
    id.item !== undefined && items.includes(id.item) ? fails('bug', `no ${id.item}`) : succeeds()

test('each item runs with its value, and their outputs are a list in their order', () => {
  const scripts: string[] = []
  const mesh = new Mesh({
    fates: ({ id, step }) => {
      assert.equal(step.kind, 'program')
      scripts.push(step.kind === 'program' ? step.value.argv.join(' ') : '')
      return succeeds({ n: id.item! }, 30 - 10 * (id.item ?? 0))
    },
  })
  const run = mesh.start(`${head}outputs: { all: "\${{ stages.a.outputs }}" }
stages:
  a: { run: [echo, "\${{ item.x }}", "\${{ index }}"], forEach: [{ x: p }, { x: q }, { x: r }] }
`)
  mesh.run()
  assert.deepEqual(scripts.sort(), ['echo p 0', 'echo q 1', 'echo r 2'])
  assert.deepEqual(mesh.outputs(run), { all: [{ n: 0 }, { n: 1 }, { n: 2 }] })
})

test('no more items run at once than the limit says', () => {
  let live = 0
  let most = 0
  const mesh = new Mesh({
    onAssign: () => {
      live++
      most = Math.max(most, live)
      mesh.after(10, () => live--)
    },
    fates: () => succeeds(undefined, 12),
  })
  const run = mesh.start(
    withStages('  a: { run: x, forEach: { items: [1, 2, 3, 4, 5, 6, 7], limit: 3 } }\n'),
  )
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(most, 3)
})

test('items that are computed are those of the list', () => {
  const mesh = new Mesh({
    fates: ({ id }) => succeeds(id.stage === 'a' ? { names: ['x', 'y'] } : undefined),
  })
  const run = mesh.start(
    withStages(`  a: { run: x }
  b: { needs: [a], run: x, forEach: "\${{ stages.a.outputs.names }}" }
`),
  )
  mesh.run()
  assert.deepEqual(mesh.started, ['a', 'b/0', 'b/1'])
  assert.equal(mesh.state(run), 'succeeded')
})

test('a list without elements succeeds with nothing', () => {
  const mesh = new Mesh()
  const run = mesh.start(`${head}outputs: { all: "\${{ stages.a.outputs }}" }
inputs: { names: { type: list, default: [] } }
stages:
  a: { run: x, forEach: "\${{ inputs.names }}" }
`)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.outputs(run), { all: [] })
})

test('failFast: the first failure stops the others, and nothing more begins', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.item === 1 ? fails('bug') : succeeds(undefined, 1_000)),
  })
  const run = mesh.start(
    withStages('  a: { run: x, forEach: { items: [1, 2, 3, 4, 5], limit: 3 } }\n'),
  )
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
  assert.deepEqual(mesh.started, ['a/0', 'a/1', 'a/2'])
  assert.equal(mesh.cancels.length, 2)
  assert.equal(mesh.unit(run, 'a', 0)?.state, 'cancelled')
  assert.equal(mesh.unit(run, 'a', 3), undefined)
})

test('continue: all run, and the stage fails when one has', () => {
  const mesh = new Mesh({ fates: failingItems(1) })
  const run = mesh.start(
    withStages('  a: { run: x, forEach: { items: [1, 2, 3], onFailure: continue } }\n'),
  )
  mesh.run()
  assert.equal(mesh.started.length, 3)
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 'a')?.why, '1 of 3 items failed; item 1: no 1')
})

test('quorum: so many are enough, and those that failed are null among the outputs', () => {
  const mesh = new Mesh({ fates: failingItems(0, 2) })
  const run = mesh.start(`${head}outputs: { all: "\${{ stages.a.outputs }}" }
stages:
  a: { run: x, forEach: { items: [1, 2, 3, 4], onFailure: quorum 2 } }
`)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(mesh.outputs(run), { all: [null, {}, null, {}] })
})

test('quorum: when it cannot be reached any more, the rest is stopped', () => {
  const mesh = new Mesh({
    fates: ({ id }) => ((id.item ?? 0) < 2 ? fails('bug') : succeeds(undefined, 5_000)),
  })
  const run = mesh.start(
    withStages('  a: { run: x, forEach: { items: [1, 2, 3], onFailure: quorum 2 } }\n'),
  )
  mesh.run(1_000)
  assert.equal(mesh.state(run), 'failed')
  assert.equal(mesh.unit(run, 'a', 2)?.state, 'cancelled')
})

test('an item is tried again by itself', () => {
  const mesh = new Mesh({
    fates: ({ id }) => (id.item === 1 && id.attempt === 1 ? fails() : succeeds()),
  })
  const run = mesh.start(withStages('  a: { run: x, retry: 2, forEach: [1, 2] }\n'))
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.unit(run, 'a', 1)?.attempt, 2)
})

test('items are spread over hosts as they ask', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 1_000) })
  const run = mesh.start(
    withStages('  a: { run: x, where: { spread: host }, forEach: [1, 2, 3, 4, 5, 6] }\n'),
  )
  mesh.run(500)
  const nodes = [0, 1, 2, 3, 4, 5].map((item) => mesh.unit(run, 'a', item)?.node).sort()
  assert.deepEqual(nodes, ['a', 'a', 'b', 'b', 'c', 'c'])
})

test('a list of what cannot be is the mistake of the stage', () => {
  const mesh = new Mesh({ fates: () => succeeds({ n: 5 }) })
  const run = mesh.start(
    withStages(`  a: { run: x }
  b: { needs: [a], run: x, forEach: "\${{ stages.a.outputs.n }}" }
`),
  )
  mesh.run()
  assert.equal(mesh.unit(run, 'b')?.errorClass, 'input')
  assert.match(mesh.unit(run, 'b')!.why!, /^stages\.b\.forEach: its items are no list/)
})
