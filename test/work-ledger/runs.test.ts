import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { RunStart } from '../../protocol/ledger/commands/work-runs.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { runStates, unitStates } from '../../protocol/work/states.ts'
import {
  assigned,
  hash,
  Mesh,
  putWorkflow,
  settled,
  smallLimits,
  startRun,
  waiting,
} from './stage.ts'

const changes = (mesh: Mesh) => mesh.replica.events.map(({ change }) => change)

test('a run that is started is running, and says who wanted what', () => {
  const mesh = new Mesh()
  mesh.ok(putWorkflow())
  const parent = { run: 'r0', stage: 'sub', item: 2 }
  const retry = { run: 'r0', keep: ['build'] }
  const labels = { team: 'edge' }
  mesh.ok(startRun('r1', { labels, parent, retry, priority: 7, key: 'k', inputs: '{"v":"ü"}' }))
  const { head, spec, units, outputs } = mesh.run()
  const index = mesh.state.index
  assert.deepEqual(head, {
    run: 'r1',
    state: 'running',
    stop: 'none',
    revision: index,
    name: 'release',
    by: 'anna',
    startedMs: 1_000,
    parent: 'r0',
    index,
  })
  assert.deepEqual(spec, {
    workflow: hash,
    name: 'release',
    inputs: '{"v":"ü"}',
    by: 'anna',
    labels,
    planHash: 'plan1',
    key: 'k',
    priority: 7,
    parent,
    retry,
  })
  assert.deepEqual([units, outputs], [[], undefined])
  assert.deepEqual(changes(mesh).at(-1), {
    kind: 'runStarted',
    run: 'r1',
    name: 'release',
    workflow: hash,
    by: 'anna',
    parent: 'r0',
  })
})

test('a run of a concurrency group is queued until it is let in', () => {
  const mesh = new Mesh()
  mesh.start('r1', { group: { key: 'prod', limit: 1, policy: 'queue' } })
  assert.equal(mesh.run().head.state, 'queued')
  assert.equal(mesh.dropped(assigned('build')), 'notYet')
  assert.equal(mesh.dropped(waiting('build')), 'notYet')
  mesh.sure({ kind: 'admitted', value: {} }, assigned('build'))
  assert.equal(mesh.run().head.state, 'running')
  assert.equal(mesh.dropped({ kind: 'admitted', value: {} }), 'stale')
})

test('a queued run that is to stop is not let in, and may end without having run', () => {
  const mesh = new Mesh()
  mesh.start('r1', { group: { key: 'prod', limit: 1, policy: 'queue' } })
  mesh.stop('cancel')
  assert.equal(mesh.dropped({ kind: 'admitted', value: {} }), 'stopping')
  const succeeded = { kind: 'ended' as const, value: { after: [], to: runStates.succeeded } }
  assert.equal(mesh.dropped(succeeded), 'notYet')
  mesh.sure({ kind: 'ended', value: { after: [], to: runStates.cancelled } })
  assert.equal(mesh.run().head.state, 'cancelled')
})

test('the same run asked for again, by its id or its key, is the run that there is', () => {
  const mesh = new Mesh()
  mesh.start('r1', { key: 'k' })
  const revision = mesh.state.index
  mesh.sure(assigned('build'))
  const rows = [...mesh.state.rows.entries()]
  const same = { code: 'ok', revision }
  assert.deepEqual(mesh.do(startRun('r1', { key: 'k' })), same)
  assert.deepEqual(mesh.do(startRun('r2', { key: 'k' })), same)
  assert.equal(mesh.ask({ kind: 'runOfKey', key: 'k' }), 'r1')
  const other = { code: 'conflict', revision }
  assert.deepEqual(mesh.do(startRun('r1', { inputs: '{"a":1}' })), other)
  assert.deepEqual(mesh.do(startRun('r2', { key: 'k', inputs: '{"a":1}' })), other)
  assert.deepEqual([...mesh.state.rows.entries()], rows)
})

