/** How the network hurts, and that it heals. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mend, partition, resetConnections, swizzle } from '../../simulations/world/faults.ts'
import type { LinkQuality } from '../../simulations/world/wires.ts'
import { World } from '../../simulations/world/world.ts'
import { chatter, forever, idle, joined, numbered, purpose, watch } from './cast.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const still: Partial<LinkQuality> = { jitterMs: 0, tailShare: 0, bytesPerSecond: 1e12 }

test('a connection and its first stream cost two round trips, the next stream one', async () => {
  const world = new World({ seed: 1, link: { ...still, latencyMs: 10 } })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const { network } = await idle(a)
  const { network: other } = await idle(b)
  other.accept(purpose, watch)
  network.learn(b.id, [b.address])
  for (const expectedMs of [40, 20]) {
    const startedMs = world.nowMs
    let open = false
    void network.open(b.id, purpose, forever()).then(() => (open = true))
    assert.ok(await world.runUntil(() => open, 1_000))
    assert.ok(Math.abs(world.nowMs - startedMs - expectedMs) < 0.01, `${world.nowMs - startedMs}`)
  }
})

test('a slow link takes the time that its bytes take, and they queue', async () => {
  const world = new World({ seed: 1, link: { ...still, latencyMs: 1, bytesPerSecond: 100_000 } })
  const { near, far } = await joined(world)
  await world.runFor(1_000)
  const startedMs = world.nowMs
  for (const n of upTo(10)) near.stream.send(numbered(n, 10_000))
  assert.ok(await world.runUntil(() => far.numbers.length === 10, 60_000))
  const tookMs = world.nowMs - startedMs
  assert.ok(tookMs > 1_000 && tookMs < 1_100, `100 kB at 100 kB/s took ${tookMs} ms`)
})

test('without loss a partition that drops takes what was sent in it, and nothing after', async () => {
  const world = new World({ seed: 1, link: { lossMode: 'drop' } })
  const { a, b, near, far } = await joined(world)
  near.stream.send(numbered(1))
  await world.runFor(100)
  partition(world, [a], [b])
  near.stream.send(numbered(2))
  far.stream.send(numbered(3))
  await world.runFor(1_000)
  mend(world, [a], [b])
  near.stream.send(numbered(4))
  await world.runFor(1_000)
  assert.deepEqual(far.numbers, [1, 4])
  assert.deepEqual(near.numbers, [])
  assert.equal(near.stream.open, true)
})

test('TCP delivers after a short partition what was sent in it, in order, and late', async () => {
  const world = new World({ seed: 1, link: { latencyMs: 50 } })
  const { a, b, near, far } = await joined(world)
  near.stream.send(numbered(1))
  await world.runFor(10)
  partition(world, [a], [b])
  near.stream.send(numbered(2))
  await world.runFor(500)
  assert.deepEqual(far.numbers, [])
  near.stream.send(numbered(3))
  mend(world, [a], [b])
  near.stream.send(numbered(4))
  assert.ok(await world.runUntil(() => far.numbers.length === 4, 10_000))
  assert.deepEqual(far.numbers, [1, 2, 3, 4])
})

test('one direction can be cut alone', async () => {
  const world = new World({ seed: 1, link: { lossMode: 'drop' } })
  const { a, b, near, far } = await joined(world)
  world.wires.cut(a, b)
  near.stream.send(numbered(1))
  far.stream.send(numbered(2))
  await world.runFor(100)
  assert.deepEqual(far.numbers, [])
  assert.deepEqual(near.numbers, [2])
})

test('across a cut nobody can be reached, and after a while its streams break', async () => {
  const world = new World({ seed: 1 })
  const { a, b, portsA, near, far } = await joined(world)
  partition(world, [a], [b])
  await world.runFor(5_000)
  assert.deepEqual([near.closed, far.closed], [[], []])
  await world.runFor(60_000)
  assert.deepEqual([near.closed, far.closed], [['connectionLost'], ['connectionLost']])
  let code = ''
  portsA.network.open(b.id, purpose, forever()).catch((error) => (code = error.code))
  assert.ok(await world.runUntil(() => code !== '', 60_000))
  assert.equal(code, 'timedOut')
  world.wires.healAll()
  let open = false
  void portsA.network.open(b.id, purpose, forever()).then(() => (open = true))
  assert.ok(await world.runUntil(() => open, 5_000))
})

test('a machine that is off answers nobody, one that is on refuses', async () => {
  for (const [kind, expected] of [
    ['powerLoss', 'timedOut'],
    ['kill', 'refused'],
  ] as const) {
    const world = new World({ seed: 1 })
    const [a, b] = [world.addHost('a'), world.addHost('b')]
    const { network } = await idle(a)
    await idle(b)
    b.crash(kind)
    network.learn(b.id, [b.address])
    let code = ''
    network.open(b.id, purpose, forever()).catch((error) => (code = error.code))
    assert.ok(await world.runUntil(() => code !== '', 60_000))
    assert.equal(code, expected)
  }
})

test('loss that drops loses its share and keeps the order of the rest', async () => {
  const world = new World({ seed: 1, link: { lossMode: 'drop', loss: 0.2 } })
  const { near, far } = await joined(world)
  for (const n of upTo(2_000)) near.stream.send(numbered(n))
  await world.runFor(1_000)
  const { length } = far.numbers
  assert.ok(length > 1_500 && length < 1_700, `${length} of 2000 arrived`)
  assert.deepEqual(
    far.numbers,
    [...far.numbers].sort((x, y) => x - y),
  )
})

test('loss under TCP loses nothing and delays all that comes behind', async () => {
  const world = new World({ seed: 1, link: { loss: 0.05 } })
  const { near, far } = await joined(world)
  const startedMs = world.nowMs
  for (const n of upTo(200)) near.stream.send(numbered(n))
  assert.ok(await world.runUntil(() => far.numbers.length === 200, 60_000))
  assert.deepEqual(far.numbers, upTo(200))
  assert.ok(world.nowMs - startedMs > 200, 'somebody waited for a retransmission')
})

test('a lossy link never wedges a stream that is held up', async () => {
  for (const seed of upTo(30)) {
    const world = new World({ seed, link: { lossMode: 'drop' } })
    const { a, b, near, far } = await joined(world)
    world.wires.setQuality(a, b, { loss: 0.3 })
    const { streamBufferBytesMax } = world.limits
    far.stream.pause()
    for (let n = 1; near.stream.bufferedBytes < streamBufferBytesMax / 2; n++) {
      // Up to nearly a whole window, so that the next one often has to wait for all before it.
      near.stream.send(numbered(n, 20_000 + ((n * seed * 387_421) % 980_000)))
    }
    far.stream.resume()
    assert.ok(await world.runUntil(() => near.stream.bufferedBytes === 0, 60_000), `seed ${seed}`)
  }
})

test('a frame that vanishes under way does not hold up what waits behind it for ever', async () => {
  const world = new World({ seed: 1, link: { ...still, lossMode: 'drop', latencyMs: 50 } })
  const { a, b, near, far } = await joined(world)
  const { streamWindowBytesMax } = world.limits
  near.stream.send(numbered(1, 0.4 * streamWindowBytesMax))
  await world.runFor(20)
  near.stream.send(numbered(2, 0.5 * streamWindowBytesMax))
  near.stream.send(numbered(3, 0.9 * streamWindowBytesMax))
  assert.ok(near.stream.bufferedBytes > 0)
  // The first is read by now, and the second on its way.
  await world.runFor(40)
  world.wires.cut(a, b)
  await world.runFor(20)
  world.wires.heal(a, b)
  assert.ok(await world.runUntil(() => far.numbers.includes(3), 60_000))
  assert.deepEqual(far.numbers, [1, 3])
})

test('a writer that waits for the whole window gets it, in however many parts it is read', async () => {
  const world = new World({ seed: 1, link: { ...still, latencyMs: 50 } })
  const { near, far } = await joined(world)
  const { streamWindowBytesMax } = world.limits
  for (const [i, share] of [0.6, 0.3, 0.9, 0.2, 0.1, 1].entries()) {
    near.stream.send(numbered(i + 1, share * streamWindowBytesMax))
  }
  assert.ok(await world.runUntil(() => far.numbers.length === 6, 60_000))
  assert.deepEqual(far.numbers, upTo(6))
  assert.equal(near.stream.bufferedBytes, 0)
})

test('doubling and reordering happen where they are asked for, and TCP refuses them', async () => {
  const link = { lossMode: 'drop', duplicates: 0.1, reorders: 0.1, jitterMs: 5 } as const
  const world = new World({ seed: 1, link })
  const { near, far } = await joined(world)
  for (const n of upTo(500)) {
    near.stream.send(numbered(n))
    await world.runFor(0.1)
  }
  await world.runFor(1_000)
  assert.equal(new Set(far.numbers).size, 500)
  assert.ok(far.numbers.length > 520 && far.numbers.length < 600, `${far.numbers.length}`)
  const late = far.numbers.filter((n, i) => i > 0 && n < far.numbers[i - 1]!)
  assert.ok(late.length > 5, `${late.length} came late`)
  assert.throws(() => new World({ seed: 1, link: { duplicates: 0.1 } }), /TCP neither/)
})

test('a reset breaks what is open and nothing else', async () => {
  const world = new World({ seed: 1 })
  const { a, b, portsA, near, far } = await joined(world)
  resetConnections(a, b)
  await world.runFor(100)
  assert.deepEqual([near.closed, far.closed], [['connectionLost'], ['connectionLost']])
  let open = false
  void portsA.network.open(b.id, purpose, forever()).then(() => (open = true))
  assert.ok(await world.runUntil(() => open, 1_000))
})

test('a swizzle hurts, and when it is over every way is open again', async () => {
  for (const seed of upTo(4)) {
    const world = new World({ seed })
    const hosts = ['n1', 'n2', 'n3', 'n4', 'n5'].map((name) => world.addHost(name))
    for (const host of hosts) host.boot(chatter(() => hosts))
    await world.runFor(500)
    const cut = () =>
      hosts.flatMap((a) => hosts.filter((b) => world.wires.between(a, b).cut)).length
    let most = 0
    swizzle(world, world.entropy.stream('swizzle'), { blockMs: 1_000, unblockMs: 1_000 })
    while (world.nowMs < 2_500) {
      await world.runFor(20)
      most = Math.max(most, cut())
    }
    assert.ok(most >= 8, `seed ${seed}: one blocked host has eight ways cut`)
    assert.equal(cut(), 0)
    const before = hosts.map((host) => host.network?.traffic().receivedBytes ?? 0)
    await world.runFor(5_000)
    for (const [i, host] of hosts.entries()) {
      assert.ok((host.network?.traffic().receivedBytes ?? 0) > before[i]! + 5_000)
    }
  }
})
