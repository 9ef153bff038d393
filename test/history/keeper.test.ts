/** One host that keeps runs out of a ledger which the test writes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keeper } from '../../agent/history/keeper.ts'
import { historyDefaults, keeperLimits } from '../../agent/history/limits.ts'
import { RunStore } from '../../agent/history/store.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { runStates } from '../../protocol/work/states.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'
import { bytesOf } from '../ledger/stage.ts'
import {
  assigned,
  finished,
  Mesh as Ledger,
  opened,
  settled,
  startRun,
} from '../work-ledger/stage.ts'

class Stage {
  readonly world = new World({ seed: 'keeper', identities: 'plain' })
  readonly ledger = new Ledger()
  readonly host: Host
  keeper: Keeper | undefined
  store: RunStore | undefined
  loopLagMs = 0
  /** What the keeper sees, where it is not the newest. */
  state: LedgerState | undefined

  constructor() {
    this.host = this.world.addHost('n1')
    this.host.boot((ports) => this.#run(ports))
  }

  start(run: string): void {
    if (this.ledger.ask({ kind: 'runCount' }) === 0) this.ledger.start(run)
    else this.ledger.ok(startRun(run))
  }

  ends(run: string): void {
    this.start(run)
    this.ledger.advanceRun(run, settled('a'), {
      kind: 'ended',
      value: { after: [], to: runStates.succeeded },
    })
  }

  async #run(ports: HostPorts): Promise<void> {
    this.store = new RunStore(ports.disk, historyDefaults)
    await this.store.open()
    this.keeper = new Keeper({
      ...ports,
      store: this.store,
      state: () => this.state ?? this.ledger.state,
      loopLagMs: () => this.loopLagMs,
      handle: { degraded: () => {}, recovered: () => {}, failed: () => {} },
    })
    this.keeper.begin()
  }

  async answer<T>(asked: Promise<T>): Promise<T> {
    await this.world.runFor(1_000)
    return asked
  }
}

test('a run counts as kept when a loss of power would not take it, and not before', async () => {
  const stage = new Stage()
  await stage.world.runFor(500)
  for (let i = 0; i < 30; i++) stage.ends(`r${i}`)
  const { platter } = stage.host
  const safe = (run: string) => platter.safe(`runs/id/${run}`) !== undefined
  let kept = 0
  for (let ms = 0; ms < 5_000; ms++) {
    await stage.world.runFor(1)
    for (let i = 0; i < 30; i++) if (stage.keeper?.holds(`r${i}`)) assert.ok(safe(`r${i}`))
    kept = [...(stage.keeper?.held() ?? [])].length
  }
  assert.equal(kept, 30)
})

test('a loop that is late is left alone, until the ledger fills with runs', async () => {
  const stage = new Stage()
  stage.loopLagMs = keeperLimits.lagMsMax + 1
  stage.ends('r1')
  await stage.world.runFor(60_000)
  assert.equal(stage.keeper?.holds('r1'), false)
  assert.equal(stage.host.platter.writtenBytes, 0)
  stage.loopLagMs = 0
  await stage.world.runFor(2_000)
  assert.equal(stage.keeper?.holds('r1'), true)
  stage.loopLagMs = keeperLimits.lagMsMax + 1
  stage.ends('r2')
  const many = keeperLimits.pressedShare * stateLimits.runsMax
  for (let i = 0; i < many; i++) stage.start(`more${i}`)
  await stage.world.runFor(20_000)
  assert.equal(stage.keeper?.holds('r2'), true)
})

/** As a run does that waits for each of its stages. */
async function goOn(stage: Stage, forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 5) {
    stage.ledger.advance({ kind: 'ended', value: { after: [], to: runStates.succeeded } })
    await stage.world.runFor(5)
  }
}

test('while the ledger goes on nothing is written, and soon after it all is', async () => {
  const stage = new Stage()
  await stage.world.runFor(1_500)
  for (let i = 1; i <= 30; i++) stage.ends(`r${i}`)
  await goOn(stage, keeperLimits.patienceMs / 2)
  assert.equal(stage.host.platter.writtenBytes, 0)
  await stage.world.runFor(5_000)
  assert.equal(stage.keeper?.heldCount, 30)
})

test('a ledger that never rests has its runs kept, some at a time', async () => {
  const stage = new Stage()
  await stage.world.runFor(1_500)
  const count = 6 * keeperLimits.runsPerStep
  for (let i = 1; i <= count; i++) stage.ends(`r${i}`)
  await goOn(stage, keeperLimits.patienceMs + 3 * keeperLimits.lookMs)
  const kept = stage.keeper?.heldCount ?? 0
  assert.ok(0 < kept && kept < count, `${kept} are kept`)
  await goOn(stage, 5 * keeperLimits.lookMs)
  assert.equal(stage.keeper?.heldCount, count)
})

