/** What a host says by a version: when it is believed, and what may go wrong meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Advisor, type Ground } from '../../agent/learning/advisor.ts'
import type { OwnHost, OwnRow } from '../../agent/learning/lesson.ts'
import { adviceLimits } from '../../agent/learning/limits.ts'
import type { Fetched } from '../../agent/learning/models.ts'
import { EngineError } from '../../models/engine.ts'
import { examplesOf } from '../../models/federation/describing.ts'
import { NetTrainable } from '../../models/federation/rounds/net-trainable.ts'
import { Net } from '../../models/nets/net.ts'
import { commonShape, firstCommon } from '../../models/registry/common.ts'
import type { RegistryView, Version, VersionState } from '../../models/registry/versions.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import type { HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'

const host = 'h'
const kind = { group: 'w', task: 'program/copy/00' }

/** As long as what it is given is large: history alone cannot know. */
function row(i: number, tookMs?: number): OwnRow {
  const inputBytes = 1e6 * 2 ** (i % 8)
  const startedMs = i * 1_000
  const took = tookMs ?? inputBytes / 2_000
  return {
    ...kind,
    ...{ startedMs, endedMs: startedMs + took, ended: 'succeeded', inputBytes, inputFiles: 1 },
  }
}

const plain = { p10: 600, p50: 5_000, p90: 50_000, n: 30 }