test('what can be no run is refused by what is wrong with it', () => {
  const mesh = new Mesh()
  mesh.ok(putWorkflow())
  const codeOf = (also: object) => mesh.do(startRun('r1', also)).code
  const { noteBytesMax, runInputsBytesMax, runLabelsMax, stagesMax } = stateLimits
  const parent = { run: 'r0', stage: 'a' }
  for (const bad of [
    { run: '' },
    { run: 'a/b' },
    { run: 'ä' },
    { name: 'a b' },
    { planHash: '' },
    { key: '' },
    { parent: { ...parent, run: 'a/b' } },
    { parent: { ...parent, stage: 'a=' } },
    { retry: { run: 'r0', keep: ['a#1'] } },
  ]) {
    assert.equal(codeOf(bad), 'badName', JSON.stringify(bad))
  }
  const many = (count: number) => Array.from({ length: count }, (_, i) => `stage${i}`)
  const label = 'x'.repeat(stateLimits.labelValueBytesMax + 1)
  for (const large of [
    { inputs: `"${'x'.repeat(runInputsBytesMax)}"` },
    { by: 'x'.repeat(noteBytesMax + 1) },
    { labels: { a: label } },
    { labels: Object.fromEntries(many(runLabelsMax + 1).map((name) => [name, ''])) },
    { group: { key: 'x'.repeat(noteBytesMax + 1), limit: 1, policy: 'queue' } },
    { group: { key: 'x', limit: 1, policy: 'x'.repeat(33) } },
    { retry: { run: 'r0', keep: many(stagesMax + 1).map((_, i) => `s${i}`) } },
    { inputs: `"${'x'.repeat(60_000)}"`, retry: { run: 'r0', keep: many(7_000) } },
  ]) {
    assert.equal(codeOf(large), 'tooLarge', Object.keys(large).join())
  }
  assert.equal(codeOf({ workflow: 'f'.repeat(64) }), 'notFound')
})

test('a run that keeps more stages than could be named says so with a set', () => {
  const mesh = new Mesh()
  mesh.ok(putWorkflow())
  const { runInputsBytesMax, stagesMax } = stateLimits
  const inputs = `"${'x'.repeat(runInputsBytesMax - 2)}"`
  const again = (kept: Uint8Array, retry?: object): Command => {
    const { value } = startRun('r1', { inputs, retry: { run: 'r0', keep: [], ...retry } })
    return { kind: 'runAgain', value: { start: value as RunStart, kept } }
  }
  const all = new Uint8Array(stagesMax / 8).fill(0xff)
  assert.equal(mesh.do(again(all)).code, 'notAgreed')
  mesh.ok({ kind: 'versionRaise', value: { to: 2 } })
  assert.equal(mesh.do(again(all, { keep: ['build'] })).code, 'malformed')
  assert.equal(mesh.do(again(new Uint8Array(all.length + 1))).code, 'tooLarge')
  assert.equal(mesh.do(again(all, { run: 'a/b' })).code, 'badName')
  mesh.ok(again(all))
  const { retry } = mesh.ask({ kind: 'runGet', run: 'r1' })!.spec
  assert.deepEqual(retry, { run: 'r0', keep: [], kept: all })
})

test('when there are as many runs as there may be, another is refused until one is archived', () => {
  const mesh = new Mesh(smallLimits)
  mesh.start('r1')
  mesh.ok(startRun('r2'))
  mesh.ok(startRun('r3'))
  assert.deepEqual(mesh.do(startRun('r4')), { code: 'full' })
  mesh.advance({ kind: 'ended', value: { after: [], to: runStates.succeeded } })
  assert.deepEqual(mesh.do(startRun('r4')), { code: 'full' })
  mesh.ok({ kind: 'runArchive', value: { runs: ['r1'] } })
  mesh.ok(startRun('r4'))
})

