/** What work took before decides where it goes now, where that is known, and is never waited for. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { WorkTimes } from '../../coordinator/scheduler/core/core.ts'
import { KnownTimes } from '../../coordinator/scheduler/known-times.ts'
import { knownTimesLimits } from '../../coordinator/scheduler/limits.ts'
import { timesByHost } from '../../models/profiles/by-host.ts'
import { lateRule } from '../../models/profiles/late.ts'
import { levelsOf } from '../../models/profiles/levels.ts'
import type { AllTold } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import { HandClock, LogLines } from '../telemetry/made-host.ts'
import { withStages } from '../workflow/stage.ts'
import { host, Mesh, succeeds } from './mesh.ts'

/** Of a host that is so many times slower than the first. */
const slowness: Readonly<Record<string, number>> = { a: 1, b: 2, c: 4 }
const BASE_MS = 10_000

function told(host: string, p50: number, n = 20): Told {
  return {
    host,
    succeeded: n,
    tried: n,
    tookMs: { p10: 0.9 * p50, p50, p90: 1.1 * p50, n },
  }
}

function allTold(workflow: string, task: string, of: readonly Told[]): AllTold {
  return new Map([[levelsOf(workflow, task)[0]?.key ?? '', of]])
}

const known: WorkTimes = {
  of: (workflow, task) => {
    const each = Object.entries(slowness).map(([name, times]) => told(name, times * BASE_MS))
    return timesByHost(workflow, task, allTold(workflow, task, each))
  },
}

/** Chains side by side, on hosts of different speed, with room for one of each at a time. */
function makespan(chains: number, length: number, times?: WorkTimes): number {
  const hosts = Object.keys(slowness).map((id) => host(id, { cores: 2 }))
  const mesh = new Mesh({
    hosts,
    fates: (_, node) => succeeds(undefined, BASE_MS * (slowness[node] ?? 1)),
    ...(times === undefined ? {} : { times }),
  })
  const stages = Array.from({ length: chains * length }, (_, i) => {
    const before = i % length === 0 ? '' : `needs: [s${i - 1}], `
    return `  s${i}: { ${before}run: x, resources: { cpu: 1 } }`
  })
  const began = mesh.nowMs
  const run = mesh.start(withStages(`${stages.join('\n')}\n`))
  mesh.run()
  assert.equal(mesh.view(run).head.state, 'succeeded')
  return mesh.nowMs - began
}

test('hosts of different speed are through sooner when it is known how quick they are', () => {
  for (const chains of [1, 2, 3]) {
    const without = makespan(chains, 8)
    const withTimes = makespan(chains, 8, known)
    assert.ok(withTimes < 0.75 * without, `${chains}: ${withTimes} against ${without}`)
  }
})

test('hosts that were slow are tried again now and then, so that what is known stays true', () => {
  const seen = new Map<string, number>()
  const mesh = new Mesh({
    times: known,
    fates: () => succeeds(),
    onAssign: (_, node) => seen.set(node, (seen.get(node) ?? 0) + 1),
  })
  for (let i = 0; i < 400; i++) {
    mesh.start(withStages('  s: { run: x }\n'))
    mesh.run()
  }
  const others = (seen.get('b') ?? 0) + (seen.get('c') ?? 0)
  // One in 32 goes anywhere, and of those a third to where it would have gone anyway.
  assert.ok(others >= 1 && others < 30, JSON.stringify([...seen]))
})

test('when more waits than there is room for, knowing times costs nothing', () => {
  const without = makespan(12, 4)
  const withTimes = makespan(12, 4, known)
  assert.ok(withTimes <= 1.05 * without, `${withTimes} against ${without}`)
})

test('of a host that nobody knows, what all say together is expected; few attempts say little', () => {
  const of = (each: readonly Told[]) => timesByHost('w', 'run/x/1', allTold('w', 'run/x/1', each))
  assert.equal(of([told('a', 100, 4)]), undefined)
  const times = of([told('a', 100, 50), told('b', 1_000, 1), told('c', 1_000, 50)])
  const at = (name: string) => times?.byHost.get(name)?.ms ?? 0
  assert.ok(at('a') > 90 && at('a') < 150, String(at('a')))
  assert.ok(at('b') < at('c'), 'one attempt does not make a host slow')
  assert.equal(times?.byHost.get('d'), undefined)
})

test('a host that lies about its times is taken to be eight times quicker at most, and others as they are', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const honest = names.map((name) => told(name, 10_000))
  const timesOf = (each: readonly Told[]) =>
    timesByHost('w', 'run/x/1', allTold('w', 'run/x/1', each))
  const usual = timesOf(honest)
  const lies = [
    { p10: 1, p50: 1, p90: 1, n: 256 },
    { p10: 1, p50: 10_000, p90: 86_400_000, n: 256 },
    { p10: 86_400_000, p50: 86_400_000, p90: 86_400_000, n: 256 },
  ]
  for (const tookMs of lies) {
    const times = timesOf([...honest, { ...told('liar', 1), tookMs }])
    assert.ok(usual !== undefined && times !== undefined)
    const liar = times.byHost.get('liar')?.ms ?? 0
    assert.ok(liar > 1_200 && liar < 82_000, String(liar))
    for (const name of names) {
      assert.ok(Math.abs(Math.log((times.byHost.get(name)?.ms ?? 0) / 10_000)) < 0.1)
      const [late, before] = [lateRule(times, name), lateRule(usual, name)]
      assert.ok(late.farMs < 64 * before.farMs, `${late.farMs} against ${before.farMs}`)
      assert.ok(late.farMs < 600_000, String(late.farMs))
    }
  }
})

