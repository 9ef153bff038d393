/** Chances of success, judged on what was held back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgedSuccess } from '../../models/evaluation/chances.ts'
import { byTime } from '../../models/evaluation/splits.ts'
import type { Row } from '../../models/rows.ts'
import { Noise } from '../watching/noise.ts'

function rows(count: number, chanceOf: (kind: number, i: number) => number): Row[] {
  const noise = new Noise(21)
  return Array.from({ length: count }, (_, i) => {
    const kind = Math.floor(noise.unit() * 8)
    const ended = noise.unit() < chanceOf(kind, i) ? ('succeeded' as const) : ('failed' as const)
    const times = { startedMs: i * 1_000, endedMs: i * 1_000 + 500 }
    return { task: `run/p${kind}/s`, group: 'app', host: 'h', ended, ...times }
  })
}

test('what differs by kind is said nearer than the share of all, and what changes nearer than by kind', () => {
  const byKind = judgedSuccess(byTime(rows(3_000, (kind) => (kind < 2 ? 0.3 : 0.95))))
  const of = (judged: typeof byKind) => {
    return new Map(judged?.lines.map(({ learner, brier }) => [learner, brier]))
  }
  const [plain = 1, kinds = 1, held = 1] = [
    'share of all',
    'share of its kind',
    'made to hold',
  ].map((learner) => of(byKind).get(learner))
  assert.ok(kinds < plain && held < plain, JSON.stringify(byKind?.lines))
  const breaking = judgedSuccess(byTime(rows(3_000, (kind, i) => (kind === i >> 9 ? 0.1 : 0.97))))
  const lines = of(breaking)
  const [theirs = 0, ours = 1] = [lines.get('share of its kind'), lines.get('made to hold')]
  assert.ok(ours < theirs, JSON.stringify(breaking?.lines))
})

test('where nothing failed there is nothing to judge', () => {
  assert.equal(judgedSuccess(byTime(rows(300, () => 1))), undefined)
})

test('how an attempt ends is not known when it is asked of', () => {
  // Each fails exactly when the one before, which runs beside it, does: nobody may profit of that.
  const noise = new Noise(3)
  const overlapping = Array.from({ length: 2_000 }, (_, i): Row => {
    const times = { startedMs: i * 1_000, endedMs: i * 1_000 + 1e9 }
    const ended = noise.unit() < 0.5 ? 'succeeded' : 'failed'
    return { task: 'run/p/s', group: 'app', host: 'h', ended, ...times }
  })
  const judged = judgedSuccess({ name: 'x', known: [], held: overlapping, between: 0 })
  assert.equal(judged?.unknown, 2_000)
})
