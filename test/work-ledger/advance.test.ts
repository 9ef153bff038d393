import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Transition } from '../../protocol/ledger/commands/work-transitions.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { runStates, unitStates, waitReasons } from '../../protocol/work/states.ts'
import { bytesOf } from '../ledger/stage.ts'
import {
  admitted,
  advanceOf,
  assigned,
  finished,
  launched,
  Mesh,
  opened,
  passed,
  runStart,
  settled,
  smallLimits,
  startRun,
  stopped,
  waiting,
} from './stage.ts'

function started(): Mesh {
  const mesh = new Mesh()
  mesh.start()
  return mesh
}

test('an assigned stage is in the hands of one agent, under a fence made of its entry', () => {
  const mesh = started()
  mesh.timeMs = 2_000
  mesh.sure(assigned('build', { node: 'n7', readyMs: 1_500 }))
  const { index } = mesh.state
  assert.deepEqual(mesh.unit('build'), {
    stage: 'build',
    state: 'assigned',
    revision: index,
    attempt: 1,
    readyMs: 1_500,
    changedMs: 2_000,
    fence: { term: 1, index },
    node: 'n7',
    failures: {},
    attempts: [],
  })
  assert.deepEqual(mesh.replica.events.at(-1)?.change, {
    kind: 'unitChanged',
    run: 'r1',
    stage: 'build',
    state: 'assigned',
    attempt: 1,
    node: 'n7',
  })
  assert.equal(mesh.dropped(assigned('build', { attempt: 2, node: 'n8' })), 'stale')
})

test('a result under the current fence ends the stage, once', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  mesh.timeMs = 3_000
  const result = finished('build', index, 'succeeded', {
    outputs: '{"größe":1}',
    record: bytesOf('usage'),
  })
  mesh.sure(result)
  const unit = mesh.unit('build')
  assert.equal(unit?.state, 'succeeded')
  assert.equal(unit?.outputs, '{"größe":1}')
  assert.equal(unit?.fence, undefined)
  const fence = { term: 1, index }
  const record = bytesOf('usage')
  const attempt = { attempt: 1, node: 'n1', fence, assignedMs: 1_000, endedMs: 3_000, record }
  assert.deepEqual(unit?.attempts, [attempt])
  assert.equal(mesh.dropped(result), 'over')
})

test('a result under any other fence or attempt is not taken', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  assert.equal(mesh.dropped(finished('build', index - 1)), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'succeeded', { term: 0 })), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'succeeded', { attempt: 2 })), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'succeeded', { item: 0 })), 'stale')
  assert.equal(mesh.dropped(finished('test', index)), 'stale')
  mesh.sure(finished('build', index))
})

test('a stage that is tried again keeps all its attempts, and counts failures by their class', () => {
  const mesh = started()
  const ends = ['lost', 'transient', 'lost']
  for (const [i, errorClass] of ends.entries()) {
    const attempt = i + 1
    mesh.timeMs += 10
    mesh.sure(assigned('build', { attempt, node: `n${attempt}` }))
    const retry = { waitsFor: waitReasons.retry, dueMs: mesh.timeMs + 5, errorClass, attempt }
    const record = errorClass === 'lost' ? {} : { record: bytesOf(`log${i}`) }
    mesh.sure(
      finished('build', mesh.state.index, 'waiting', { ...retry, ...record, exitCode: -1 - i }),
    )
    const unit = mesh.unit('build')
    assert.deepEqual(
      [unit?.state, unit?.waitsFor, unit?.dueMs],
      ['waiting', 'retry', mesh.timeMs + 5],
    )
    assert.equal(unit?.exitCode, -1 - i)
  }
  const { failures, attempts } = mesh.unit('build') ?? {}
  assert.deepEqual(failures, { lost: 2, transient: 1 })
  assert.deepEqual(
    attempts?.map(({ attempt, node, record }) => [attempt, node, record?.length]),
    [
      [1, 'n1', undefined],
      [2, 'n2', 4],
      [3, 'n3', undefined],
    ],
  )
  mesh.sure(assigned('build', { attempt: 4 }))
  assert.deepEqual(mesh.unit('build')?.failures, { lost: 2, transient: 1 })
  assert.equal(mesh.unit('build')?.attempts?.length, 3)
})

