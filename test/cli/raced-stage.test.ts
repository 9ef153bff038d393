/** What is told of a stage that was raced: of which attempt, and since when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { begunMs, countingOf } from '../../coordinator/cli/stage-text.ts'
import { stageDocument } from '../../coordinator/runs/documents.ts'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import { assigned, fellOut, finished, Mesh, raced } from '../work-ledger/stage.ts'

/** After a race that begins a second after the first attempt, each further entry a second later. */
function stageAfter(toCome: (first: number, second: number) => readonly AnyTransition[]) {
  const mesh = new Mesh()
  mesh.startNew()
  mesh.timeMs = 10_000
  mesh.sure(assigned('s'))
  const first = mesh.state.index
  mesh.timeMs += 1_000
  mesh.sure(raced('s'))
  for (const each of toCome(first, mesh.state.index)) {
    mesh.timeMs += 1_000
    mesh.sure(each)
  }
  return stageDocument('s', undefined, mesh.run().units, (node) => node)
}

test('where the first succeeds after the second came to nothing, the figures are those of the first', () => {
  const stage = stageAfter((first, second) => [
    fellOut('s', second, { attempt: 2 }),
    finished('s', first),
  ])
  assert.deepEqual([stage.counts, countingOf(stage)?.attempt, stage.attempt], [1, 1, 2])
  assert.equal(begunMs(stage), 10_000)
})

test('the one that another was before is not counted', () => {
  const stage = stageAfter((_, second) => [finished('s', second, 'succeeded', { attempt: 2 })])
  assert.equal(countingOf(stage)?.attempt, 2)
  assert.equal(begunMs(stage), 10_000)
})

test('time does not begin anew while the first goes on after the second came to nothing', () => {
  const stage = stageAfter((_, second) => [fellOut('s', second, { attempt: 2 })])
  assert.equal(stage.state, 'assigned')
  assert.equal(begunMs(stage), 10_000)
  assert.equal(countingOf(stage), undefined, 'what counts has not ended')
})
