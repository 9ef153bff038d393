import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localLimits } from '../../protocol/ledger/limits.ts'
import type { Page } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { runStates } from '../../protocol/work/states.ts'
import { bytesOf } from '../ledger/stage.ts'
import {
  assigned,
  finished,
  hash,
  Mesh,
  opened,
  putWorkflow,
  settled,
  startRun,
  waiting,
} from './stage.ts'

const idsOf = (items: readonly { run: string }[]) => items.map(({ run }) => run)

/** Six runs, a second apart; the even ones are over. */
function busy(): Mesh {
  const mesh = new Mesh()
  mesh.ok(putWorkflow())
  for (let i = 0; i < 6; i++) {
    mesh.timeMs = 1_000 * (i + 1)
    // Not in the order of their ids.
    const labels: Record<string, string> = i < 3 ? { team: 'edge' } : { team: 'core', env: 'prod' }
    mesh.ok(startRun(`${'cafbed'[i]}`, { name: i === 4 ? 'other' : 'release', labels }))
  }
  for (const run of ['c', 'f', 'e']) {
    mesh.advanceRun(run, { kind: 'ended', value: { after: [], to: runStates.succeeded } })
  }
  return mesh
}

/** All pages of a list, one after the other. */
function pages<T>(ask: (onwards: { after?: string }) => Page<T>): T[][] {
  const found: T[][] = []
  let after: string | undefined
  do {
    const { items, next } = ask(after === undefined ? {} : { after })
    found.push(items)
    after = next
    assert.ok(found.length < 50)
  } while (after !== undefined)
  return found
}

test('runs are listed newest first, whatever their ids', () => {
  const mesh = busy()
  const { items, next } = mesh.ask({ kind: 'runList' })
  assert.deepEqual(idsOf(items), ['d', 'e', 'b', 'f', 'a', 'c'])
  assert.equal(next, undefined)
  const { index } = items[0] ?? {}
  assert.deepEqual(items[0], {
    run: 'd',
    state: 'running',
    stop: 'none',
    revision: index,
    name: 'release',
    by: 'anna',
    startedMs: 6_000,
    index,
    workflow: hash,
    labels: { team: 'core', env: 'prod' },
  })
})

test('a list of runs comes in pages that follow each other without a gap', () => {
  const mesh = busy()
  const found = pages((onwards) => mesh.ask({ kind: 'runList', limit: 2, ...onwards }))
  assert.deepEqual(found.map(idsOf), [
    ['d', 'e'],
    ['b', 'f'],
    ['a', 'c'],
  ])
})

test('a list of runs may be narrowed by state, name, labels and time', () => {
  const mesh = busy()
  const list = (filter: object) => idsOf(mesh.ask({ kind: 'runList', ...filter }).items).join('')
  assert.equal(list({ states: ['running'] }), 'dba')
  assert.equal(list({ states: ['succeeded', 'failed'] }), 'efc')
  assert.equal(list({ states: [] }), '')
  assert.equal(list({ name: 'other' }), 'e')
  assert.equal(list({ labels: { team: 'core' } }), 'deb')
  assert.equal(list({ labels: { team: 'edge', env: 'prod' } }), '')
  assert.equal(list({ labels: { team: 'edge' }, states: ['running'] }), 'a')
  assert.equal(list({ sinceMs: 3_000, untilMs: 5_000 }), 'bf')
  assert.equal(list({ sinceMs: 5_001 }), 'd')
  assert.equal(list({ untilMs: 1_000 }), '')
  assert.equal(list({ untilMs: 1_001 }), 'c')
  assert.equal(list({ untilMs: 0 }), '')
  assert.equal(list({ sinceMs: -5, untilMs: 1e20 }), 'debfac')
})

test('a page that leaves out much ends early, and says where to go on', () => {
  const mesh = busy()
  const limits = { ...localLimits, listScanMax: 2 }
  const query = { kind: 'runList', states: ['succeeded'] as const } as const
  const found = pages((onwards) => read(mesh.state, { ...query, ...onwards }, limits).value)
  assert.deepEqual(idsOf(found.flat()), ['e', 'f', 'c'])
  assert.ok(found.length > 1)
})