test('what is kept a second is bounded', async () => {
  const stage = new Stage()
  const perSecond = (keeperLimits.runsPerStep * 1_000) / keeperLimits.stepMs
  for (let i = 0; i < 3 * perSecond; i++) stage.ends(`r${i}`)
  await stage.world.runFor(2_000)
  assert.ok((stage.store?.runs ?? 0) <= 2 * perSecond)
  await stage.world.runFor(20_000)
  assert.equal(stage.keeper?.heldCount, 3 * perSecond)
})

/** From its start until a host keeps so many runs, each of so many items and one stage more. */
async function keptAfterMs(runs: number, items: number): Promise<number> {
  const stage = new Stage()
  for (let i = 1; i <= runs; i++) {
    stage.start(`r${i}`)
    stage.ledger.advanceRun(`r${i}`, opened('each', items))
    for (let item = 0; item < items; item++)
      stage.ledger.advanceRun(`r${i}`, settled('each', 'succeeded', { item }))
    stage.ledger.advanceRun(`r${i}`, settled('each'), {
      kind: 'ended',
      value: { after: [], to: runStates.succeeded },
    })
  }
  const kept = () => stage.keeper?.heldCount === runs
  assert.ok(await stage.world.runUntil(kept, 10_000))
  return stage.world.nowMs
}

test('no more than some forty stages are taken at once, of one run or of many', async () => {
  const atOnceMax = 40
  const oneMs = await keptAfterMs(1, 1)
  const pauses = Math.ceil(200 / atOnceMax) - 1
  assert.ok((await keptAfterMs(1, 200)) - oneMs >= pauses * keeperLimits.partMs)
  assert.ok(3 <= keeperLimits.runsPerStep, 'as for small ones, three would be one step')
  assert.ok((await keptAfterMs(3, 20)) - oneMs >= keeperLimits.stepMs)
})

test('a large run is taken out in parts, whole, although the ledger archives it meanwhile', async () => {
  const stage = new Stage()
  const { ledger } = stage
  const items = 900
  stage.start('big')
  ledger.advanceRun('big', opened('each', items, JSON.stringify(Array(items).fill('x'))))
  const index: number[] = []
  for (let item = 0; item < items; item++) {
    ledger.advanceRun('big', assigned('each', { item }))
    index.push(ledger.state.index)
  }
  for (let item = 0; item < items; item++) {
    const outputs = JSON.stringify('o'.repeat(item))
    const done = finished('each', index[item]!, 'succeeded', {
      item,
      outputs,
      record: bytesOf('log'),
    })
    ledger.advanceRun('big', done)
  }
  ledger.advanceRun('big', settled('each'), {
    kind: 'ended',
    value: { after: [], to: runStates.failed },
  })
  const hot = wholeRun(ledger.state, { run: 'big', attempts: true })
  assert.equal(hot?.units.length, items + 1)
  const begun = () => stage.host.platter.keysOf('runs/begun/').length > 0
  assert.ok(await stage.world.runUntil(begun, 10_000), 'it is under way')
  while (ledger.do({ kind: 'runArchive', value: { runs: ['big'] } }).more)
    await stage.world.runFor(1)
  await stage.world.runFor(10_000)
  assert.ok(stage.store)
  assert.deepEqual(await stage.answer(stage.store.run('big')), hot)
  assert.deepEqual(stage.host.platter.keysOf('runs/begun/'), [])
})

test('a run that has begun to leave the ledger is not taken for a whole one', async () => {
  const stage = new Stage()
  const { ledger } = stage
  const items = 9_000
  stage.start('big')
  ledger.advanceRun('big', opened('each', items))
  for (let item = 0; item < items; item++)
    ledger.advanceRun('big', settled('each', 'succeeded', { item }))
  ledger.advanceRun('big', settled('each'), {
    kind: 'ended',
    value: { after: [], to: runStates.succeeded },
  })
  const result = ledger.do({ kind: 'runArchive', value: { runs: ['big'] } })
  assert.equal(result.more, true)
  await stage.world.runFor(5_000)
  assert.equal(stage.store?.runs, 0)
  assert.equal(stage.keeper?.holds('big'), false)
})

test('what was kept before a restart is known again, and not written twice', async () => {
  const stage = new Stage()
  stage.ends('r1')
  stage.ends('r2')
  await stage.world.runFor(3_000)
  stage.host.crash('kill')
  const { writtenBytes } = stage.host.platter
  stage.keeper = undefined
  stage.host.restart()
  await stage.world.runFor(3_000)
  assert.equal((stage.keeper as Keeper | undefined)?.heldCount, 2)
  assert.equal(stage.host.platter.writtenBytes, writtenBytes)
})

test('what has left the ledger is forgotten by the keeper, and stays in the history', async () => {
  const stage = new Stage()
  stage.ends('r1')
  stage.ends('r2')
  await stage.world.runFor(3_000)
  stage.ledger.ok({ kind: 'runArchive', value: { runs: ['r1'] } })
  await stage.world.runFor(3_000)
  assert.deepEqual(
    [...stage.keeper!.held()].map(([run]) => run),
    ['r2'],
  )
  assert.equal(stage.store?.runs, 2)
})