test('whoever has tried waits for another try or a fallback, and is never skipped', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  assert.equal(mesh.dropped(finished('build', index, 'skipped')), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'open')), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'waiting')), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'waiting', { waitsFor: 1 })), 'stale')
  assert.equal(mesh.dropped(finished('build', index, 'failed', { waitsFor: 5 })), 'stale')
  mesh.sure(finished('build', index, 'waiting', { waitsFor: 6, errorClass: 'bug', why: 'exit 1' }))
  mesh.sure(settled('build', 'succeeded', { outputs: '{"by":"fallback"}' }))
  assert.equal(mesh.unit('build')?.attempts?.length, 1)
})

test('what stands on an end that is not there does not begin', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  const after = ['build']
  const standing: Transition[] = [
    assigned('test', { after }),
    waiting('test', 'time', { after }),
    { kind: 'opened', value: { stage: 'test', items: 1, readyMs: 1, after } },
    launched('test', runStart('r2'), { after }),
    settled('test', 'succeeded', { after }),
    passed(['test'], 'skipped', after),
  ]
  for (const transition of standing) {
    assert.equal(mesh.dropped(transition), 'notYet', transition.kind)
  }
  mesh.sure(finished('build', index), assigned('test', { after }))
})

test('what depends on a result that was dropped is dropped with it, and all else holds', () => {
  const mesh = started()
  mesh.sure(assigned('build'), assigned('lint'))
  const { index } = mesh.state
  const dropped = mesh.advance(
    finished('build', index - 1),
    assigned('test', { after: ['build'] }),
    finished('lint', index),
    assigned('docs', { after: ['lint'] }),
  )
  assert.deepEqual(dropped, { 0: 'stale', 1: 'notYet' })
  assert.equal(mesh.unit('build')?.state, 'assigned')
  assert.equal(mesh.unit('docs')?.state, 'assigned')
})

test('a turn may tell of many runs, and what is dropped is counted through all of them', () => {
  const mesh = started()
  mesh.ok(startRun('r2'))
  const result = mesh.do(
    advanceOf(
      1,
      { run: 'r1', transitions: [assigned('a'), assigned('a')] },
      { run: 'r9', transitions: [assigned('a')] },
      { run: 'r2', transitions: [assigned('a'), finished('b', 1)] },
    ),
  )
  assert.deepEqual(result, {
    code: 'ok',
    revision: mesh.state.index,
    dropped: [
      { item: 1, code: 'stale' },
      { item: 2, code: 'notFound' },
      { item: 4, code: 'stale' },
    ],
  })
})

test('the turn of a leader of before has no effect in an entry of another', () => {
  const mesh = started()
  mesh.term = 3
  const { rows } = mesh.state
  const before = [...rows.entries()]
  const advance = advanceOf(2, { run: 'r1', transitions: [assigned('build')] })
  assert.deepEqual(mesh.do(advance), { code: 'stale', revision: 3 })
  assert.deepEqual([...mesh.state.rows.entries()], before)
  mesh.sure(assigned('build'))
  assert.deepEqual(mesh.unit('build')?.fence, { term: 3, index: mesh.state.index })
})

test('an attempt outlives its leader: the next one takes its result under the old fence', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  mesh.term = 5
  mesh.sure(finished('build', index, 'succeeded'))
})

