/** What versions have to do with what hosts tell each other: ranges, standings, and reasons. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { believedHost, type HostAdvice } from '../../agent/learning/advice-wire.ts'
import { Advising } from '../../agent/learning/advising.ts'
import type { Advisor } from '../../agent/learning/advisor.ts'
import { Telling } from '../../agent/learning/telling.ts'
import type { CallResult, Service } from '../../agent/requests/calls.ts'
import { reportsOf } from '../../coordinator/learning/desk.ts'
import { examplesOf, featureCount, featureGroups } from '../../models/federation/describing.ts'
import { timesByHost } from '../../models/profiles/by-host.ts'
import { type AllTold, estimateOf } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { Row } from '../../models/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const task = 'program/a/00'
const key = `w ${task}`
const by = 'a'.repeat(64)

const range = (p50: number, n: number) => ({ p10: p50 / 2, p50, p90: p50 * 2, n })
const plainly = (p50: number, n: number): Told => ({
  ...{ succeeded: n, tried: n, tookMs: range(p50, n) },
})
const advised = (p50: number, n: number) => ({ ...range(p50, n), by })

function estimated(...told: Told[]) {
  return estimateOf('w', task, new Map([[key, told]])).tookMs
}

test('where a host believes a version, that speaks there, and others speak by their histories', () => {
  const own = { ...plainly(1_000, 10), advised: advised(4_000, 10) }
  assert.deepEqual([estimated(own)?.p50, estimated(own)?.by], [4_000, by])
  const both = estimated(own, plainly(1_000, 10))
  assert.ok(both !== undefined && both.p50 > 1_000 && both.p50 < 4_000)
  assert.equal(both.by, by)
  assert.equal(estimated(plainly(1_000, 10))?.by, undefined)
})

test('a version alone is no ground: what nobody has done five times stays unknown', () => {
  const none = { succeeded: 0, tried: 0, advised: advised(4_000, 3) }
  assert.equal(estimated(none), undefined)
  assert.equal(estimated({ ...plainly(1_000, 4), advised: advised(4_000, 4) }), undefined)
  const similar: AllTold = new Map([
    [key, [none]],
    ['program/a', [plainly(9_000, 6)]],
  ])
  const told = estimateOf('w', task, similar).tookMs
  assert.deepEqual([told?.p50, told?.source, told?.by], [4_000, 'program', by])
})

test('hosts are compared by what speaks there', () => {
  const told: AllTold = new Map([
    [
      key,
      [
        { ...plainly(1_000, 50), advised: advised(8_000, 50), host: 'x' },
        { ...plainly(1_000, 50), host: 'y' },
      ],
    ],
  ])
  const times = timesByHost('w', task, told)
  assert.ok((times?.byHost.get('x')?.ms ?? 0) > 3 * (times?.byHost.get('y')?.ms ?? 0))
})

/** Agents that answer each other; the first are coordinators. */
class Flock {
  readonly services = new Map<string, Service>()
  readonly advisings = new Map<string, Advising>()
  readonly tellings = new Map<string, Telling>()
  readonly names: readonly string[]

  constructor(coordinators: number, names: readonly string[], lies?: HostAdvice) {
    this.names = names
    const leads = (name: string) => names.indexOf(name) < coordinators
    for (const name of names) {
      const calls = {
        serve: (service: string, does: Service) => this.services.set(`${name} ${service}`, does),
        ask: (to: PeerId, service: string, body: Uint8Array) => this.ask(name, to, service, body),
      }
      const standing = {
        hash: by,
        attempts: 9,
        n: 9,
        loss: 0.1,
        rival: 0.2,
        plain: 0.2,
        within: 0.8,
      }
      const isLiar = lies !== undefined && name === names.at(-1)
      const rest = {
        ...{ calls, self: name as PeerId, mayAsk: () => leads(name), isCoordinator: leads },
        peers: () => names.filter((other) => other !== name) as PeerId[],
      }
      const explained = {
        ...{ version: by, isProven: true, bare: range(1, 0), corrected: range(2, 0) },
        factors: [{ name: 'task', factor: 2 }],
      }
      this.advisings.set(
        name,
        new Advising({
          ...rest,
          advisor: {
            standings: () => (isLiar ? lies.standings : [standing]),
            explained: () => Promise.resolve(isLiar ? lies.explained : explained),
          },
          plain: () => ({ range: range(100, 7), isOfKind: true }),
        }),
      )
      const advisor: Pick<Advisor, 'prepare' | 'advice'> = {
        prepare: () => Promise.resolve(),
        advice: (_, n, ground) => (ground === 'none' ? undefined : advised(5_000, n)),
      }
      const own = { told: (asked: string) => (asked === key ? plainly(1_000, 6) : undefined) }
      this.tellings.set(name, new Telling({ ...rest, own, advisor }))
    }
  }

