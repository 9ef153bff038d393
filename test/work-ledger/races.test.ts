/** Two attempts of one unit at once: the first end that is committed counts, and the other's fence has passed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import { isAtWork } from '../../protocol/ledger/read-run.ts'
import { bytesOf } from '../ledger/stage.ts'
import { assigned, fellOut, finished, Mesh, opened, raced, settled } from './stage.ts'

/** A stage of which two attempts are at work; the entries that assigned them. */
function racing(): { mesh: Mesh; first: number; second: number } {
  const mesh = new Mesh()
  mesh.startNew()
  mesh.sure(assigned('s'))
  const first = mesh.state.index
  mesh.timeMs += 1_000
  mesh.sure(raced('s'))
  return { mesh, first, second: mesh.state.index }
}

const waits = { waitsFor: 5 } as const

function attemptsOf(mesh: Mesh) {
  return mesh.unit('s')?.attempts?.map(({ attempt, node, outrun = false, record }) => {
    return [attempt, node, outrun ? 'outrun' : record === undefined ? 'lost' : 'told']
  })
}

test('a second attempt begins beside the first, under a fence of its own', () => {
  const { mesh, first, second } = racing()
  const { state, attempt, node, fence, changedMs, raced: number, rival } = mesh.unit('s')!
  assert.deepEqual(
    [state, attempt, node, fence?.index, changedMs],
    ['assigned', 1, 'n1', first, 1_000],
  )
  assert.equal(number, 2)
  assert.deepEqual(rival, { node: 'n2', fence: { term: 1, index: second }, assignedMs: 2_000 })
})

test('two hosts have an attempt then, each its own', () => {
  const { mesh, first } = racing()
  const has = (node: string, attempt: number) => isAtWork(mesh.unit('s')!, node, attempt)
  const all = () => ['n1', 'n2'].flatMap((node) => [1, 2].map((attempt) => has(node, attempt)))
  assert.deepEqual(all(), [true, false, false, true])
  mesh.sure(fellOut('s', first))
  assert.deepEqual(all(), [false, false, false, true])
  mesh.sure(finished('s', mesh.state.index - 1, 'succeeded', { attempt: 2 }))
  assert.deepEqual(all(), [false, false, false, false])
})

test('never a third one, nor one on the same host, nor one where none is at work', () => {
  const { mesh, second } = racing()
  assert.equal(mesh.dropped(raced('s', { attempt: 3, node: 'n3' })), 'stale')
  mesh.sure(fellOut('s', second, { attempt: 2 }))
  assert.equal(mesh.dropped(raced('s', { attempt: 3, node: 'n3' })), 'stale')
  assert.equal(mesh.dropped(raced('t')), 'stale')
  mesh.sure(assigned('t'))
  assert.equal(mesh.dropped(raced('t', { node: 'n1' })), 'stale')
  assert.equal(mesh.dropped(raced('t', { attempt: 3 })), 'stale')
  mesh.stop('cancel')
  assert.equal(mesh.dropped(raced('t')), 'stopping')
})

test('whichever succeeds first, the other can do nothing any more', () => {
  for (const winner of [1, 2] as const) {
    const { mesh, first, second } = racing()
    const indexOf = (attempt: number) => (attempt === 1 ? first : second)
    const loser = winner === 1 ? 2 : 1
    const record = bytesOf('what it took')
    const artifacts = { manifest: 'm', files: 1, bytes: 2 }
    const said = { attempt: winner, record, outputs: '{"v":1}', artifacts }
    mesh.sure(finished('s', indexOf(winner), 'succeeded', said))
    const unit = mesh.unit('s')!
    assert.deepEqual([unit.state, unit.attempt, unit.node], ['succeeded', winner, `n${winner}`])
    assert.equal(unit.artifacts?.[0]?.node, `n${winner}`)
    assert.equal(unit.rival, undefined)
    const [won, lost] = [
      [winner, `n${winner}`, 'told'],
      [loser, `n${loser}`, 'outrun'],
    ]
    assert.deepEqual(attemptsOf(mesh), winner === 1 ? [won, lost] : [lost, won])
    const late: AnyTransition[] = [
      finished('s', indexOf(loser), 'succeeded', { attempt: loser }),
      finished('s', indexOf(loser), 'failed', { attempt: loser }),
      fellOut('s', indexOf(loser), { attempt: loser }),
    ]
    for (const each of late) assert.equal(mesh.dropped(each), 'over')
  }
})