function version(hash: string, state: VersionState, sinceMs = 1): Version {
  return {
    ...{ hash, state, kind: 'duration', parents: [], madeMs: 1, hosts: 3, rows: 100 },
    ...{ sinceMs, why: '', revision: 1 },
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

/** One host of a world, with an advisor whose registry and versions a test gives it. */
class Stage {
  readonly world: World
  advisor = undefined as unknown as Advisor
  ports = undefined as unknown as HostPorts
  view = viewOf()
  /** How often the registry was looked at. */
  looks = 0
  rows: OwnRow[] = []
  like: OwnHost = { cpus: 4 }
  others: PeerId[] = []
  versions = new Map<string, Float32Array>()
  fetches = 0
  /** How often its whole history was read. */
  reads = 0
  lines: string[] = []
  engineFails = false
  /** When models are to run. */
  onRun = () => {}
  /** What stands before them where they run. */
  before: Promise<void> = Promise.resolve()

  constructor(seed: string) {
    this.world = new World({ seed, identities: 'plain' })
  }

  static async of(seed: string): Promise<Stage> {
    const stage = new Stage(seed)
    stage.world.addHost(host).boot((ports) => {
      stage.ports = ports
      const { engine } = ports
      stage.advisor = new Advisor({
        clock: ports.clock,
        log: ports.log,
        engine: {
          open: async (model) => {
            const session = await engine.open(model)
            return {
              ...session,
              run: async (inputs) => {
                stage.onRun()
                await stage.before
                return stage.engineFails
                  ? Promise.reject(new EngineError('died', 'it is gone'))
                  : session.run(inputs)
              },
            }
          },
        },
        models: { fetch: (hash) => stage.#fetch(hash) },
        self: 'h' as PeerId,
        name: host,
        host: () => stage.like,
        registry: () => {
          stage.looks++
          return stage.view
        },
        alive: () => ['h' as PeerId, ...stage.others],
        rows: async function* () {
          stage.reads++
          yield* stage.rows
        },
      })
      stage.advisor.start()
    })
    await stage.world.runFor(10)
    return stage
  }

  async #fetch(hash: string): Promise<Fetched> {
    this.fetches++
    const parameters = this.versions.get(hash)
    if (parameters === undefined) return { ok: false, why: 'nobody has it' }
    return { ok: true, learned: { family: 'net', parameters }, bytes: 0 }
  }

  /** Trained on rows like these, as rounds would train it. */
  async trained(): Promise<Float32Array> {
    const rows = Array.from({ length: 200 }, (_, i) => ({ ...row(i), host, cpus: 4 }))
    const net = new NetTrainable(new Net(this.ports.engine, commonShape))
    const chance = new SeededEntropy('trained')
    return this.answer(
      net.train(firstCommon(chance), examplesOf(rows), {
        ...{ steps: 150, batch: 64, rate: 0.02, hold: 0, chance },
      }),
    )
  }

  async answer<T>(asked: Promise<T>): Promise<T> {
    let isDone = false
    const answered = asked.finally(() => {
      isDone = true
    })
    for (let i = 0; i < 600 && !isDone; i++) await this.world.runFor(100)
    assert.ok(isDone, 'an answer comes')
    return answered
  }

  async end(rows: readonly OwnRow[], said = plain): Promise<void> {
    for (const one of rows) {
      this.advisor.ended(one, () => ({ range: said, isOfKind: true }))
      this.rows.push(one)
    }
    await this.world.runFor(adviceLimits.judgeMsOtherwise + 5_000)
  }

  async said(ground: Ground = 'kind') {
    await this.answer(this.advisor.prepare([kind]))
    return this.advisor.advice(kind, 30, ground)
  }

  async looked(): Promise<void> {
    await this.world.runFor(2 * adviceLimits.lookMs)
  }
}

const good = 'a'.repeat(64)
const raw = 'b'.repeat(64)
const some = (count: number, from = 0) => Array.from({ length: count }, (_, i) => row(from + i))

test('a version is believed when it has done better here, and the plain word stands until then', async () => {
  const stage = await Stage.of('believed')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  assert.equal(await stage.said(), undefined, 'it has not done anything here yet')
  assert.equal((await stage.said('none'))?.by, good, 'where history is silent, it speaks')
  await stage.end(some(24))
  const [standing] = stage.advisor.standings()
  assert.ok(standing !== undefined && standing.n === 24 && standing.loss < standing.plain)
  const said = await stage.said()
  assert.equal(said?.by, good)
  assert.ok(said !== undefined && said.p10 <= said.p50 && said.p50 <= said.p90)
  // How much the next one is given nobody knows: half a second for 1 MB, or a minute for 128.
  assert.ok(said.p10 < 1_500 && said.p90 > 25_000, JSON.stringify(said))
  await stage.end(Array.from({ length: adviceLimits.sizesMax }, () => row(7)))
  const large = await stage.said()
  assert.ok(Math.abs(Math.log((large?.p50 ?? 0) / 64_000)) < 0.5, JSON.stringify(large))
})

test('of a kind that history knows a version is not believed before it has been judged by that kind, and not if it is worse of it', async () => {
  const stage = await Stage.of('kinds')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  await stage.end(some(48))
  assert.equal((await stage.said())?.by, good)
  // Another program, which always takes two seconds, as history knows by now.
  const other = { ...kind, task: 'program/other/0000000000' }
  const ask = async (ground: Ground) => {
    await stage.answer(stage.advisor.prepare([other]))
    return stage.advisor.advice(other, 30, ground)
  }
  assert.equal(await ask('kind'), undefined, 'it was not judged by it yet')
  assert.equal((await ask('similar'))?.by, good, 'of what is only like it history knows less')
  const known = { p10: 1_999, p50: 2_000, p90: 2_001, n: 30 }
  const others = some(16).map((one) => {
    return { ...one, task: other.task, endedMs: one.startedMs + 2_000 }
  })
  await stage.end(others, known)
  const { loss, plain } = stage.advisor.standings()[0] ?? { loss: 0, plain: 0 }
  assert.ok(loss < 0.9 * plain, 'on the whole it is the better one')
  assert.equal(await ask('kind'), undefined, 'of this kind it is worse')
  assert.equal((await stage.said())?.by, good, 'of others it goes on')
})

test('a version that knows nothing is noted, and never believed beside history', async () => {
  const stage = await Stage.of('raw')
  stage.versions.set(raw, firstCommon(new SeededEntropy(1)))
  stage.view = viewOf(version(raw, 'active'))
  await stage.looked()
  const exact = { p10: 900, p50: 1_000, p90: 1_100, n: 30 }
  await stage.end(
    some(24).map((one) => ({ ...one, endedMs: one.startedMs + 1_000 })),
    exact,
  )
  const [standing] = stage.advisor.standings()
  assert.ok(standing !== undefined && standing.loss > standing.plain)
  assert.equal(await stage.said(), undefined)
})

test('shadows are judged beside the active one, by the same attempts, and do not speak', async () => {
  const stage = await Stage.of('beside')
  stage.versions.set(good, await stage.trained())
  stage.versions.set(raw, firstCommon(new SeededEntropy(1)))
  stage.view = viewOf(version(good, 'shadow'), version(raw, 'active'))
  await stage.looked()
  await stage.end(some(24))
  const of = (hash: string) => stage.advisor.standings().find((one) => one.hash === hash)
  assert.deepEqual([of(good)?.attempts, of(raw)?.attempts], [24, 24])
  assert.equal(of(good)?.rival, of(raw)?.loss)
  assert.equal(of(raw)?.rival, of(raw)?.plain, 'the active one is judged beside history')
  assert.notEqual((await stage.said('none'))?.by, good)
  // In another state it is judged anew.
  stage.view = viewOf(version(good, 'canary', 2), version(raw, 'active'))
  assert.equal(of(good)?.attempts, 0)
})

test('the correction of a host follows it where all others are different, and goes with its history', async () => {
  const stage = await Stage.of('slower')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  const before = await stage.said('none')
  const slower = some(40).map((one) => ({
    ...one,
    endedMs: one.startedMs + 4 * (one.endedMs - one.startedMs),
  }))
  await stage.end([...slower, slower[39]!])
  const after = await stage.answer(stage.advisor.explained(kind, true))
  assert.ok(before !== undefined && after !== undefined)
  assert.ok(after.corrected.p50 / after.bare.p50 > 2, JSON.stringify(after))
  stage.rows = []
  stage.advisor.purged()
  await stage.looked()
  const purged = await stage.answer(stage.advisor.explained(kind, true))
  assert.ok(purged !== undefined && purged.corrected.p50 === purged.bare.p50)
})

test('a purge in the middle of judging leaves nothing of what is forgotten', async () => {
  const stage = await Stage.of('purged')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  const slower = some(40).map((one) => ({
    ...one,
    endedMs: one.startedMs + 4 * (one.endedMs - one.startedMs),
  }))
  for (const one of slower) stage.advisor.ended(one, () => ({ range: plain, isOfKind: true }))
  stage.onRun = () => {
    stage.onRun = () => {}
    stage.advisor.purged()
  }
  await stage.world.runFor(adviceLimits.judgeMsOtherwise + 5_000)
  assert.equal(stage.advisor.standings()[0]?.attempts, 0)
  const told = await stage.answer(stage.advisor.explained(kind, true))
  assert.ok(told !== undefined && told.corrected.p50 === told.bare.p50)
})

test('a canary speaks on its hosts when it has done well there, and the active one until then', async () => {
  const stage = await Stage.of('canary')
  stage.versions.set(good, await stage.trained())
  stage.versions.set(raw, firstCommon(new SeededEntropy(1)))
  stage.view = viewOf(version(good, 'canary'), version(raw, 'active'))
  await stage.looked()
  assert.equal((await stage.said('none'))?.by, raw)
  await stage.end(some(24))
  await stage.looked()
  assert.equal((await stage.said())?.by, good)
})

test('what a time hangs on is told: its inputs, where they decide', async () => {
  const stage = await Stage.of('explained')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  stage.rows = some(48)
  await stage.looked()
  const told = await stage.answer(stage.advisor.explained(kind, true))
  const far = (factor: number) => Math.abs(Math.log(factor))
  const [first] = (told?.factors ?? [])
    .filter(({ name }) => name !== 'own correction')
    .sort((a, b) => far(b.factor) - far(a.factor))
  assert.equal(first?.name, 'input bytes', JSON.stringify(told))
  assert.equal(told?.factors.length, 9)
})

test('where models do not run, work is not held up and the plain word stands', async () => {
  const stage = await Stage.of('dead')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  stage.engineFails = true
  await stage.end(some(24))
  assert.equal(stage.advisor.standings()[0]?.attempts, 0)
  assert.equal(await stage.said('none'), undefined)
  stage.engineFails = false
  assert.equal((await stage.said('none'))?.by, good, 'and it speaks again afterwards')
})

test('under load no plan waits for a model for longer than it may, and what came late is there for the next', async () => {
  const stage = await Stage.of('late')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  const load = Promise.withResolvers<void>()
  stage.before = load.promise
  let running = 0
  stage.onRun = () => running++
  const kinds = Array.from({ length: 200 }, (_, i) => ({ ...kind, task: `program/copy/${i}` }))
  let answered = 0
  for (const each of kinds) void stage.advisor.prepare([each]).then(() => answered++)
  await stage.world.runFor(adviceLimits.answerMs - 1)
  assert.ok(running > 0, 'models are asked')
  assert.equal(answered, 0)
  await stage.world.runFor(2)
  assert.equal(answered, kinds.length)
  const said = () => kinds.filter((each) => stage.advisor.advice(each, 0, 'none')?.by === good)
  assert.equal(said().length, 0, 'the plain word stands')
  // Nor does work that ends meanwhile wait, or any plan after it.
  await stage.end(some(24))
  assert.equal(await stage.said('none'), undefined)
  load.resolve()
  await stage.looked()
  assert.equal(said().length, kinds.length)
  assert.equal(stage.advisor.standings()[0]?.attempts, 24)
})

test('a version that nobody has is asked for again later, and the one before speaks on', async () => {
  const stage = await Stage.of('missing')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  stage.view = viewOf(version(good, 'active'), version(raw, 'shadow'))
  await stage.world.runFor(adviceLimits.refetchMs - 1_000)
  assert.equal(stage.fetches, 2)
  assert.equal((await stage.said('none'))?.by, good)
  stage.versions.set(raw, firstCommon(new SeededEntropy(1)))
  await stage.world.runFor(2 * adviceLimits.refetchMs)
  assert.equal(stage.advisor.standings().length, 2)
})

test('where models cannot run, history is read seldom, and ever more seldom', async () => {
  const stage = await Stage.of('cannot')
  stage.versions.set(good, firstCommon(new SeededEntropy(1)))
  stage.rows = some(24)
  stage.engineFails = true
  stage.view = viewOf(version(good, 'active'))
  await stage.world.runFor(3 * adviceLimits.refetchMs - 1_000)
  assert.equal(stage.reads, 2, 'at once, and half a minute later')
  await stage.world.runFor(4 * adviceLimits.refetchMsMax)
  assert.ok(stage.reads >= 6 && stage.reads <= 12, String(stage.reads))
  assert.equal(stage.advisor.standings().length, 0)
  stage.engineFails = false
  await stage.world.runFor(adviceLimits.refetchMsMax + adviceLimits.lookMs)
  assert.equal(stage.advisor.standings().length, 1, 'it is tried all the same')
})

test('hosts come by a version in the order of their ids, and none later than at the next look', async () => {
  const { lookMs, comeEveryMs } = adviceLimits
  const slots = lookMs / comeEveryMs
  for (const before of [0, 1, 4, slots - 1, slots]) {
    const stage = await Stage.of('one after the other')
    stage.others = ['z', ...Array.from({ length: before }, (_, i) => `a${i}`)] as PeerId[]
    stage.view = viewOf(version(good, 'active'))
    for (const { looks } = stage; stage.looks === looks; ) await stage.world.runFor(1)
    const turnMs = comeEveryMs * (before % slots)
    if (turnMs > 0) {
      await stage.world.runFor(turnMs - 5)
      assert.equal(stage.fetches, 0, `${before} others are before it`)
    }
    await stage.world.runFor(10)
    assert.equal(stage.fetches, 1, `${before} others are before it`)
  }
})

test('of two versions that nobody has neither is asked for at each look', async () => {
  const stage = await Stage.of('both missing')
  stage.view = viewOf(version(good, 'active'), version(raw, 'shadow'))
  await stage.world.runFor(adviceLimits.refetchMs)
  assert.equal(stage.fetches, 2)
})

test('what was said before the host was known to be as quick as it is is said anew', async () => {
  const stage = await Stage.of('speed')
  stage.versions.set(good, firstCommon(new SeededEntropy(1)))
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  const before = await stage.said('none')
  stage.like = { cpus: 4, hostSpeed: 8 }
  await stage.looked()
  const after = await stage.said('none')
  assert.ok(before !== undefined && after !== undefined)
  assert.notEqual(after.p50, before.p50)
  await stage.looked()
  assert.deepEqual(await stage.said('none'), after)
})

test('absurd times in history leave what is said a time', async () => {
  const stage = await Stage.of('poisoned')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  await stage.end(some(40).map((one) => ({ ...one, endedMs: one.startedMs + 1e15 })))
  const said = await stage.said('none')
  assert.ok(said !== undefined && said.p90 <= Math.exp(adviceLimits.logMsMax) && said.p10 >= 1)
})

test('attempts beyond what is judged at once are a sample, and nothing piles up', async () => {
  const stage = await Stage.of('many')
  stage.versions.set(good, await stage.trained())
  stage.view = viewOf(version(good, 'active'))
  await stage.looked()
  await stage.end(some(1_000))
  assert.equal(stage.advisor.standings()[0]?.attempts, adviceLimits.pendingMax)
})
