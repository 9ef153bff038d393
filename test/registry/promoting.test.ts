/** When a version goes on, is rejected, or is taken back; and who can talk hosts into it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rankOf } from '../../agent/learning/speaker.ts'
import { reportsOf } from '../../coordinator/learning/desk.ts'
import {
  decided,
  isCanaryHost,
  promotingLimits as limits,
} from '../../models/registry/promoting.ts'
import {
  gainOf,
  isSensible,
  judged,
  type Standing,
  standingLimits,
  Tally,
  together,
} from '../../models/registry/standing.ts'
import type { RegistryView, Version, VersionState } from '../../models/registry/versions.ts'

const one = 'a'.repeat(64)
const other = 'b'.repeat(64)

function version(hash: string, state: VersionState): Version {
  return {
    ...{ hash, state, kind: 'duration', parents: [], madeMs: 1, hosts: 3, rows: 100 },
    ...{ sinceMs: 1, why: '', revision: 1 },
  }
}

function viewOf(...versions: Version[]): RegistryView {
  const inState = (state: VersionState) => versions.find((each) => each.state === state)
  return {
    ...{ versions, head: undefined, headRevision: 0 },
    ...{ treesHead: undefined, treesHeadRevision: 0 },
    ...{ active: inState('active'), canary: inState('canary'), shadow: inState('shadow') },
  }
}

function standing(n: number, loss: number, beside = 0.4, plain = beside): Standing {
  return { attempts: n, n, loss, rival: beside, plain, within: 0.8 }
}

const says = (hash: string, ...all: Standing[]) => new Map([[hash, all]])

test('a shadow that is no worse goes on, one that is worse is rejected, and few attempts decide nothing', () => {
  const view = viewOf(version(one, 'shadow'))
  const third = Math.ceil(limits.shadowAttempts / 3)
  const by = (n: number, loss: number) =>
    decided(view, says(one, standing(n, loss), standing(n, loss), standing(n, loss)))
  assert.equal(by(5, 0.1), undefined)
  assert.deepEqual(by(third, 0.39), {
    ...{ kind: 'move', hash: one, to: 'canary' },
    why: by(third, 0.39)?.why,
  })
  assert.match(by(third, 0.39)?.why ?? '', /2.5% better .*0.390 beside 0.400 of history alone/)
  const rejected = by(third, 0.45)
  assert.ok(rejected?.kind === 'move' && rejected.to === 'rejected')
  assert.equal(decided(view, new Map()), undefined)
})

test('a canary gives way to a newer one of its family, and to one of the other when it had its time', () => {
  const trees = { family: 'trees' } as const
  const third = Math.ceil(limits.shadowAttempts / 3)
  const good = [standing(third, 0.1), standing(third, 0.1), standing(third, 0.1)]
  // By these alone nobody can say whether it is any better.
  const unclear = (n: number) => [standing(n, 0.1), standing(n, 0.9), standing(n, 0.4)]
  const by = (canary: Version, shadow: Version, n: number) =>
    decided(viewOf(canary, shadow), new Map([...says(one, ...unclear(n)), ...says(other, ...good)]))
  const canary = version(one, 'canary')
  const shadow = version(other, 'shadow')
  const taken = by(canary, shadow, 3)
  assert.ok(taken?.kind === 'move' && taken.hash === other && taken.to === 'canary')
  assert.equal(by(canary, { ...shadow, ...trees }, 3), undefined)
  assert.equal(by({ ...canary, ...trees }, shadow, 3), undefined)
  const late = by(canary, { ...shadow, ...trees }, limits.patience * limits.canaryAttempts)
  assert.equal(late?.kind, 'move')
})

test('hosts that say otherwise than all attempts together are heard for longer, and then decide', () => {
  const view = viewOf(version(one, 'shadow'))
  const by = (n: number) =>
    decided(view, says(one, standing(n, 0.1), standing(n, 0.42), standing(n, 0.42)))
  assert.equal(by(Math.ceil(limits.shadowAttempts / 3)), undefined)
  const late = by(limits.shadowAttempts)
  assert.ok(late?.kind === 'move' && late.to === 'rejected')
  assert.match(late.why, /5.0% worse for the median host/)
})

test('no host decides alone where there are others, and two have to agree', () => {
  const view = viewOf(version(one, 'shadow'))
  const silent = { ...standing(0, 0), attempts: 0 }
  const loud = { ...standing(128, 0.1), attempts: 1e9 }
  assert.equal(decided(view, says(one, loud, silent, silent)), undefined)
  const bad = standing(128, 0.5)
  assert.equal(decided(view, says(one, loud, bad, silent)), undefined, 'two have to agree')
  assert.equal(decided(view, says(one, loud, bad)), undefined)
  assert.ok(decided(view, says(one, loud, loud, silent)))
  assert.ok(decided(view, says(one, bad, bad, silent)))
  assert.ok(decided(view, says(one, loud)), 'where there is one host, it decides')
  const few = standing(4, 0.1)
  assert.equal(decided(view, says(one, loud, few, few)), undefined, 'it has seen half at most')
})

test('a host that says it has judged thousands counts once, and few voices decide nothing', () => {
  const view = viewOf(version(one, 'shadow'))
  const loud = { ...standing(128, 0.1), attempts: 10_000 }
  const with4 = (n: number) => says(one, loud, ...Array.from({ length: 4 }, () => standing(n, 0.1)))
  assert.equal(decided(view, with4(5)), undefined, 'all others together have seen 20')
  assert.ok(decided(view, with4(7)))
  const active = viewOf(version(one, 'active'))
  const bad = { ...standing(128, 0.9), attempts: 10_000 }
  const worse = (n: number) => says(one, bad, ...Array.from({ length: 4 }, () => standing(n, 0.5)))
  assert.equal(decided(active, worse(5)), undefined, 'of these a window alone is no ground')
  assert.equal(decided(active, worse(10))?.kind, 'rollBack')
  const past = { ...standing(5, 0.5), attempts: 1_000 }
  assert.equal(
    decided(active, says(one, past, past, past)),
    undefined,
    'what it was judged by once',
  )
  const few = (count: number) =>
    Array.from({ length: 7 }, (_, i) => standing(i < count ? 40 : 2, 0.1))
  assert.equal(decided(view, says(one, ...few(3))), undefined, 'three of seven')
  assert.ok(decided(view, says(one, ...few(4))))
})

test('a canary becomes active, and is measured against the one that is', () => {
  const view = viewOf(version(one, 'canary'), version(other, 'active'))
  const all = says(one, standing(limits.canaryAttempts, 0.3, 0.31, 0.9))
  const moved = decided(view, all)
  assert.ok(moved?.kind === 'move' && moved.to === 'active')
  const worse = decided(view, says(one, standing(limits.canaryAttempts, 0.35, 0.31, 0.9)))
  assert.ok(worse?.kind === 'move' && worse.to === 'rejected', 'though better than history alone')
})

test('an active version whose live error grows beyond what history alone says is taken back', () => {
  const view = viewOf(version(one, 'active'))
  const n = limits.activeAttempts
  assert.equal(decided(view, says(one, standing(n, 0.42))), undefined, 'that may be chance')
  assert.equal(decided(view, says(one, standing(n - 1, 0.9))), undefined, 'these are few')
  const back = decided(view, says(one, standing(n, 0.5)))
  assert.equal(back?.kind, 'rollBack')
  assert.match(back?.why ?? '', /0.500 beside 0.400/)
})

test('an active version that is bad where work is done is taken back, though others do hardly any', () => {
  const view = viewOf(version(one, 'active'))
  const idle = (count: number) => Array.from({ length: count }, () => standing(2, 0.4))
  const bad = standing(limits.activeAttempts, 0.9)
  assert.equal(decided(view, says(one, bad, bad, ...idle(8)))?.kind, 'rollBack')
  assert.equal(decided(view, says(one, bad, bad, bad, ...idle(4)))?.kind, 'rollBack')
  const good = standing(limits.activeAttempts, 0.3)
  assert.equal(decided(view, says(one, bad, good, ...idle(8))), undefined, 'they do not agree')
  assert.equal(decided(view, says(one, bad, ...idle(8))), undefined, 'one alone')
})

test('one host of three cannot have a version promoted, rejected or taken back, whatever it says', () => {
  const lies = fc.record({
    loss: fc.double({ min: 0, max: standingLimits.lossMax, noNaN: true }),
    rival: fc.double({ min: 0, max: standingLimits.lossMax, noNaN: true }),
    plain: fc.double({ min: 0, max: standingLimits.lossMax, noNaN: true }),
  })
  const law = fc.property(lies, (lie) => {
    const n = standingLimits.window
    const liar = { attempts: 1e9, n, within: 1, ...lie }
    const toldBy = (honest: Standing) => says(one, honest, liar, honest)
    const shadow = viewOf(version(one, 'shadow'))
    const good = decided(shadow, toldBy(standing(n, 0.3)))
    assert.ok(good?.kind === 'move' && good.to === 'canary')
    const bad = decided(shadow, toldBy(standing(n, 0.5)))
    assert.ok(bad?.kind === 'move' && bad.to === 'rejected')
    assert.equal(decided(viewOf(version(one, 'active')), toldBy(standing(n, 0.3))), undefined)
  })
  fc.assert(law)
})

test('one host beside four honest ones has one voice, however often it speaks', () => {
  const bad = { hash: one, ...standing(60, 0.5) }
  const lie = { hash: one, ...standing(60, 0.1) }
  const honest = ['a', 'b', 'c', 'd'].map((id) => ({ id, standings: [bad] }))
  const reports = reportsOf([
    ...honest,
    { id: 'liar', standings: Array.from({ length: 8 }, () => lie) },
  ])
  assert.equal(reports.get(one)?.length, 5)
  const moved = decided(viewOf(version(one, 'shadow')), reports)
  assert.ok(moved?.kind === 'move' && moved.to === 'rejected', JSON.stringify(moved))
})

test('what no host can have seen is not heard', () => {
  assert.ok(isSensible(standing(10, 0.3)))
  const wrong: Partial<Standing>[] = [
    { loss: Number.NaN },
    { loss: -1 },
    { rival: Infinity },
    { plain: standingLimits.lossMax + 1 },
    { n: standingLimits.window + 1, attempts: 1e6 },
    { n: 11, attempts: 10 },
    { within: 1.1 },
    { within: Number.NaN },
  ]
  for (const one of wrong) assert.equal(isSensible({ ...standing(10, 0.3), ...one }), false)
})

test('absurd times count, and not for more than they can', () => {
  const said = { p10: 1, p50: 2, p90: 3, n: 0 }
  const { loss, isWithin } = judged(said, undefined, said, 1e300)
  assert.deepEqual([loss <= standingLimits.lossMax, isWithin], [true, false])
  assert.ok(judged(said, undefined, said, 0).isWithin === false)
})

test('only the latest attempts count, and how many there were is told', () => {
  const tally = new Tally()
  const bad = { loss: 1, rival: 0.5, plain: 0.5, isWithin: false }
  for (let i = 0; i < 10; i++) tally.add(bad)
  for (let i = 0; i < standingLimits.window; i++) tally.add({ ...bad, loss: 0.2, isWithin: true })
  const { attempts, n, loss, within } = tally.standing
  assert.deepEqual([attempts, n, within], [standingLimits.window + 10, standingLimits.window, 1])
  assert.ok(Math.abs(loss - 0.2) < 1e-12)
  assert.equal(together([]).n, 0)
  assert.equal(gainOf([standing(1, 0.1)], 'plain'), undefined, 'one attempt is no voice')
})

test('a fifth of the hosts are canaries, at least one, and all agree who', () => {
  for (const [count, canaries] of [
    [1, 1],
    [5, 1],
    [9, 1],
    [10, 2],
    [25, 5],
  ] as const) {
    const hosts = Array.from({ length: count }, (_, i) => `h${i}`)
    const chosen = hosts.filter((host) => isCanaryHost(one, host, hosts, rankOf))
    assert.equal(chosen.length, canaries)
    const backwards = hosts.toReversed()
    assert.deepEqual(
      hosts.filter((host) => isCanaryHost(one, host, backwards, rankOf)),
      chosen,
    )
  }
  const hosts = Array.from({ length: 10 }, (_, i) => `h${i}`)
  const of = (hash: string) => hosts.filter((host) => isCanaryHost(hash, host, hosts, rankOf))
  assert.notDeepEqual(of(one), of(other), 'it is not always the same ones')
})