test('the fence of one is nothing in the hands of the other', () => {
  const { mesh, first, second } = racing()
  assert.equal(mesh.dropped(finished('s', second, 'succeeded', { attempt: 1 })), 'stale')
  assert.equal(mesh.dropped(finished('s', first, 'succeeded', { attempt: 2 })), 'stale')
  assert.equal(mesh.dropped(fellOut('s', second, { attempt: 1 })), 'stale')
  assert.equal(mesh.dropped(fellOut('s', first, { attempt: 2 })), 'stale')
  assert.equal(mesh.dropped(fellOut('s', first, { attempt: 3 })), 'stale')
})

test('one that comes to nothing leaves the unit to the other, and nothing has failed', () => {
  for (const loser of [1, 2] as const) {
    const { mesh, first, second } = racing()
    const other = loser === 1 ? 2 : 1
    mesh.sure(fellOut('s', loser === 1 ? first : second, { attempt: loser }))
    const { state, attempt, node, fence, rival, failures, changedMs } = mesh.unit('s')!
    const index = other === 1 ? first : second
    assert.deepEqual([state, attempt, node, fence?.index], ['assigned', other, `n${other}`, index])
    assert.deepEqual([rival, failures, changedMs], [undefined, {}, other * 1_000])
    assert.deepEqual(attemptsOf(mesh), [[loser, `n${loser}`, 'lost']])
    const failed = { attempt: other, errorClass: 'transient', ...waits }
    mesh.sure(finished('s', index, 'waiting', failed))
    assert.deepEqual(mesh.unit('s')?.failures, { transient: 1 })
    assert.equal(mesh.dropped(assigned('s', { attempt: other === 1 ? 2 : 4 })), 'stale')
    mesh.sure(assigned('s', { attempt: 3, node: 'n3' }))
    assert.equal(mesh.dropped(raced('s', { attempt: 4, node: 'n4' })), 'stale')
    mesh.sure(finished('s', mesh.state.index - 1, 'succeeded', { attempt: 3 }))
    const numbers = mesh.unit('s')?.attempts?.map(({ attempt: number }) => number)
    assert.deepEqual(numbers, [1, 2, 3])
  }
})

test('as long as one is at work there is no other try, and the unit is an agent’s', () => {
  const { mesh, first, second } = racing()
  assert.equal(mesh.dropped(finished('s', first, 'waiting', waits)), 'stale')
  assert.equal(mesh.dropped(settled('s')), 'stale')
  const ended: AnyTransition = { kind: 'ended', value: { to: 3, after: [] } }
  assert.equal(mesh.dropped(ended), 'busy')
  for (const to of ['failed', 'cancelled'] as const) {
    assert.equal(mesh.dropped(finished('s', first, to)), 'stale')
  }
  const fallback = { waitsFor: 6 } as const
  assert.equal(mesh.dropped(finished('s', first, 'waiting', fallback)), 'stale')
  mesh.sure(fellOut('s', first))
  mesh.sure(finished('s', second, 'cancelled', { attempt: 2 }))
  assert.equal(mesh.unit('s')?.state, 'cancelled')
})

test('an item is raced as a stage is', () => {
  const mesh = new Mesh()
  mesh.startNew()
  mesh.sure(opened('s', 2), assigned('s', { item: 1 }))
  mesh.sure(raced('s', { item: 1 }))
  mesh.sure(finished('s', mesh.state.index, 'succeeded', { item: 1, attempt: 2 }))
  assert.equal(mesh.unit('s', 1)?.state, 'succeeded')
})

test('subscribers hear of both', () => {
  const { mesh, second } = racing()
  mesh.sure(fellOut('s', second, { attempt: 2 }))
  const [joined, left] = mesh.replica.events.slice(-2).map(({ change }) => change)
  const common = { kind: 'unitChanged', run: 'r1', stage: 's', state: 'assigned' }
  assert.deepEqual(joined, { ...common, attempt: 2, node: 'n2', race: 'joined' })
  assert.deepEqual(left, { ...common, attempt: 2, node: 'n2', race: 'left' })
})

test('before all have agreed on it, there are no races', () => {
  const mesh = new Mesh()
  mesh.start()
  mesh.sure(assigned('s'))
  const command = { kind: 'workRace' as const, value: { term: 1, runs: [] } }
  assert.equal(mesh.do(command).code, 'notAgreed')
})
