/** Attempts that take far longer than such work does are told of, once, and left alone. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { WorkTimes } from '../../coordinator/scheduler/core/core.ts'
import { lateRule } from '../../models/profiles/late.ts'
import { withStages } from '../workflow/stage.ts'
import { fails, Mesh, succeeds } from './mesh.ts'

const usual = { p10: 9_000, p50: 10_000, p90: 12_000, n: 40 }
const known: WorkTimes = { of: () => ({ range: usual, byHost: new Map() }) }
const one = withStages('  s: { run: x }\n')

const whyOf = (mesh: Mesh, run: string) => mesh.scheduler.explain(run, 's')?.stages[0]?.why ?? ''

test('far beyond what 99 of a hundred take it is told, and the stage goes on to its end', () => {
  const mesh = new Mesh({ times: known, fates: () => succeeds(undefined, 60_000) })
  const run = mesh.start(one)
  mesh.run(20_000)
  assert.deepEqual(mesh.late, [])
  assert.doesNotMatch(whyOf(mesh, run), /far longer/)
  mesh.run(10_000)
  assert.deepEqual(
    mesh.late.map(({ id: { stage, attempt }, late: { n } }) => [stage, attempt, n]),
    [['s', 1, 40]],
  )
  assert.match(whyOf(mesh, run), /far longer than it should: such work takes 10 s there/)
  mesh.run()
  assert.equal(mesh.late.length, 1)
  assert.equal(mesh.view(run).head.state, 'succeeded')
  assert.deepEqual(mesh.cancels, [])
})

test('what takes its usual time is never told of, nor what has no past', () => {
  const usually = new Mesh({ times: known, fates: () => succeeds(undefined, 13_000) })
  usually.start(one)
  usually.run()
  const unknown = new Mesh({ fates: () => succeeds(undefined, 3_000_000) })
  const run = unknown.start(one)
  unknown.run()
  assert.deepEqual([usually.late, unknown.late], [[], []])
  assert.equal(unknown.view(run).head.state, 'succeeded')
})

test('what is learned of it only while it runs counts, too', () => {
  let times: ReturnType<WorkTimes['of']>
  const mesh = new Mesh({ times: { of: () => times }, fates: () => succeeds(undefined, 300_000) })
  mesh.start(one)
  mesh.run(100_000)
  assert.deepEqual(mesh.late, [])
  times = { range: usual, byHost: new Map() }
  mesh.run(110_000)
  assert.equal(mesh.late.length, 1)
})

test('each try is judged by itself', () => {
  let tries = 0
  const mesh = new Mesh({
    times: known,
    fates: () => (++tries === 1 ? fails('transient', 'no', 60_000) : succeeds(undefined, 11_000)),
  })
  const run = mesh.start(withStages('  s: { run: x, retry: { attempts: 2, initial: 1s } }\n'))
  mesh.run()
  assert.equal(mesh.view(run).head.state, 'succeeded')
  assert.deepEqual(
    mesh.late.map(({ id }) => id.attempt),
    [1],
  )
})

test('a new leader goes on counting from when the host took it up', () => {
  const mesh = new Mesh({ times: known, fates: () => succeeds(undefined, 60_000) })
  mesh.start(one)
  mesh.run(10_000)
  mesh.changeLeader()
  mesh.run()
  assert.equal(mesh.late.length, 1)
})

test('what a leader has told is not told again by the next one, and what became late without one is', () => {
  const mesh = new Mesh({ times: known, fates: () => succeeds(undefined, 90_000) })
  const run = mesh.start(one)
  mesh.run(40_000)
  assert.equal(mesh.late.length, 1)
  mesh.run(15_000)
  mesh.changeLeader()
  mesh.run(10_000)
  assert.equal(mesh.late.length, 1)
  assert.match(whyOf(mesh, run), /far longer than it should/)
  mesh.run()
  const unled = new Mesh({ times: known, fates: () => succeeds(undefined, 90_000) })
  unled.start(one)
  unled.run(20_000)
  assert.equal(unled.late.length, 0)
  unled.changeLeader()
  unled.run()
  assert.equal(unled.late.length, 1)
})

test('a time is late only beyond all that is usual, and later where less is known', () => {
  const ms = fc.integer({ min: 1, max: 1e7 })
  fc.assert(
    fc.property(ms, ms, ms, fc.integer({ min: 5, max: 256 }), (p10, a, b, n) => {
      const range = { p10, p50: p10 + a, p90: p10 + a + b, n }
      const rule = lateRule({ range, byHost: new Map() }, 'h')
      assert.ok(rule.afterMs >= range.p90 + 2_000 && rule.afterMs >= 1.5 * rule.farMs)
      const few = lateRule({ range: { ...range, n: 5 }, byHost: new Map() }, 'h')
      assert.ok(few.afterMs >= rule.afterMs)
      const slow = new Map([['h', { ms: 2 * range.p50, n: 9 }]])
      assert.ok(lateRule({ range, byHost: slow }, 'h').afterMs >= rule.afterMs)
    }),
  )
})

test('whatever the figures are, an alarm rings once: time goes on', () => {
  const figure = fc.double({ min: 0.001, max: 1e5, noNaN: true })
  fc.assert(
    fc.property(figure, figure, figure, fc.integer({ min: 0, max: 2e12 }), (p10, a, b, at) => {
      const times: WorkTimes = {
        of: () => ({ range: { p10, p50: p10 + a, p90: p10 + a + b, n: 40 }, byHost: new Map() }),
      }
      const mesh = new Mesh({ times, fates: () => succeeds(undefined, 4e6) })
      mesh.nowMs += at
      mesh.start(one)
      // It fails by itself when it takes too many steps.
      mesh.run(5e6)
      assert.ok(mesh.late.length <= 1)
    }),
    { numRuns: 40 },
  )
})