class AskedTelling {
  readonly questions: string[][] = []
  answer: AllTold = new Map()
  fails = false

  gathered(keys: readonly string[]): Promise<AllTold> {
    this.questions.push([...keys])
    return this.fails ? Promise.reject(new Error('nobody is there')) : Promise.resolve(this.answer)
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the leader answers at once with what it has, asks behind that, and again when it is old', async () => {
  const clock = new HandClock(0)
  const telling = new AskedTelling()
  const times = new KnownTimes({ clock, log: new LogLines(), telling })
  telling.answer = allTold('w', 'run/x/1', [told('a', 500)])
  assert.equal(times.of('w', 'run/x/1'), undefined)
  assert.equal(times.of('w', 'run/y/1'), undefined)
  clock.run(knownTimesLimits.askSoonMs)
  await settled()
  assert.equal(telling.questions.length, 1)
  assert.ok(telling.questions[0]?.includes('w run/y/1'))
  assert.ok(Math.abs((times.of('w', 'run/x/1')?.byHost.get('a')?.ms ?? 0) - 500) < 1e-6)
  // Nothing is asked while nobody needs it, and again when it is old.
  clock.run(knownTimesLimits.freshMs - 1_000)
  assert.equal(telling.questions.length, 1)
  clock.run(2_000)
  times.of('w', 'run/x/1')
  clock.run(knownTimesLimits.askSoonMs)
  await settled()
  assert.equal(telling.questions.length, 2)
  // Of what nothing is known it is asked sooner.
  assert.equal(times.of('w', 'run/y/1'), undefined)
  clock.run(knownTimesLimits.askSoonMs)
  await settled()
  assert.equal(telling.questions.length, 2)
  clock.run(knownTimesLimits.unknownMs)
  times.of('w', 'run/y/1')
  times.of('w', 'run/x/1')
  clock.run(knownTimesLimits.askSoonMs)
  await settled()
  assert.deepEqual([telling.questions.length, telling.questions[2]?.length], [3, 3])
  times.end()
  clock.run(knownTimesLimits.freshMs)
  times.of('w', 'run/x/1')
  clock.run(knownTimesLimits.askSoonMs)
  assert.equal(telling.questions.length, 3)
})

test('where nobody answers nothing is known, and it goes on', async () => {
  const clock = new HandClock(0)
  const telling = new AskedTelling()
  telling.fails = true
  const times = new KnownTimes({ clock, log: new LogLines(), telling })
  for (let i = 0; i < 3; i++) {
    assert.equal(times.of('w', 'run/x/1'), undefined)
    clock.run(knownTimesLimits.freshMs)
    await settled()
  }
  assert.ok(telling.questions.length >= 2)
})

test('it is explained by what such work took there', () => {
  const mesh = new Mesh({ times: known, fates: () => succeeds(undefined, 60_000) })
  const run = mesh.start(withStages('  s: { run: x }\n'))
  mesh.run(50)
  const [stage] = mesh.scheduler.explain(run, 's')?.stages ?? []
  const reasons = stage?.hosts?.map(({ host: { id }, reasons: all }) => {
    return [id, all.find(({ factor }) => factor === 'expectedEnd')?.message]
  })
  assert.equal(reasons?.[0]?.[0], 'a')
  assert.match(
    String(reasons?.[0]?.[1]),
    /done in about .*: such work takes 1\d(\.\d)? s there \(n=20\)/,
  )
})

test('of a great many kinds so many are asked at once, and the others right after', async () => {
  const clock = new HandClock(0)
  const telling = new AskedTelling()
  const times = new KnownTimes({ clock, log: new LogLines(), telling })
  const { kindsAskedMax, askSoonMs } = knownTimesLimits
  for (let i = 0; i < 2 * kindsAskedMax + 3; i++) times.of('w', `run/p${i}/1`)
  for (let i = 0; i < 5; i++) {
    clock.run(askSoonMs)
    await settled()
  }
  const asked = telling.questions.map(
    (keys) => new Set(keys.filter((key) => key.startsWith('w '))).size,
  )
  assert.deepEqual(asked, [kindsAskedMax, kindsAskedMax, 3])
})

test('who knows as many kinds as there may be learns of another, and keeps those that are needed', async () => {
  const clock = new HandClock(0)
  const telling = new AskedTelling()
  const times = new KnownTimes({ clock, log: new LogLines(), telling })
  const { kindsMax, kindsAskedMax, askSoonMs } = knownTimesLimits
  const answered = async () => {
    for (let i = 0; i <= kindsMax / kindsAskedMax; i++) {
      clock.run(askSoonMs)
      await settled()
    }
  }
  telling.answer = allTold('needed', 'run/x/1', [told('a', 700)])
  for (let i = 1; i < kindsMax; i++) times.of('w', `run/p${i}/1`)
  times.of('needed', 'run/x/1')
  await answered()
  assert.ok(times.of('needed', 'run/x/1') !== undefined)
  // Nothing that is known is so old that it would be asked for again.
  telling.answer = allTold('new', 'run/y/1', [told('a', 500)])
  const asked = telling.questions.length
  times.of('new', 'run/y/1')
  clock.run(askSoonMs)
  await settled()
  assert.ok(telling.questions.length > asked, 'it is asked')
  assert.ok(Math.abs((times.of('new', 'run/y/1')?.range.p50 ?? 0) - 500) < 1e-6)
  assert.ok(times.of('needed', 'run/x/1') !== undefined)
})