test('items live their own lives under an open stage, and only as many as there are', () => {
  const mesh = started()
  assert.equal(mesh.dropped(assigned('each', { item: 0 })), 'stale', 'it is not open yet')
  mesh.sure(opened('each', 2, '["ä",2]'))
  assert.deepEqual(
    [mesh.unit('each')?.state, mesh.unit('each')?.items, mesh.unit('each')?.list],
    ['open', 2, '["ä",2]'],
  )
  mesh.sure(assigned('each', { item: 0 }), assigned('each', { item: 1 }))
  const { index } = mesh.state
  assert.equal(mesh.dropped(assigned('each', { item: 2 })), 'stale')
  assert.equal(mesh.dropped(opened('each', 3)), 'stale')
  assert.equal(mesh.dropped(assigned('each')), 'stale')
  assert.equal(mesh.dropped(settled('each')), 'busy')
  assert.equal(mesh.dropped(passed(['each'], 'cancelled')), 'busy')
  mesh.sure(
    finished('each', index, 'succeeded', { item: 0, outputs: '1' }),
    finished('each', index, 'waiting', { item: 1, waitsFor: 5, errorClass: 'bug' }),
    settled('each', 'failed', { errorClass: 'bug' }),
  )
  assert.deepEqual([mesh.unit('each')?.state, mesh.unit('each')?.items], ['failed', 2])
  assert.equal(mesh.unit('each', 0)?.outputs, '1')
  for (const late of [
    assigned('each', { item: 1, attempt: 2 }),
    settled('each', 'cancelled', { item: 1 }),
    waiting('each', 'time', { item: 1 }),
  ]) {
    assert.equal(mesh.dropped(late), 'over', 'its stage is')
  }
})

test('a stage with no items opens and ends like any other', () => {
  const mesh = started()
  mesh.sure(opened('each', 0), settled('each', 'succeeded', { outputs: '[]' }))
  assert.equal(mesh.unit('each')?.outputs, '[]')
})

test('a stage waits, is told why and until when, and then goes on', () => {
  const mesh = started()
  mesh.sure(waiting('w', 'signal', { dueMs: 9_000, detail: 'built', key: 'main' }))
  const { state, waitsFor, dueMs, detail, key } = mesh.unit('w') ?? {}
  assert.deepEqual(
    { state, waitsFor, dueMs, detail, key },
    { state: 'waiting', waitsFor: 'signal', dueMs: 9_000, detail: 'built', key: 'main' },
  )
  mesh.sure(waiting('w', 'time', { dueMs: 9_500 }))
  assert.deepEqual([mesh.unit('w')?.waitsFor, mesh.unit('w')?.key], ['time', undefined])
  mesh.sure(assigned('w'))
  const strange = {
    kind: 'waiting' as const,
    value: { stage: 'x', waitsFor: 9, readyMs: 1, after: [] },
  }
  assert.equal(mesh.dropped(strange), 'stale')
})

test('a stage that launches a run waits for it, and remembers which', () => {
  const mesh = started()
  const child = { ...runStart('r2'), parent: { run: 'r1', stage: 'sub' } }
  mesh.sure(launched('sub', child))
  const { waitsFor, detail, attempt } = mesh.unit('sub') ?? {}
  assert.deepEqual({ waitsFor, detail, attempt }, { waitsFor: 'subflow', detail: 'r2', attempt: 1 })
  assert.equal(mesh.run('r2').head.parent, 'r1')
  mesh.sure(waiting('sub', 'retry', { dueMs: 5_000, errorClass: 'bug' }))
  assert.deepEqual(mesh.unit('sub')?.failures, { bug: 1 })
  assert.equal(mesh.dropped(waiting('sub', 'retry', { errorClass: 'bug' })), 'stale', 'once')
  assert.equal(mesh.dropped(launched('sub', runStart('r3'))), 'stale', 'it is the second attempt')
  mesh.sure(launched('sub', runStart('r3'), { attempt: 2 }))
  mesh.sure(settled('sub'))
  assert.equal(mesh.unit('sub')?.detail, 'r3')
})

test('a stage that does not wait for the run that it launches has succeeded by that', () => {
  const mesh = started()
  mesh.sure(launched('sub', runStart('r2'), { waits: false }))
  assert.deepEqual([mesh.unit('sub')?.state, mesh.unit('sub')?.detail], ['succeeded', 'r2'])
})