test('what is asked of a run only grows: a kill follows a cancellation, and never the reverse', () => {
  const mesh = new Mesh()
  mesh.start()
  mesh.stop('cancel')
  const cancelled = mesh.state.index
  const ask = (kind: 'runCancel' | 'runKill', by = 'ben') =>
    mesh.do({ kind, value: { run: 'r1', by, reason: 'why' } })
  assert.deepEqual(ask('runCancel'), { code: 'ok', revision: cancelled })
  assert.equal(mesh.run().head.stopBy, 'anna')
  assert.equal(ask('runKill').revision, cancelled + 2)
  assert.deepEqual(ask('runCancel', 'carl'), { code: 'ok', revision: cancelled + 2 })
  const { stop, stopBy, reason } = mesh.run().head
  assert.deepEqual({ stop, stopBy, reason }, { stop: 'kill', stopBy: 'ben', reason: 'why' })
  const told = changes(mesh).filter(({ kind }) => kind === 'runStopping')
  assert.deepEqual(told, [
    { kind: 'runStopping', run: 'r1', mode: 'cancel', by: 'anna', reason: 'enough' },
    { kind: 'runStopping', run: 'r1', mode: 'kill', by: 'ben', reason: 'why' },
  ])
})

test('a run that is over cannot be stopped any more, and one that is not there never could', () => {
  const mesh = new Mesh()
  mesh.start()
  const cancel = (run: string, by = 'ben'): Command => ({
    kind: 'runCancel',
    value: { run, by, reason: '' },
  })
  assert.deepEqual(mesh.do(cancel('r9')), { code: 'notFound' })
  assert.deepEqual(mesh.do(cancel('r1', 'x'.repeat(1_025))), { code: 'tooLarge' })
  mesh.sure({ kind: 'ended', value: { after: [], to: runStates.failed } })
  assert.deepEqual(mesh.do(cancel('r1')), { code: 'stale', revision: mesh.state.index - 1 })
  assert.equal(mesh.run().head.stop, 'none')
})

interface Ballot {
  by?: string
  approves?: boolean
  planHash?: string
  stage?: string
  item?: number
}

function vote(mesh: Mesh, { by = 'ben', approves = true, ...rest }: Ballot = {}) {
  const value = { run: 'r1', stage: 'deploy', planHash: 'plan1', by, approves, ...rest }
  return mesh.do({ kind: 'runVote', value })
}

function asking(count = 2, dueMs?: number): Mesh {
  const mesh = new Mesh(smallLimits)
  mesh.start()
  const due = dueMs === undefined ? {} : { dueMs }
  mesh.sure(waiting('deploy', 'approval', { count, message: 'to production?', ...due }))
  return mesh
}

test('a stage goes on when enough people have approved, and not before', () => {
  const mesh = asking(2)
  assert.equal(mesh.dropped(assigned('deploy')), 'notYet')
  assert.equal(vote(mesh).code, 'ok')
  assert.equal(mesh.dropped(assigned('deploy')), 'notYet')
  assert.equal(mesh.dropped(settled('deploy')), 'notYet')
  assert.equal(mesh.unit('deploy')?.approval?.approved, false)
  assert.equal(vote(mesh, { by: 'carl' }).code, 'ok')
  assert.deepEqual(mesh.unit('deploy')?.approval, {
    count: 2,
    message: 'to production?',
    votes: [
      { by: 'ben', approves: true, timeMs: 1_000 },
      { by: 'carl', approves: true, timeMs: 1_000 },
    ],
    approved: true,
    denied: false,
  })
  mesh.sure(assigned('deploy'))
})

test('one person who denies is enough: what was asked for fails, and cannot begin', () => {
  const mesh = asking(1)
  assert.equal(vote(mesh, { by: 'carl', approves: false }).code, 'ok')
  assert.equal(vote(mesh, { by: 'ben' }).code, 'ok')
  assert.equal(mesh.unit('deploy')?.approval?.denied, true)
  assert.equal(mesh.dropped(assigned('deploy')), 'notYet')
  mesh.sure(settled('deploy', 'failed', { errorClass: 'input', why: 'denied by carl' }))
})

test('a person counts once, and the first word stands', () => {
  const mesh = asking(2)
  assert.equal(vote(mesh).code, 'ok')
  assert.equal(vote(mesh).code, 'ok')
  assert.equal(vote(mesh, { approves: false }).code, 'conflict')
  assert.equal(mesh.unit('deploy')?.approval?.votes.length, 1)
  assert.equal(changes(mesh).filter(({ kind }) => kind === 'voted').length, 1)
})

