import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correctionOf, type OwnRow, type Told } from '../../models/federation/personal.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const told: Told = [-1, 0, 1]

function rows(task: string, count: number, off: number, spread: number): OwnRow[] {
  const chance = new SeededEntropy(`${task} ${count}`)
  return Array.from({ length: count }, () => ({
    task,
    told,
    target: off + spread * (chance.unit() * 2 - 1),
  }))
}

test('a host that is slower than others say learns it, for each task by itself', () => {
  const correction = correctionOf([...rows('slow', 300, 0.7, 0.1), ...rows('usual', 300, 0, 0.1)])
  assert.ok(Math.abs(correction.corrected('slow', told)[1] - 0.7) < 0.1)
  assert.ok(Math.abs(correction.corrected('usual', told)[1]) < 0.1)
})

test('what a host knows of its other tasks holds for one that it has not seen', () => {
  const correction = correctionOf(rows('a', 500, 0.7, 0.1))
  assert.ok(correction.corrected('b', told)[1] > 0.5)
})

test('few rows change little, and none change nothing', () => {
  const one = correctionOf(rows('a', 1, 3, 0)).corrected('a', told)[1]
  assert.ok(one > 0 && one < 1, `${one}`)
  assert.deepEqual(correctionOf([]).corrected('a', told), told)
})

test('a range that is too wide or too narrow comes to hold eight of ten', () => {
  for (const spread of [0.5, 3]) {
    const known = rows('a', 1_000, 0, spread)
    const [tenth, , nineTenths] = correctionOf(known).corrected('a', told)
    const inside = rows('a', 999, 0, spread).filter(
      ({ target }) => target >= tenth && target <= nineTenths,
    )
    assert.ok(Math.abs(inside.length / 999 - 0.8) < 0.08, `${inside.length / 999}`)
  }
})