test('a launch whose run cannot begin does not begin either', () => {
  const mesh = new Mesh(smallLimits)
  mesh.start()
  const child = runStart('r2')
  assert.equal(mesh.dropped(launched('sub', { ...child, workflow: 'f'.repeat(64) })), 'stale')
  assert.equal(mesh.dropped(launched('sub', { ...child, run: 'r1', inputs: '1' })), 'stale')
  assert.equal(mesh.dropped(launched('sub', { ...child, run: '' })), 'tooLarge')
  assert.equal(mesh.dropped(launched('sub', { ...child, by: 'x'.repeat(2_000) })), 'tooLarge')
  mesh.ok(startRun('r3'))
  mesh.ok(startRun('r4'))
  assert.equal(mesh.dropped(launched('sub', child)), 'full')
})

test('stages that come to nothing do so together, or not at all', () => {
  const mesh = started()
  mesh.sure(assigned('c'))
  assert.equal(mesh.dropped(passed(['a', 'b', 'c'])), 'stale')
  assert.equal(mesh.dropped(passed(['a', 'b=', 'd'])), 'tooLarge')
  mesh.sure(passed(['a', 'b', 'a']))
  assert.deepEqual([mesh.unit('a')?.state, mesh.unit('b')?.state], ['skipped', 'skipped'])
  const told = mesh.replica.events.filter(({ index }) => index === mesh.state.index)
  assert.equal(told.length, 2)
  assert.equal(mesh.dropped(passed(['b', 'd'], 'cancelled')), 'over')
  const { succeeded } = unitStates
  assert.equal(
    mesh.dropped({ kind: 'passed', value: { stages: ['d'], to: succeeded, after: [] } }),
    'stale',
  )
})

test('a stage may be settled to any end, and to nothing else', () => {
  const mesh = started()
  for (const to of ['succeeded', 'failed', 'skipped', 'cancelled'] as const) {
    mesh.sure(settled(to, to, { errorClass: 'input', why: 'so', outputs: '1' }))
    const { state, errorClass, why, outputs } = mesh.unit(to) ?? {}
    assert.deepEqual([state, errorClass, why, outputs], [to, 'input', 'so', '1'])
  }
  for (const to of ['waiting', 'open', 'assigned'] as const) {
    assert.equal(mesh.dropped(settled('x', to)), 'stale')
  }
  assert.equal(mesh.dropped({ kind: 'settled', value: { stage: 'x', to: 99, after: [] } }), 'stale')
})

test('what a retry takes over from the run before is marked', () => {
  const mesh = started()
  mesh.sure(settled('build', 'succeeded', { outputs: '{"a":1}', adopted: true }))
  assert.equal(mesh.unit('build')?.adopted, true)
})

test('in a run that is being cancelled only what undoes or cleans up begins', () => {
  const mesh = started()
  mesh.sure(assigned('build'), waiting('wait'))
  const { index } = mesh.state
  mesh.stop('cancel')
  assert.equal(mesh.dropped(assigned('test')), 'stopping')
  assert.equal(mesh.dropped(assigned('wait')), 'stopping')
  assert.equal(mesh.dropped(opened('each', 1)), 'stopping')
  assert.equal(mesh.dropped(launched('sub', runStart('r2'))), 'stopping')
  mesh.sure(
    finished('build', index, 'cancelled'),
    settled('wait', 'cancelled'),
    assigned('undo', { closing: true }),
  )
})

test('in a run that is killed nothing begins, and what has begun still ends', () => {
  const mesh = started()
  mesh.sure(assigned('build'), opened('each', 1))
  const { index } = mesh.state
  mesh.stop('kill')
  assert.equal(mesh.dropped(assigned('undo', { closing: true })), 'stopping')
  assert.equal(mesh.dropped(waiting('undo', 'time', { closing: true })), 'stopping')
  assert.equal(mesh.dropped(settled('note', 'succeeded')), 'stopping')
  mesh.sure(
    finished('build', index, 'cancelled'),
    settled('each', 'cancelled'),
    passed(['test'], 'cancelled'),
    { kind: 'ended', value: { after: [], to: runStates.cancelled } },
  )
})

