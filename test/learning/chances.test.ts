/** How likely attempts succeed: said beforehand, judged afterwards, and made to hold. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Isotonic } from '../../models/calibration/isotonic.ts'
import { brier, type Chance, reliability } from '../../models/measures/chance.ts'
import { historyKey } from '../../models/profiles/levels.ts'
import { estimateOf } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import { Chances } from '../../models/success/chances.ts'
import { successLimits } from '../../models/success/limits.ts'
import { Noise } from '../watching/noise.ts'

const chance = fc.record({
  said: fc.double({ min: 0, max: 1, noNaN: true }),
  happened: fc.boolean(),
})

test('what is made to hold rises with what was said, is never certain, and lies near what happened', () => {
  fc.assert(
    fc.property(fc.array(chance, { minLength: 1, maxLength: 60 }), (chances) => {
      const isotonic = new Isotonic(chances)
      let before = 0
      for (let said = 0; said <= 1; said += 0.05) {
        const held = isotonic.of(said)
        assert.ok(held > 0 && held < 1 && held >= before - 1e-12, `${said}: ${held}`)
        before = held
      }
    }),
  )
})

test('chances that are said too high are found to be, and hold then', () => {
  const noise = new Noise(4)
  const draw = (): Chance => {
    const true_ = noise.unit()
    return { said: Math.sqrt(true_), happened: noise.unit() < true_ }
  }
  const isotonic = new Isotonic(Array.from({ length: 2_000 }, draw))
  const fresh = Array.from({ length: 4_000 }, draw)
  const held = fresh.map(({ said, happened }) => ({ said: isotonic.of(said), happened }))
  assert.ok((brier(held) ?? 1) < (brier(fresh) ?? 0) - 0.01)
  for (const { said, happened, n } of reliability(held)) {
    if (n > 100) assert.ok(Math.abs(said - happened) < 0.08, `${said} ${happened} ${n}`)
  }
})

const attempt = (task: string, ok: boolean, group = 'w') => {
  return { group, task, ended: ok ? ('succeeded' as const) : ('failed' as const) }
}

test('the newest attempts count most, and similar work stands in where there is little', () => {
  const chances = new Chances()
  for (let i = 0; i < 60; i++) chances.learn(attempt('run/make/1', true))
  for (let i = 0; i < 10; i++) chances.learn(attempt('run/make/1', false))
  const told = chances.told(historyKey('w', 'run/make/1'))
  assert.ok(told && told.share < 0.5, String(told?.share))
  assert.deepEqual(told.lately, { succeeded: 0, tried: 10 })
  // The same in another workflow is thought of alike; something else is not held against it.
  assert.equal(chances.told(historyKey('v', 'run/make/1')), undefined)
  assert.ok((chances.said('v', 'run/make/1')?.held ?? 0) < 0.8)
  assert.equal(chances.said('w', 'run/other/9'), undefined)
})

test('on attempts of many kinds that change with time it is nearer than the plain share of each', () => {
  const noise = new Noise(9)
  const chances = new Chances()
  const counts = new Map<string, { good: number; tried: number }>()
  const [ours, plain]: [Chance[], Chance[]] = [[], []]
  for (let i = 0; i < 12_000; i++) {
    const kind = Math.floor(noise.unit() * 30)
    const task = `run/p${kind}/s`
    // Some break for a while, and are mended again.
    const isBroken = (Math.floor(i / 1_500) + kind) % 5 === 0
    const ok = noise.unit() < (isBroken ? 0.3 : 0.97)
    const said = chances.said('w', task)
    const count = counts.get(task) ?? { good: 0, tried: 0 }
    counts.set(task, count)
    if (said !== undefined && i > 2_000) {
      ours.push({ said: said.held, happened: ok })
      plain.push({ said: count.good / count.tried, happened: ok })
    }
    chances.learn(attempt(task, ok))
    count.good += Number(ok)
    count.tried++
  }
  const [own, theirs] = [brier(ours) ?? 1, brier(plain) ?? 0]
  assert.ok(own < 0.75 * theirs, `${own} against ${theirs}`)
})

test('where nothing changes it is as near as the plain share of each kind', () => {
  const noise = new Noise(12)
  const chances = new Chances()
  const counts = new Map<string, { good: number; tried: number }>()
  const [ours, plain]: [Chance[], Chance[]] = [[], []]
  for (let i = 0; i < 8_000; i++) {
    const kind = Math.floor(noise.unit() * 10)
    const task = `run/p${kind}/s`
    const ok = noise.unit() < ([1, 0.99, 0.9, 0.7, 0.5][kind % 5] ?? 0)
    const said = chances.said('w', task)
    const count = counts.get(task) ?? { good: 0, tried: 0 }
    counts.set(task, count)
    if (said !== undefined && i > 1_000) {
      ours.push({ said: said.held, happened: ok })
      plain.push({ said: count.good / count.tried, happened: ok })
    }
    chances.learn(attempt(task, ok))
    count.good += Number(ok)
    count.tried++
  }
  const [own, theirs] = [brier(ours) ?? 1, brier(plain) ?? 0]
  assert.ok(own < 1.02 * theirs, `${own} against ${theirs}`)
})

test('what holds as it is stays as it is, and where nothing ever fails nothing is made of it', () => {
  const chances = new Chances()
  for (let i = 0; i < 500; i++) chances.learn(attempt('run/x/1', true))
  const said = chances.said('w', 'run/x/1')
  assert.equal(said?.raw, said?.held)
  assert.ok((said?.held ?? 0) > 0.95)
})

test('many at once are fitted once, and come to the same as one after the other', () => {
  const noise = new Noise(7)
  const past = Array.from({ length: 20_000 }, () => {
    const kind = Math.floor(noise.unit() * 30)
    return attempt(`run/p${kind}/s`, noise.unit() < (kind % 3 === 0 ? 0.5 : 0.95))
  })
  const [learned, recalled] = [new Chances(), new Chances()]
  const tookOf = (work: () => void) => {
    // Of this thread: others that want the same core are no part of it.
    const before = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(before)
    return (user + system) / 1_000
  }
  const learnedMs = tookOf(() => {
    for (const each of past) learned.learn(each)
  })
  const recalledMs = tookOf(() => {
    for (const each of past) recalled.recall(each)
    recalled.fit()
  })
  assert.ok(recalledMs < learnedMs / 2, `${recalledMs} ms against ${learnedMs} ms`)
  learned.fit()
  for (let kind = 0; kind < 30; kind++) {
    const key = historyKey('w', `run/p${kind}/s`)
    assert.deepEqual(recalled.told(key), learned.told(key))
  }
})

test('of so many kinds as may be something is kept, and those go that are oldest', () => {
  const chances = new Chances()
  for (let i = 0; i < 2 * successLimits.keysMax; i++) {
    chances.learn(attempt(`run/p${i}/1`, true))
    if (i % 100 === 0) chances.learn(attempt('run/often/1', true))
  }
  assert.ok(chances.size <= successLimits.keysMax, String(chances.size))
  assert.equal(chances.told(historyKey('w', 'run/p0/1')), undefined)
  assert.equal(chances.told(historyKey('w', 'run/often/1'))?.lately.tried, 10)
  chances.forget(historyKey('w', 'run/often/1'))
  assert.equal(chances.told(historyKey('w', 'run/often/1')), undefined)
})

test('of hosts together it is told what is like it, what is new, and who fails more than others', () => {
  const of = (told: readonly Told[]) => {
    return estimateOf('w', 'run/x/1', new Map([[historyKey('w', 'run/x/1'), told]])).success
  }
  const good = {
    host: 'a',
    succeeded: 40,
    tried: 40,
    chance: 0.98,
    lately: { succeeded: 10, tried: 10 },
  }
  const bad = {
    host: 'b',
    succeeded: 6,
    tried: 20,
    chance: 0.2,
    lately: { succeeded: 0, tried: 10 },
  }
  const success = of([good, bad])
  assert.ok(success && Math.abs(success.share - (40 * 0.98 + 20 * 0.2) / 60) < 1e-9)
  assert.ok(success.low <= success.share && success.share <= success.high)
  assert.deepEqual(success.all, { succeeded: 46, tried: 60 })
  assert.deepEqual(success.lately, { succeeded: 10, tried: 20 })
  assert.equal(success.worst?.host, 'b')
  assert.deepEqual(success.worst?.elsewhere, { succeeded: 40, tried: 40 })
  assert.equal(of([good])?.worst, undefined)
  // Who does not say is taken at the share.
  assert.equal(of([{ host: 'a', succeeded: 3, tried: 6 }])?.share, 0.5)
})
