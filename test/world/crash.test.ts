/** What a crash takes, and what it must not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Disk, DiskError, DiskOp } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Host } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'
import { idle, joined, numbered, numberIn, purpose } from './cast.ts'

const key = (n: number) => `k/${String(n).padStart(4, '0')}`

/** Batch `n` writes two keys of its own and one that all share. */
const batchOf = (n: number): DiskOp[] => [
  { put: `${key(n)}/a`, value: numbered(n) },
  { put: 'last', value: numbered(n) },
  { put: `${key(n)}/b`, value: numbered(n) },
]

async function read(world: World, disk: Disk): Promise<{ batches: number[]; last: number }> {
  const found: { batches: number[]; last: number } = { batches: [], last: 0 }
  let done = false
  const reading = async () => {
    const keys: string[] = []
    for await (const [name] of disk.scan(within('k/'))) keys.push(name)
    for (let n = 1; keys.includes(`${key(n)}/a`) || keys.includes(`${key(n)}/b`); n++) {
      assert.ok(keys.includes(`${key(n)}/a`) && keys.includes(`${key(n)}/b`), 'whole or not at all')
      found.batches.push(n)
    }
    assert.equal(keys.length, 2 * found.batches.length, 'no batch survives one before it')
    const last = await disk.get('last')
    found.last = last ? numberIn(last) : 0
    done = true
  }
  void reading().catch((error) => world.fail(error))
  assert.ok(await world.runUntil(() => done, 10_000))
  return found
}

async function crashWhileWriting(
  seed: number,
  durables: readonly boolean[],
  afterMs: number,
  kind: 'kill' | 'powerLoss',
): Promise<{ acked: number; safe: number; batches: number[]; last: number }> {
  const world = new World({ seed })
  const host = world.addHost('a')
  const { disk, clock } = await idle(host)
  let acked = 0
  let safe = 0
  for (const [i, durable] of durables.entries()) {
    clock.after(i * 0.4, () => {
      void disk.write(batchOf(i + 1), { durable }).then(() => {
        acked = i + 1
        if (durable) safe = i + 1
      })
    })
  }
  await world.runFor(afterMs)
  host.crash(kind)
  await world.runFor(50)
  const { disk: again } = await idle(host)
  return { acked, safe, ...(await read(world, again)) }
}

// Without the generator's taste for extremes: most runs have much at stake, one in six is synced.
const runs = fc.noBias(
  fc.record({
    seed: fc.nat(),
    durables: fc.array(
      fc.nat(5).map((n) => n === 0),
      { minLength: 10, maxLength: 40 },
    ),
    afterMs: fc.nat(2_000).map((n) => n / 100),
  }),
)

test('a loss of power takes only what was not synced, whole batches, the newest first', async () => {
  let tookSomething = 0
  await fc.assert(
    fc.asyncProperty(runs, async ({ seed, durables, afterMs }) => {
      const { acked, safe, batches, last } = await crashWhileWriting(
        seed,
        durables,
        afterMs,
        'powerLoss',
      )
      assert.ok(batches.length >= safe, `${safe} were durable, ${batches.length} are left`)
      assert.equal(last, batches.length)
      if (batches.length < acked) tookSomething++
    }),
    { numRuns: 200 },
  )
  assert.ok(tookSomething > 5, 'the fault that is tested for does happen')
})

test('a killed program loses nothing that was acknowledged', async () => {
  let keptMore = 0
  await fc.assert(
    fc.asyncProperty(runs, async ({ seed, durables, afterMs }) => {
      const { acked, batches, last } = await crashWhileWriting(seed, durables, afterMs, 'kill')
      assert.ok(batches.length >= acked)
      assert.equal(last, batches.length)
      if (batches.length > acked) keptMore++
    }),
    { numRuns: 200 },
  )
  assert.ok(keptMore > 5, 'a batch under way may survive without having been acknowledged')
})

test('a life that is over does nothing more, and nobody answers it', async () => {
  const world = new World({ seed: 1 })
  const { a, b, portsA, near, far } = await joined(world)
  a.crash('kill')
  const { clock, disk, network, processes } = portsA
  const calls: string[] = []
  const settles = (what: string, promise: Promise<unknown>) =>
    void promise.then(
      () => calls.push(what),
      () => calls.push(what),
    )
  clock.after(1, () => calls.push('timer'))
  clock.every(1, () => calls.push('interval'))
  settles('write', disk.write([{ put: 'ghost', value: numbered(1) }], { durable: true }))
  settles('get', disk.get('ghost'))
  settles('open', network.open(b.id, purpose, new AbortController().signal))
  settles('dial', network.dial(b.address, new AbortController().signal))
  const spec = { argv: ['/bin/true'] as const, cwd: '/', env: {} }
  settles('start', processes.start(spec, { onStdout() {}, onStderr() {} }))
  near.stream.send(numbered(1))
  network.publish('topic', numbered(1))
  await world.runFor(30_000)
  assert.deepEqual(calls, [])
  assert.deepEqual(far.numbers, [])
  const { disk: again } = await idle(a)
  assert.deepEqual(await read(world, again), { batches: [], last: 0 })
})

