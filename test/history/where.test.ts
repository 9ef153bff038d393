/** What runs may be picked by. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whereLimits } from '../../agent/history/limits.ts'
import { whereNames, whereOf } from '../../agent/history/where.ts'
import type { RunItem } from '../../protocol/ledger/work-view.ts'

const over: RunItem = {
  run: 'r1',
  state: 'failed',
  stop: 'none',
  revision: 3,
  name: 'release',
  by: 'ada',
  startedMs: Date.UTC(2026, 0, 31, 12),
  endedMs: Date.UTC(2026, 0, 31, 12, 20),
  reason: 'no room on disk',
  index: 1,
  workflow: 'h',
  labels: { team: 'web' },
}
const { endedMs: _, reason: __, ...begun } = over
const goesOn: RunItem = { ...begun, run: 'r2', state: 'running', parent: 'r1' }
const nowMs = Date.UTC(2026, 0, 31, 12, 1)

/** Of the two, which match. */
function picked(source: string): string[] {
  const where = whereOf(source)
  assert.ok(where.ok, JSON.stringify(where))
  return [over, goesOn].filter((item) => where.test(item, nowMs) === true).map(({ run }) => run)
}

for (const [source, runs] of [
  ['state == "failed"', ['r1']],
  ['id == "r2" && parent == "r1"', ['r2']],
  ['name == "release" && by == "ada"', ['r1', 'r2']],
  ['took > duration("10m")', ['r1']],
  ['took == duration("1m")', ['r2']],
  ['durationSeconds > 60', ['r1']],
  ['durationSeconds >= 60.0', ['r1', 'r2']],
  ['startedAt < timestamp("2026-02-01T00:00:00Z")', ['r1', 'r2']],
  ['startedAt.getHours() == 12', ['r1', 'r2']],
  ['endedAt > startedAt', ['r1']],
  ['!(endedAt > startedAt)', []],
  ['labels.team == "web"', ['r1', 'r2']],
  ['labels.env == "prod"', []],
  ['has(labels.env) || state == "running"', ['r2']],
  ['labels.get("env", "none") == "none"', ['r1', 'r2']],
  ['reason.contains("disk")', ['r1']],
  ['state in ["running", "queued"]', ['r2']],
] as const) {
  test(`${source} picks ${runs.length === 0 ? 'nothing' : runs.join(' and ')}`, () => {
    assert.deepEqual(picked(source), runs)
  })
}

test('what cannot be right is refused before any run is looked at', () => {
  for (const source of [
    '',
    'state =',
    'nme == "x"',
    'state == 5',
    'took',
    'labels',
    'name + "x"',
  ]) {
    assert.equal(whereOf(source).ok, false, source)
  }
  assert.equal(whereOf(`"${'x'.repeat(whereLimits.sourceLengthMax)}" == name`).ok, false)
})

test('an expression that costs too much for a run is a mistake, and no match', () => {
  const many = Array.from({ length: 40 }, (_, i) => i).join(',')
  const where = whereOf(`[${many}].all(x, [${many}].all(y, x + y >= 0)) && name == "release"`)
  assert.ok(where.ok)
  const tested = where.test(over, nowMs)
  assert.ok(typeof tested !== 'boolean')
  assert.equal(tested.code, 'tooCostly')
})

test('every name that is documented can be used', () => {
  const all = Object.keys(whereNames).map((name) => `dyn(${name}) != dyn([])`)
  assert.ok(picked(all.join(' && ')).includes('r1'))
})