test('ids are found by how they begin, and the runs that are not over by that', () => {
  const mesh = busy()
  mesh.ok(startRun('ab'))
  const ids = (query: object) => mesh.ask({ kind: 'runIdList', prefix: '', ...query }).items.join()
  assert.equal(ids({}), 'a,ab,b,c,d,e,f')
  assert.equal(ids({ prefix: 'a' }), 'a,ab')
  assert.equal(ids({ unended: true }), 'a,ab,b,d')
  const limits = { ...localLimits, listScanMax: 1 }
  const query = { kind: 'runIdList', prefix: '', unended: true, limit: 2 } as const
  const found = pages((onwards) => read(mesh.state, { ...query, ...onwards }, limits).value)
  assert.deepEqual(found.flat().join(), 'a,ab,b,d')
})

test('what is not there is answered with nothing', () => {
  const mesh = new Mesh()
  assert.equal(mesh.ask({ kind: 'runGet', run: 'r1' }), undefined)
  assert.equal(mesh.ask({ kind: 'unitGet', run: 'r1', stage: 'a' }), undefined)
  assert.equal(mesh.ask({ kind: 'runOfKey', key: 'k' }), undefined)
  assert.equal(mesh.ask({ kind: 'workflowOfName', name: 'n' }), undefined)
  assert.equal(wholeRun(mesh.state, { run: 'r1' }), undefined)
  for (const kind of ['runList', 'workflowNameList', 'signalList'] as const) {
    assert.deepEqual(mesh.ask({ kind }), { items: [] })
  }
})

function wide(items: number): Mesh {
  const mesh = new Mesh()
  mesh.start()
  mesh.sure(opened('each', items, '[1]'), assigned('build'), waiting('ask', 'approval'))
  mesh.sure(
    finished('build', mesh.state.index, 'succeeded', { outputs: '"b"', record: bytesOf('log') }),
  )
  for (let item = 0; item < items; item++) {
    mesh.sure(settled('each', 'succeeded', { item, outputs: `"${'x'.repeat(100)}"` }))
  }
  return mesh
}

test('a view of a run has all that belongs to each unit, and attempts where they are asked for', () => {
  const mesh = wide(2)
  const view = mesh.ask({ kind: 'runGet', run: 'r1' })
  const units = view?.units.map(({ stage, item, state }) => [stage, item ?? '', state].join())
  assert.deepEqual(units, [
    'ask,,waiting',
    'build,,succeeded',
    'each,,open',
    'each,0,succeeded',
    'each,1,succeeded',
  ])
  assert.deepEqual(
    view?.units.map(({ outputs, list, attempts }) => [outputs?.length, list, attempts]),
    [
      [undefined, undefined, undefined],
      [3, undefined, undefined],
      [undefined, '[1]', undefined],
      [102, undefined, undefined],
      [102, undefined, undefined],
    ],
  )
  assert.equal(view?.units[0]?.approval?.count, 1)
  assert.equal(mesh.run().units[1]?.attempts?.length, 1)
  assert.deepEqual(mesh.unit('each', 1)?.item, 1)
})

test('a large run comes in pages, bounded in units and bytes; read whole, it is one', () => {
  const mesh = wide(40)
  const whole = mesh.run()
  assert.equal(whole.units.length, 43)
  assert.deepEqual(wholeRun(mesh.state, { run: 'r1', attempts: true }), whole)
  for (const limits of [
    { ...localLimits, runUnitsMax: 7 },
    { ...localLimits, runViewBytesMax: 1_000 },
  ]) {
    const query = { kind: 'runGet', run: 'r1', attempts: true } as const
    const found = pages((onwards) => {
      const view: RunView | undefined = read(mesh.state, { ...query, ...onwards }, limits).value
      assert.deepEqual(view?.head, whole.head)
      return { ...view, items: view.units }
    })
    assert.ok(found.length > 3)
    for (const units of found) assert.ok(units.length <= 12)
    const units = found.flat()
    assert.deepEqual(units, whole.units)
    assert.deepEqual(wholeRun(mesh.state, { run: 'r1', attempts: true }, limits), whole)
  }
})

test('units of one run are not taken for those of another whose name begins alike', () => {
  const mesh = wide(1)
  mesh.ok(startRun('r10'))
  mesh.advanceRun('r10', settled('z', 'succeeded', { outputs: '1' }))
  assert.equal(mesh.run('r10').units.length, 1)
  assert.equal(mesh.run('r1').units.length, 4)
})