test('a killed program is missed at once; a machine without power is missed when it stays silent', async () => {
  for (const [kind, missedAfterMs] of [
    ['kill', 0],
    ['powerLoss', 10_000],
  ] as const) {
    const world = new World({ seed: 1 })
    const { a, b, near } = await joined(world)
    b.crash(kind)
    const startedMs = world.nowMs
    assert.ok(await world.runUntil(() => near.closed.length > 0, 60_000))
    assert.deepEqual(near.closed, ['connectionLost'])
    const tookMs = world.nowMs - startedMs
    assert.ok(tookMs >= missedAfterMs, `${kind}: after ${tookMs} ms`)
    assert.ok(missedAfterMs > 0 || tookMs < 50, `${kind}: after ${tookMs} ms`)
    assert.deepEqual(a.network?.connected(), [])
  }
})

test('a machine that comes back denies the connections of its earlier life', async () => {
  const world = new World({ seed: 1 })
  const { b, near } = await joined(world)
  b.crash('powerLoss')
  await world.runFor(100)
  assert.equal(near.stream.open, true)
  b.restart()
  near.stream.send(numbered(1))
  assert.ok(await world.runUntil(() => near.closed.length > 0, 100))
  assert.deepEqual(near.closed, ['connectionLost'])
})

test('what had left the host before it died still arrives', async () => {
  const world = new World({ seed: 1, link: { latencyMs: 20 } })
  const { a, near, far } = await joined(world)
  for (let n = 1; n <= 5; n++) near.stream.send(numbered(n))
  a.crash('kill')
  assert.ok(await world.runUntil(() => far.closed.length > 0, 1_000))
  assert.deepEqual(far.numbers, [1, 2, 3, 4, 5])
})

test('what a loss of power has left is not lost by the next', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World({ seed })
    const host = world.addHost('a')
    const { disk } = await idle(host)
    for (let n = 1; n <= 10; n++) {
      void disk.write(batchOf(n), { durable: false })
      await world.runFor(5)
    }
    host.crash('powerLoss')
    const left = await read(world, (await idle(host)).disk)
    host.crash('powerLoss')
    assert.deepEqual(await read(world, (await idle(host)).disk), left)
  }
})

test('a full disk takes deletes, a read-only one nothing, and both can be read', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a', { disk: { capacityBytes: 100 } })
  const { disk } = await idle(host)
  const write = (batch: DiskOp[]) => settledCode(world, disk.write(batch, { durable: true }))
  assert.equal(await write([{ put: 'a', value: new Uint8Array(90) }]), 'done')
  assert.equal(await write([{ put: 'b', value: new Uint8Array(90) }]), 'full')
  assert.equal(await write([{ del: 'a' }]), 'done')
  assert.equal(await write([{ put: 'b', value: new Uint8Array(90) }]), 'done')
  host.platter.fault = 'readOnly'
  assert.equal(await write([{ del: 'b' }]), 'readOnly')
  assert.equal(await settledCode(world, disk.get('b')), 'done')
})

test('what was given before a refusal could be heard is refused as well, and what comes later is not', async () => {
  for (const betweenMs of [0, 0.1]) {
    const world = new World({ seed: 1 })
    const host = world.addHost('a', { disk: { capacityBytes: 100 } })
    const { disk } = await idle(host)
    const write = (batch: DiskOp[]) =>
      disk.write(batch, { durable: true }).then(
        () => 'done',
        ({ code }: DiskError) => code,
      )
    const outcomes = [write([{ put: 'large', value: new Uint8Array(200) }])]
    await world.runFor(betweenMs)
    outcomes.push(write([{ put: 'b', value: numbered(1) }]), write([{ del: 'a' }]))
    await world.runFor(100)
    assert.deepEqual(await Promise.all(outcomes), ['full', 'full', 'done'])
    const later = disk.write([{ put: 'b', value: numbered(1) }], { durable: true })
    assert.equal(await settledCode(world, later), 'done')
  }
})

test('a flipped bit is one bit', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a')
  const { disk } = await idle(host)
  await settledCode(world, disk.write([{ put: 'a', value: numbered(0) }], { durable: true }))
  assert.equal(host.platter.flipBit('a'), true)
  assert.equal(host.platter.flipBit('none'), false)
  let value = 0
  void disk.get('a').then((bytes) => (value = bytes ? numberIn(bytes) : 0))
  await world.runFor(100)
  assert.ok(value > 0 && Number.isInteger(Math.log2(value)), `${value} has one bit set`)
})

async function settledCode(world: World, promise: Promise<unknown>): Promise<string> {
  let outcome: string | undefined
  promise.then(
    () => (outcome = 'done'),
    (error: { code: string }) => (outcome = error.code),
  )
  assert.ok(await world.runUntil(() => outcome !== undefined, 10_000))
  return outcome as string
}

test('a program that throws ends the run, and the error says where and when', async () => {
  const boots: ((host: Host) => void)[] = [
    (host) => host.boot(() => assert.fail('at boot')),
    (host) => host.boot(async () => assert.fail('at boot, later')),
    (host) => host.boot(({ clock }) => void clock.after(3, () => assert.fail('in a timer'))),
  ]
  for (const boot of boots) {
    const world = new World({ seed: 1 })
    boot(world.addHost('a'))
    await assert.rejects(world.runFor(10), /^HappeningError: a at \d+\.\d+ ms, .*: (at boot|in a)/)
  }
})
