/** Which of its own rows a host trains on, and which it votes by: never the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnRow } from '../../agent/learning/lesson.ts'
import { roundLimits } from '../../agent/learning/round/limits.ts'
import { ownExamples } from '../../agent/learning/round/own-examples.ts'

/** No two take equally long: a row is known by its target. */
function history(count: number): OwnRow[] {
  return Array.from({ length: count }, (_, i) => ({
    group: 'build',
    task: `program/make-${i % 4}`,
    startedMs: 1_000_000 + 7 * i,
    endedMs: 1_000_000 + 7 * i + 100 + 31 * i,
    ended: 'succeeded',
  }))
}

async function examplesOf(count: number) {
  const clock = {
    after: (_: number, then: () => void) => {
      queueMicrotask(then)
      return { cancel: () => {} }
    },
  }
  async function* rows() {
    yield* history(count)
  }
  const own = await ownExamples({ clock, host: 'n1', rows })
  assert.ok(own, `${count} rows`)
  return { trained: [...own.trained.targets], kept: [...own.kept.targets] }
}

test('a host votes by rows that it does not train on, and did not, however few it has', async () => {
  const { rowsMin, voteRowsMin, votesOneIn } = roundLimits
  const before = new Set<number>()
  for (const count of [rowsMin, rowsMin + 1, 30, 60, 500, 2_000]) {
    const { trained, kept } = await examplesOf(count)
    assert.equal(trained.length + kept.length, count)
    assert.equal(new Set([...trained, ...kept]).size, count, `of ${count}, some are both`)
    assert.ok(kept.length >= voteRowsMin && trained.length > 0)
    if (count >= 500) assert.ok(Math.abs((kept.length * votesOneIn) / count - 1) < 0.35)
    for (const target of kept) assert.ok(!before.has(target), 'it was trained on before')
    for (const target of trained) before.add(target)
  }
})
