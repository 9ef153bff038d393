import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { afterEach, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import type { InferenceBounds } from '../../agent/ports/inference/requests.ts'
import { inferenceLimits } from '../../agent/ports/limits.ts'
import { EngineError, type EngineErrorCode } from '../../models/engine.ts'
import { realPassage } from '../contracts/passage.ts'
import { adding, hungry, pair, slow, summing, times, wide } from './models.ts'

const engines: ProcessEngine[] = []

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

function engineWith(limits: Partial<InferenceBounds> = {}): ProcessEngine {
  const engine = new ProcessEngine({ ...inferenceLimits, ...limits })
  engines.push(engine)
  return engine
}

async function fails(
  promise: Promise<unknown>,
  code: EngineErrorCode,
  words: RegExp,
): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof EngineError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, words)
    return true
  })
}

function autogroupOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/autogroup`, 'latin1')
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    // One that has ended and was not asked for yet is still known.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('several models run side by side, each with what it is given', async () => {
  const engine = engineWith()
  const sessions = await Promise.all([2, 3, 5].map((factor) => engine.open(times(factor))))
  const results = await Promise.all(sessions.map((session, i) => session.run(pair(i, 10))))
  assert.deepEqual(
    results.map(({ y }) => [...(y?.data ?? [])]),
    [
      [0, 20],
      [3, 30],
      [10, 50],
    ],
  )
  assert.deepEqual(results[0]?.y?.dims, [1, 2])
})

test('many rows come back as they went', async () => {
  const session = await engineWith().open(times(2))
  for (const rows of [0, 1, 3, 10_001, 300_000]) {
    const data = Float32Array.from({ length: rows * 2 }, (_, i) => i)
    const { y } = await session.run({ x: { dims: [rows, 2], data } })
    assert.deepEqual(y?.dims, [rows, 2])
    assert.ok(y.data.length === data.length && y.data.every((value, i) => value === i * 2))
  }
})

test('rows that repeat each other come back as they went, several inputs at once', async () => {
  const session = await engineWith().open(summing())
  const dims = [64 * 300, 2]
  const dataOf = (host: number) =>
    Float32Array.from({ length: 64 * 300 * 2 }, (_, i) => {
      const row = i >> 1
      return i % 2 === 0 ? Math.floor(row / 64) : (row % 64) * host
    })
  const [a, b] = [dataOf(1), dataOf(1_000)]
  const { sum } = await session.run({ a: { dims, data: a }, b: { dims, data: b } })
  assert.deepEqual(sum?.dims, dims)
  assert.deepEqual(
    sum?.data,
    a.map((one, i) => one + (b[i] as number)),
  )
  await session.close()
})

test('steps in turn carry on what they gave, and what they are not given again', async () => {
  const session = await engineWith().open(adding())
  const of = (value: number) => ({ dims: [1], data: Float32Array.of(value) })
  const steps = [{ sum: of(100), more: of(1) }, {}, { more: of(10) }, {}]
  const carried = { next: 'sum' }
  assert.deepEqual([...((await session.runInTurn(steps, carried)).next?.data ?? [])], [122])
  const afresh = [...steps, { sum: of(0) }]
  assert.deepEqual([...((await session.runInTurn(afresh, carried)).next?.data ?? [])], [10])
  await fails(session.runInTurn(steps, { other: 'sum' }), 'refused', /no output other/)
  await fails(session.runInTurn([{}], carried), 'refused', /sum/)
  await fails(session.runInTurn([], carried), 'tooLarge', /0 steps/)
  const many = Array.from({ length: inferenceLimits.stepsMax + 1 }, () => ({}))
  await fails(session.runInTurn(many, carried), 'tooLarge', /33 steps/)
})

test('the runtime is in a process of its own, which gives way to others', async () => {
  const engine = engineWith()
  await engine.open(times(2))
  const { pid } = engine
  assert.ok(pid !== undefined && pid !== process.pid)
  assert.match(readFileSync(`/proc/${pid}/maps`, 'utf8'), /onnxruntime/)
  assert.doesNotMatch(readFileSync('/proc/self/maps', 'utf8'), /onnxruntime/)
  const priority = Math.min(19, getPriority() + inferenceLimits.priority)
  assert.equal(getPriority(pid), priority)
  assert.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '1000')
})

test('the runtime has a session of its own, which weighs less, where sessions are weighed', async () => {
  const engine = engineWith()
  const session = await engine.open(times(2))
  const { pid } = engine
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const [, , , ofSession] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  assert.equal(ofSession, String(pid))
  const weight = () => / nice (-?\d+)/.exec(autogroupOf(pid) ?? '')?.[1]
  if (weight() === undefined) return
  const { priority, residentLookMs } = inferenceLimits
  // It may have to be tried again, while something is asked.
  for (let tries = 0; weight() !== String(priority) && tries < 400; tries++) {
    await session.run(pair(1, 2))
    await setTimeout(residentLookMs)
  }
  assert.equal(weight(), String(priority))
})

test('what is no model is refused, and others are not disturbed', async () => {
  const engine = engineWith()
  const session = await engine.open(times(2))
  const { pid } = engine
  for (const garbage of [new Uint8Array(0), new Uint8Array(100_000).fill(255), Buffer.from('hm')]) {
    await fails(engine.open(garbage), 'refused', /the runtime refused it/)
  }
  await fails(engine.open(times(2).slice(0, -5)), 'refused', /the runtime refused it/)
  assert.deepEqual([...((await session.run(pair(1, 2))).y?.data ?? [])], [2, 4])
  assert.equal(engine.pid, pid)
})

test('inputs that a model has not are refused', async () => {
  const session = await engineWith().open(times(2))
  const data = Float32Array.of(1, 2, 3)
  await fails(session.run({}), 'refused', /x/)
  await fails(session.run({ x: { dims: [1, 3], data } }), 'refused', /x/)
  await fails(session.run({ x: { dims: [2], data } }), 'refused', /x has 3 numbers/)
  await fails(session.run({ x: { dims: [-1, -3], data } }), 'refused', /x has 3 numbers/)
  await fails(session.run({ x: { dims: [1, 1], data: BigInt64Array.of(1n) } }), 'refused', /x/)
  assert.deepEqual([...((await session.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('what runs when its process is killed is rejected, and what waits runs in another', async () => {
  const engine = engineWith()
  const { model, inputs } = slow()
  const [quick, long] = [await engine.open(times(2)), await engine.open(model)]
  const { pid = 0 } = engine
  const rejected = fails(long.run(inputs), 'died', /SIGKILL/)
  const waiting = quick.run(pair(1, 2))
  process.kill(pid, 'SIGKILL')
  await rejected
  assert.deepEqual([...((await waiting).y?.data ?? [])], [2, 4])
  assert.notEqual(engine.pid, pid)
})

test('a process that is killed while nobody asks is not missed', async () => {
  const engine = engineWith()
  const session = await engine.open(times(2))
  const { pid = 0 } = engine
  process.kill(pid, 'SIGKILL')
  await realPassage.until('its end', () => engine.pid === undefined)
  assert.deepEqual([...((await session.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('a model that takes too long is ended, and after a second time it is run no more', async () => {
  const engine = engineWith({ runMsMax: 100 })
  const { model, inputs } = slow()
  const [quick, long] = [await engine.open(times(2)), await engine.open(model)]
  for (let i = 0; i < inferenceLimits.deathsMax; i++) {
    const { pid = 0 } = engine
    await fails(long.run(inputs), 'timeout', /more than 100 ms to run/)
    await realPassage.until('its end', () => !isAlive(pid))
  }
  await fails(long.run(inputs), 'refused', /run no more/)
  assert.deepEqual([...((await quick.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('a model that takes too much memory is ended, with the reason', async () => {
  const engine = engineWith({ residentBytesMax: 300 << 20 })
  const { model, inputs } = hungry(20_000)
  const [quick, greedy] = [await engine.open(times(2)), await engine.open(model)]
  await fails(greedy.run(inputs), 'died', /bytes in memory; 314572800 are allowed/)
  assert.deepEqual([...((await quick.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('a model that wants more memory than there is does not take the agent with it', async () => {
  const engine = engineWith()
  const { model, inputs } = hungry(4_000_000)
  const greedy = await engine.open(model)
  await assert.rejects(greedy.run(inputs), (error) => error instanceof EngineError)
  const quick = await engine.open(times(2))
  assert.deepEqual([...((await quick.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('what is beyond the limits is not taken', async () => {
  const bounds = { modelBytesMax: 1_000, modelsBytesMax: 2_000, tensorBytesMax: 8, sessionsMax: 2 }
  const engine = engineWith(bounds)
  await fails(engine.open(new Uint8Array(1_001)), 'tooLarge', /1001 bytes/)
  const session = await engine.open(times(2))
  const data = new Float32Array(4)
  await fails(session.run({ x: { dims: [2, 2], data } }), 'tooLarge', /16 bytes; 8 are taken/)
  const second = await engine.open(times(3))
  await fails(engine.open(times(3)), 'tooLarge', /2 models/)
  await second.close()
  await engine.open(times(3))
})

test('what comes of a model is held to the limits as well', async () => {
  const { model, inputs } = wide(1_000)
  const engine = engineWith({ tensorBytesMax: 8_000, modelBytesMax: 8_000 })
  const session = await engine.open(model)
  await fails(session.run(inputs), 'refused', /takes more than/)
})

test('no more wait than may, and none for longer than it may', async () => {
  const { model, inputs } = slow()
  const engine = engineWith({ waitingMax: 2, waitMsMax: 50, runMsMax: 1_000 })
  const [quick, long] = [await engine.open(times(2)), await engine.open(model)]
  const first = fails(long.run(inputs), 'timeout', /to run/)
  const waiting = [1, 2].map(() => fails(quick.run(pair(1, 2)), 'timeout', /before it/))
  await fails(quick.run(pair(1, 2)), 'busy', /2 wait/)
  await Promise.all([first, ...waiting])
})

test('the process ends when nobody asks, and the next one knows the models', async () => {
  const engine = engineWith({ idleMs: 10 })
  const session = await engine.open(times(2))
  const { pid = 0 } = engine
  await realPassage.until('its end', () => !isAlive(pid))
  assert.equal(engine.pid, undefined)
  assert.deepEqual([...((await session.run(pair(1, 2))).y?.data ?? [])], [2, 4])
})

test('a process that is missed soon after its end is kept for longer', async () => {
  const idleMs = 10
  const kept = engineWith({ idleMs, idleMsMax: 60_000 })
  const soon = await kept.open(times(2))
  const first = kept.pid ?? 0
  await realPassage.until('its end', () => !isAlive(first))
  await soon.run(pair(1, 2))
  const second = kept.pid
  assert.ok(second !== undefined && second !== first)
  await setTimeout(20 * idleMs)
  await soon.run(pair(1, 2))
  assert.equal(kept.pid, second)
})

test('a session that is closed runs nothing, and others go on', async () => {
  const engine = engineWith()
  const [one, other] = [await engine.open(times(2)), await engine.open(times(3))]
  await one.close()
  await one.close()
  await fails(one.run(pair(1, 2)), 'closed', /closed/)
  assert.deepEqual([...((await other.run(pair(1, 2))).y?.data ?? [])], [3, 6])
})

test('an engine that is closed rejects all, and its process is gone', async () => {
  const engine = engineWith()
  const { model, inputs } = slow()
  const session = await engine.open(model)
  const { pid = 0 } = engine
  const running = fails(session.run(inputs), 'closed', /it was told to/)
  const waiting = fails(session.run(inputs), 'closed', /no more models/)
  await engine.close()
  await Promise.all([running, waiting])
  assert.equal(isAlive(pid), false)
  await fails(session.run(inputs), 'closed', /no more models/)
  await fails(engine.open(times(2)), 'closed', /no more models/)
})

const waysToEnd = {
  end: 'a program that is done ends',
  close: 'a program that closes its engine ends',
  stay: 'a program that is killed is gone',
} as const
for (const [how, name] of Object.entries(waysToEnd)) {
  test(`${name}, and the process with the models after it`, async () => {
    const path = fileURLToPath(new URL('lone.ts', import.meta.url))
    const lone = spawn(process.execPath, [path, how], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise<number | null>((resolve) => lone.once('exit', resolve))
    const lines = createInterface(lone.stdout)[Symbol.asyncIterator]()
    const { value: line } = await lines.next()
    const [pid, told] = String(line).split(' ')
    assert.equal(told, '3,6')
    if (how === 'stay') lone.kill('SIGKILL')
    assert.equal(await ended, how === 'stay' ? null : 0)
    await realPassage.until('its end', () => !isAlive(Number(pid)))
  })
}
