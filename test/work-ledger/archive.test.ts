import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runStates } from '../../protocol/work/states.ts'
import { bytesOf } from '../ledger/stage.ts'
import {
  assigned,
  finished,
  launched,
  Mesh,
  opened,
  runStart,
  settled,
  smallLimits,
  startRun,
  waiting,
} from './stage.ts'

/** A run with something in every table. */
function ended(run: string, mesh: Mesh): void {
  mesh.advanceRun(
    run,
    opened('each', 3, '[1,2,3]'),
    assigned('each', { item: 0 }),
    assigned('build'),
    waiting('ask', 'approval'),
    settled('done', 'succeeded', { outputs: '{"a":1}' }),
  )
  const index = mesh.state.index
  mesh.advanceRun(
    run,
    finished('each', index, 'succeeded', { item: 0, outputs: '"x"', record: bytesOf('log') }),
    finished('build', index, 'waiting', { waitsFor: 5, errorClass: 'lost' }),
    assigned('build', { attempt: 2, node: 'n2' }),
  )
  mesh.advanceRun(run, finished('build', mesh.state.index, 'succeeded', { attempt: 2 }), {
    kind: 'ended',
    value: { after: [], to: runStates.succeeded, outputs: '{"b":2}' },
  })
}

test('a run that is archived leaves nothing behind', () => {
  const mesh = new Mesh()
  const { size } = mesh.state.rows
  const { bytes, sum } = mesh.state
  mesh.start('r1', { key: 'k' })
  ended('r1', mesh)
  assert.equal(mesh.run().head.state, 'succeeded')
  assert.equal(mesh.state.rows.size, size + 17)
  mesh.ok({ kind: 'runArchive', value: { runs: ['r1'] } })
  assert.deepEqual([...mesh.state.rows.entries()], [])
  assert.deepEqual({ bytes: mesh.state.bytes, sum: mesh.state.sum }, { bytes, sum })
  assert.deepEqual(mesh.replica.events.at(-1)?.change, { kind: 'runArchived', run: 'r1' })
})

test('archiving takes as many steps as it needs, each of them bounded', () => {
  const mesh = new Mesh(smallLimits)
  mesh.start('r1')
  mesh.ok(startRun('r2'))
  ended('r1', mesh)
  ended('r2', mesh)
  const archive = { kind: 'runArchive' as const, value: { runs: ['r1', 'r2'] } }
  let steps = 0
  for (let more = true; more; steps++) {
    const before = mesh.state.rows.size
    const result = mesh.do(archive)
    assert.equal(result.code, 'ok')
    more = result.more ?? false
    assert.ok(before - mesh.state.rows.size <= smallLimits.runRowsArchivedMax + 5)
    assert.ok(steps < 10)
  }
  assert.ok(steps > 2)
  assert.equal(mesh.state.rows.size, 0)
})

test('what is not over, or not there, is passed over', () => {
  const mesh = new Mesh()
  mesh.start('r1')
  const rows = [...mesh.state.rows.entries()]
  mesh.ok({ kind: 'runArchive', value: { runs: ['r0', 'r1'] } })
  assert.deepEqual([...mesh.state.rows.entries()], rows)
})

test('a run whose neighbours have names that begin alike is archived alone', () => {
  const mesh = new Mesh()
  mesh.start('r1')
  mesh.ok(startRun('r10'))
  mesh.ok(startRun('r'))
  for (const run of ['r10', 'r']) mesh.advanceRun(run, settled('a', 'failed', { outputs: '1' }))
  ended('r1', mesh)
  mesh.ok({ kind: 'runArchive', value: { runs: ['r1'] } })
  for (const run of ['r10', 'r']) assert.equal(mesh.run(run).units[0]?.outputs, '1')
  assert.deepEqual(mesh.ask({ kind: 'runIdList', prefix: '' }).items, ['r', 'r10'])
})

test('a run that is archived can be started again, for what follows is another run', () => {
  const mesh = new Mesh()
  mesh.start('r1', { key: 'k' })
  mesh.sure(launched('sub', runStart('child')), {
    kind: 'ended',
    value: { after: [], to: runStates.failed },
  })
  mesh.ok({ kind: 'runArchive', value: { runs: ['r1'] } })
  mesh.ok(startRun('r1', { key: 'k', inputs: '{"other":1}' }))
  assert.deepEqual(mesh.run().units, [])
  assert.equal(mesh.run('child').head.state, 'running')
})
