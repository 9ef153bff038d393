/** The laws of places, placements, runs that wait, and remembered ones sound when broken, and only then. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { placementTimes } from '../../simulations/checkers/limits.ts'
import { Placements } from '../../simulations/checkers/placements.ts'
import { Places } from '../../simulations/checkers/places.ts'
import { RunLives } from '../../simulations/checkers/run-lives.ts'
import { Remembered } from '../../simulations/sim/work/remembered.ts'
import { withStages } from '../workflow/stage.ts'

test('one more than a group has places is noticed, and a place that was left is free', () => {
  const places = new Places()
  const group = { name: 'gate', limit: 1 }
  places.takes('a', group)
  assert.equal(places.judge(), undefined)
  // In one entry, and so at once.
  places.takes('b', group)
  places.leaves('a')
  places.takes('a', { name: 'other', limit: 1 })
  assert.equal(places.judge(), undefined)
  places.takes('c', group)
  assert.match(places.judge()?.what ?? '', /^2 hold a place of gate/)
})

test('an attempt at another host than its stage asks for is noticed', () => {
  const stage = (where: string) => {
    const parsed = parseWorkflow(withStages(`  a: { run: x, where: ${where} }\n`))
    assert.ok(parsed.ok)
    return parsed.workflow.stages[0]!
  }
  const placements = new Placements()
  const place = { id: 'id-1', name: 'n1', labels: { zone: 'east' } }
  assert.equal(placements.assigned('a', stage('{ host: n1 }'), place, 0), undefined)
  assert.ok(placements.assigned('a', stage('{ host: n2 }'), place, 0))
  assert.equal(placements.assigned('a', stage('{ labels: { zone: east } }'), place, 0), undefined)
  assert.ok(placements.assigned('a', stage('{ labels: { zone: west } }'), place, 0))
  placements.drains('id-1', 0)
  const { drainedMs } = placementTimes
  assert.equal(placements.assigned('a', stage('{ host: n1 }'), place, drainedMs), undefined)
  assert.ok(placements.assigned('a', stage('{ host: n1 }'), place, drainedMs + 1))
  placements.undrains('id-1')
  assert.equal(placements.assigned('a', stage('{ host: n1 }'), place, drainedMs + 1), undefined)
})

test('a run that is told otherwise than it ended is noticed, and a key that begins two', () => {
  const view = (state: string) => ({ run: 'r', head: { state }, units: [] }) as unknown as RunView
  const remembered = new Remembered()
  assert.equal(remembered.begins('r', 'k'), undefined)
  assert.ok(remembered.compare(view('failed')), 'one that has not ended is told as ended')
  remembered.ends(view('failed'))
  assert.equal(remembered.compare(view('failed')), undefined)
  assert.ok(remembered.compare(view('succeeded')))
  assert.deepEqual(remembered.runs, ['r'])
  assert.equal(remembered.begins('s', undefined), undefined)
  assert.match(remembered.begins('t', 'k')?.what ?? '', /^k has begun r, and begins t$/)
})

test('what comes about in a run that waits for its group is noticed, also what comes to nothing', () => {
  const parsed = parseWorkflow(withStages('  a: { run: x }\n  b: { run: x }\n'))
  assert.ok(parsed.ok)
  const lives = new RunLives()
  assert.equal(lives.started('r', parsed.workflow, true), undefined)
  assert.ok(lives.unitIs({ run: 'r', stage: 'a' }, 'cancelled', false))
  assert.ok(lives.unitIs({ run: 'r', stage: 'a' }, 'succeeded', true))
  assert.equal(lives.runIs('r', 'running'), undefined)
  assert.equal(lives.unitIs({ run: 'r', stage: 'b' }, 'cancelled', false), undefined)
})