test('a leader may stop a run itself, and the rest of its turn sees it', () => {
  const mesh = started()
  assert.deepEqual(mesh.advance(stopped('cancel'), assigned('build')), { 1: 'stopping' })
  const { stop, stopBy, reason } = mesh.run().head
  assert.deepEqual({ stop, stopBy, reason }, { stop: 'cancel', stopBy: 'leader', reason: 'late' })
  const strange = { kind: 'stopped' as const, value: { mode: 7, by: 'leader', reason: '' } }
  assert.equal(mesh.dropped(strange), 'stale')
  const long = { mode: 2, by: 'leader', reason: 'x'.repeat(1_025) }
  assert.equal(mesh.dropped({ kind: 'stopped', value: long }), 'tooLarge')
})

test('a run ends when no agent has a part of it, and then nothing happens to it', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  const end = {
    kind: 'ended' as const,
    value: { after: [], to: runStates.failed, outputs: '{"a":1}', reason: 'build failed' },
  }
  assert.equal(mesh.dropped(end), 'busy')
  mesh.timeMs = 7_000
  mesh.sure(finished('build', index, 'failed', { errorClass: 'bug' }), end)
  const { head, outputs } = mesh.run()
  assert.deepEqual([head.state, head.endedMs, head.reason], ['failed', 7_000, 'build failed'])
  assert.equal(outputs, '{"a":1}')
  const told = { kind: 'runChanged', run: 'r1', state: 'failed', reason: 'build failed' }
  assert.deepEqual(mesh.replica.events.at(-1)?.change, told)
  for (const late of [
    assigned('test'),
    settled('test'),
    waiting('test'),
    passed(['test']),
    admitted,
    stopped('kill'),
    end,
  ]) {
    assert.equal(mesh.dropped(late), 'over', late.kind)
  }
})

test('a run ends only in an end', () => {
  const mesh = started()
  const end = (to: number, also: object = {}) =>
    mesh.dropped({ kind: 'ended', value: { after: [], to, ...also } })
  assert.equal(end(runStates.running), 'stale')
  assert.equal(end(77), 'stale')
  const large = 'x'.repeat(stateLimits.runOutputsBytesMax + 1)
  assert.equal(end(runStates.succeeded, { outputs: large }), 'tooLarge')
  assert.equal(end(runStates.succeeded, { reason: large }), 'tooLarge')
})

test('what is too large is dropped by itself, and what it was about stays as it was', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const { index } = mesh.state
  const { runOutputsBytesMax, attemptRecordBytesMax, noteBytesMax, runItemsMax } = stateLimits
  const text = (length: number) => 'x'.repeat(length + 1)
  const large: Transition[] = [
    assigned('x'.repeat(64)),
    assigned('a/b'),
    assigned('a', { node: 'ä' }),
    finished('build', index, 'succeeded', { outputs: text(runOutputsBytesMax) }),
    finished('build', index, 'succeeded', { record: new Uint8Array(attemptRecordBytesMax + 1) }),
    finished('build', index, 'failed', { why: text(2 * noteBytesMax) }),
    finished('build', index, 'failed', { errorClass: text(16) }),
    finished('build', index, 'succeeded', { signal: { event: '', by: 'r1' } }),
    settled('a', 'failed', { why: text(2 * noteBytesMax) }),
    waiting('a', 'signal', { detail: text(noteBytesMax) }),
    waiting('a', 'retry', { errorClass: text(16) }),
    opened('a', runItemsMax + 1),
    opened('a', 1, text(stateLimits.runItemsBytesMax)),
    {
      kind: 'passed',
      value: { stages: ['a'], to: 6, why: text(noteBytesMax), after: [] },
    },
  ]
  for (const transition of large) {
    assert.equal(mesh.dropped(transition), 'tooLarge', transition.kind)
  }
  const most = { outputs: 'x'.repeat(runOutputsBytesMax), why: 'x'.repeat(2 * noteBytesMax) }
  const record = new Uint8Array(attemptRecordBytesMax)
  mesh.sure(finished('build', index, 'failed', { ...most, record, errorClass: 'bug' }))
})