  async ask(from: string, to: string, service: string, body: Uint8Array): Promise<CallResult> {
    try {
      const answer = this.services.get(`${to} ${service}`)
      assert.ok(answer)
      return { ok: true, body: await answer(from as PeerId, body) }
    } catch (error) {
      return { ok: false, code: 'refused', why: String(error) }
    }
  }

  gathered(name: string, kind?: { group: string; task: string }) {
    return this.advisings.get(name)!.gathered(kind)
  }
}

test('a coordinator hears of every host how versions do, and any other agent by way of one', async () => {
  const flock = new Flock(1, ['c', 'x', 'y'])
  for (const name of flock.names) {
    const told = await flock.gathered(name, { group: 'w', task })
    assert.deepEqual(told.map(({ id }) => id).sort(), ['c', 'x', 'y'], name)
    assert.ok(told.every(({ explained, plain }) => explained?.isProven && plain?.n === 7))
  }
  const alone = await flock.gathered('c')
  assert.ok(alone.every(({ explained, standings }) => !explained && standings.length === 1))
})

test('hosts tell nobody but coordinators how versions do there', async () => {
  const flock = new Flock(0, ['x', 'y'])
  assert.deepEqual(
    (await flock.gathered('x')).map(({ id }) => id),
    ['x'],
  )
})

test('what a liar says of versions is left out, and it speaks for itself alone', async () => {
  const lie: HostAdvice = {
    id: 'c',
    standings: [
      { hash: by, attempts: 1, n: 1e6, loss: -1, rival: 0, plain: 0, within: 3 },
      { hash: 'no hash', attempts: 1, n: 1, loss: 0, rival: 0, plain: 0, within: 0 },
    ],
    explained: {
      ...{ version: by, isProven: true, bare: { p10: 9, p50: 5, p90: 1, n: 0 } },
      ...{ corrected: range(1, 0), factors: [] },
    },
  }
  const flock = new Flock(1, ['c', 'x', 'liar'], lie)
  const told = await flock.gathered('c', { group: 'w', task })
  const liar = told.find(({ id }) => id === 'liar')
  assert.deepEqual([liar?.standings, liar?.explained], [[], undefined])
  assert.equal(told.length, 3)
  const factor = { name: 'what is this', factor: 1 }
  const sound = { ...lie.explained!, bare: range(1, 0) }
  assert.ok(believedHost({ ...lie, explained: sound }).explained)
  assert.equal(
    believedHost({ ...lie, explained: { ...sound, factors: [factor] } }).explained,
    undefined,
  )
})

test('a liar that speaks of one version many times is heard once', async () => {
  const row = { hash: by, attempts: 50, n: 50, loss: 0.1, rival: 0.4, plain: 0.4, within: 0.8 }
  const standings = Array.from({ length: 8 }, () => row)
  const flock = new Flock(1, ['c', 'x', 'y', 'z', 'liar'], { id: 'liar', standings })
  const told = await flock.gathered('c')
  assert.deepEqual(told.find(({ id }) => id === 'liar')?.standings, [row])
  assert.equal(reportsOf(told).get(by)?.length, 5)
})

test('ranges come with what a version says, which a coordinator takes along for others', async () => {
  const flock = new Flock(1, ['c', 'x'])
  for (const name of flock.names) {
    const told = await flock.tellings.get(name)!.gathered([key])
    const { tookMs } = estimateOf('w', task, told)
    assert.deepEqual([tookMs?.by, tookMs?.n], [by, 12], name)
    assert.ok(Math.abs((tookMs?.p50 ?? 0) - 5_000) < 1)
  }
})

test('whatever a host says of itself or its inputs, features are numbers of a size that can be learned', () => {
  const any = fc.option(fc.double(), { nil: undefined })
  const law = fc.property(any, any, any, any, any, (...[a, b, c, d, e]) => {
    const known = { cpus: a, memoryBytes: b, inputBytes: c, inputFiles: d, hostSpeed: e }
    const said = Object.fromEntries(
      Object.entries(known).filter(([, value]) => value !== undefined),
    )
    const row = {
      task,
      group: 'w',
      host: 'h',
      startedMs: 0,
      endedMs: 1,
      ended: 'succeeded',
      ...said,
    }
    const { features, targets } = examplesOf([row as Row])
    assert.ok(features.every((value) => Math.abs(value) <= 8))
    assert.ok(targets.every(Number.isFinite))
  })
  fc.assert(law)
  assert.equal(
    featureGroups.reduce((sum, { length }) => sum + length, 0),
    featureCount,
  )
})