test('nobody approves what they have started, or a plan that they have not seen', () => {
  const mesh = asking()
  assert.deepEqual(vote(mesh, { by: 'anna' }), { code: 'notAllowed' })
  assert.equal(vote(mesh, { planHash: 'plan0' }).code, 'conflict')
  assert.deepEqual(vote(mesh, { stage: 'build' }), { code: 'notFound' })
  assert.deepEqual(vote(mesh, { item: 1 }), { code: 'notFound' })
  assert.deepEqual(vote(mesh, { by: 'x'.repeat(1_025) }), { code: 'tooLarge' })
  assert.equal(mesh.unit('deploy')?.approval?.votes.length, 0)
})

test('a vote that comes too late is none', () => {
  const late = asking(2, 5_000)
  late.timeMs = 4_999
  assert.equal(vote(late).code, 'ok')
  late.timeMs = 5_000
  assert.equal(vote(late, { by: 'carl' }).code, 'stale')
  const begun = asking(1)
  vote(begun)
  begun.sure(assigned('deploy'))
  assert.deepEqual(vote(begun, { by: 'carl', approves: false }), {
    code: 'stale',
    revision: begun.unit('deploy')?.revision,
  })
  const over = asking(1)
  over.sure({ kind: 'ended', value: { after: [], to: runStates.failed } })
  assert.equal(vote(over).code, 'stale')
})

test('votes are bounded, and so is how many a stage may ask for', () => {
  const mesh = asking(3)
  for (const by of ['ben', 'carl', 'dora']) vote(mesh, { by, approves: by === 'ben' })
  assert.deepEqual(vote(mesh, { by: 'emil' }), { code: 'full' })
  assert.equal(mesh.dropped(waiting('other', 'approval', { count: 0 })), 'tooLarge')
  assert.equal(mesh.dropped(waiting('other', 'approval', { count: 4 })), 'tooLarge')
})

test('a signal is there for all who wait later, and the oldest gives way', () => {
  const mesh = new Mesh(smallLimits)
  const send = (event: string) => mesh.ok({ kind: 'signalSend', value: { event, by: 'anna' } })
  for (let i = 0; i < 10; i++) send(`event${i}`)
  const heard = mesh.ask({ kind: 'signalList' }).items
  assert.deepEqual(
    heard.map(({ event, index, number }) => [event, index, number]),
    [2, 3, 4, 5, 6, 7, 8, 9].map((i) => [`event${i}`, i + 1, 0]),
  )
  const since = mesh.ask({ kind: 'signalList', sinceIndex: 9 }).items
  assert.deepEqual(
    since.map(({ event }) => event),
    ['event8', 'event9'],
  )
})

test('signals of one entry are kept apart, in their order', () => {
  const mesh = new Mesh(smallLimits)
  mesh.start()
  const signal = (event: string) => ({ event, key: 'k', data: '{"ä":1}', by: 'r1' })
  const { succeeded } = unitStates
  mesh.sure(
    settled('a', 'succeeded', { signal: signal('first') }),
    settled('b', 'failed', { signal: signal('never') }),
    settled('c', 'succeeded', { to: succeeded, signal: signal('second') }),
  )
  const { index } = mesh.state
  const common = { key: 'k', data: '{"ä":1}', by: 'r1', timeMs: 1_000, index }
  assert.deepEqual(mesh.ask({ kind: 'signalList' }).items, [
    { ...common, event: 'first', number: 0 },
    { ...common, event: 'second', number: 1 },
  ])
})

test('a signal without an event, or too large, is refused', () => {
  const mesh = new Mesh()
  const codeOf = (also: object) =>
    mesh.do({ kind: 'signalSend', value: { event: 'e', by: 'anna', ...also } }).code
  assert.equal(codeOf({ event: '' }), 'tooLarge')
  assert.equal(codeOf({ key: 'x'.repeat(stateLimits.noteBytesMax + 1) }), 'tooLarge')
  assert.equal(codeOf({ data: 'x'.repeat(stateLimits.signalDataBytesMax + 1) }), 'tooLarge')
  assert.equal(mesh.state.rows.size, 0)
})