test('a turn with too many transitions is refused whole', () => {
  const mesh = new Mesh(smallLimits)
  mesh.start()
  const many = Array.from({ length: 9 }, (_, i) => assigned(`s${i}`))
  const command = advanceOf(1, { run: 'r1', transitions: many })
  assert.deepEqual(mesh.do(command), { code: 'tooLarge' })
  assert.equal(mesh.run().units.length, 0)
  const stages = many.map((_, i) => `s${i}`)
  assert.equal(mesh.dropped(passed(stages)), 'tooLarge')
})

test('when the state is full nothing more begins, and what has begun still ends', () => {
  const room = new Mesh()
  room.start()
  room.sure(assigned('build'))
  const full = new Mesh({ ...stateLimits, stateBytesMax: room.state.bytes + 2_050 })
  full.start()
  full.sure(assigned('build'))
  const { index } = full.state
  for (const transition of [
    assigned('b'),
    waiting('b'),
    opened('b', 1),
    launched('b', runStart('r2')),
  ]) {
    assert.equal(full.dropped(transition), 'full', transition.kind)
  }
  const outputs = 'x'.repeat(4_000)
  full.sure(finished('build', index, 'succeeded', { outputs }), settled('b', 'skipped'))
  assert.equal(full.do(startRun('r2')).code, 'full')
  full.sure({ kind: 'ended', value: { after: [], to: runStates.succeeded } })
})

const list = { manifest: 'a'.repeat(64), files: 2, bytes: 30 }

test('files that a stage hands on are known by their list, and by who has made them', () => {
  const mesh = started()
  mesh.sure(assigned('build', { node: 'n7' }))
  mesh.sure(finished('build', mesh.state.index, 'succeeded', { artifacts: list }))
  assert.deepEqual(mesh.unit('build')?.artifacts, [{ ...list, node: 'n7' }])
  const lists = [0, 1].map((item) => ({ ...list, item, node: `n${item}` }))
  mesh.sure(settled('many', 'succeeded', { artifacts: { lists }, adopted: true }))
  assert.deepEqual(mesh.unit('many')?.artifacts, lists)
})

test('only what has succeeded hands files on', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  mesh.sure(finished('build', mesh.state.index, 'failed', { artifacts: list }))
  const lists = [{ ...list, node: 'n1' }]
  mesh.sure(settled('other', 'skipped', { artifacts: { lists } }))
  assert.equal(mesh.unit('build')?.artifacts, undefined)
  assert.equal(mesh.unit('other')?.artifacts, undefined)
})

test('lists of files that are too many or too long are dropped', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const long = { ...list, manifest: 'a'.repeat(65) }
  const { index } = mesh.state
  assert.equal(mesh.dropped(finished('build', index, 'succeeded', { artifacts: long })), 'tooLarge')
  const { runArtifactsMax } = stateLimits
  const lists = Array.from({ length: runArtifactsMax + 1 }, () => ({ ...list, node: 'n1' }))
  assert.equal(mesh.dropped(settled('many', 'succeeded', { artifacts: { lists } })), 'tooLarge')
  lists.pop()
  mesh.sure(settled('many', 'succeeded', { artifacts: { lists } }))
  assert.equal(mesh.unit('many')?.artifacts?.length, runArtifactsMax)
})

test('a run does not end on the end of a stage that is not there', () => {
  const mesh = started()
  const value = { to: runStates.succeeded, after: ['build', 'test'] }
  assert.equal(mesh.dropped({ kind: 'ended', value }), 'notYet')
  mesh.sure(settled('build', 'succeeded'))
  assert.equal(mesh.dropped({ kind: 'ended', value }), 'notYet')
  mesh.sure(settled('test', 'succeeded'), { kind: 'ended', value })
})

test('a failure is counted once, also when what stood in for the stage fails too', () => {
  const mesh = started()
  mesh.sure(assigned('build'))
  const waits = { waitsFor: waitReasons.fallback, errorClass: 'bug', attempt: 1 }
  mesh.sure(finished('build', mesh.state.index, 'waiting', waits))
  mesh.sure(settled('build', 'failed', { errorClass: 'bug' }))
  assert.deepEqual(mesh.unit('build')?.failures, { bug: 1 })
})
