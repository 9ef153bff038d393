/** What a stopped process wakes up to: its timers first, each interval once, then its messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../../simulations/world/world.ts'
import { forever, idle, joined, numbered, purpose, watch } from './cast.ts'

test('nothing of a paused host runs', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a')
  const { clock, disk } = await idle(host)
  const calls: string[] = []
  clock.after(10, () => calls.push('timer'))
  clock.every(10, () => calls.push('interval'))
  void disk.get('a').then(() => calls.push('disk'))
  host.pause()
  await world.runFor(1_000)
  assert.deepEqual(calls, [])
})

test('on resume due timers run first, in their order and each interval once, then messages', async () => {
  const world = new World({ seed: 1 })
  const { b, portsB, near, far } = await joined(world)
  const calls: string[] = []
  const { clock } = portsB
  clock.every(100, () => calls.push('interval'))
  clock.after(250, () => calls.push('late timer'))
  clock.after(20, () => {
    calls.push('early timer')
    cancelled.cancel()
  })
  const cancelled = clock.after(30, () => calls.push('cancelled'))
  far.stream.onFrame = (frame) => calls.push(`frame ${frame[3]}`)
  b.pause()
  near.stream.send(numbered(1))
  near.stream.send(numbered(2))
  await world.runFor(1_000)
  assert.deepEqual(calls, [])
  b.resume()
  await world.runFor(0)
  assert.deepEqual(calls, ['early timer', 'interval', 'late timer', 'frame 1', 'frame 2'])
  await world.runFor(100)
  assert.equal(calls.filter((call) => call === 'interval').length, 2)
})

test('promises get their turn between what a host wakes up to', async () => {
  const world = new World({ seed: 1 })
  const host = world.addHost('a')
  const { clock } = await idle(host)
  const calls: string[] = []
  for (const name of ['one', 'two']) {
    clock.after(5, () => {
      calls.push(name)
      void Promise.resolve().then(() => calls.push(`after ${name}`))
    })
  }
  host.pause()
  await world.runFor(50)
  host.resume()
  await world.runFor(0)
  assert.deepEqual(calls, ['one', 'after one', 'two', 'after two'])
})

test('others see silence: a paused host takes connections and answers none', async () => {
  const world = new World({ seed: 1 })
  const { b, portsA, near } = await joined(world)
  b.pause()
  near.stream.send(numbered(1))
  const refused: unknown[] = []
  const c = world.addHost('c')
  const stranger = await idle(c)
  stranger.network.learn(b.id, [b.address])
  stranger.network.open(b.id, purpose, forever()).then(watch, (error) => {
    refused.push(error.code)
  })
  await world.runFor(60_000)
  assert.deepEqual(portsA.network.connected(), [b.id])
  assert.equal(near.stream.open, true)
  assert.deepEqual(refused, ['timedOut'])
})

test('a paused host that is killed never wakes', async () => {
  const world = new World({ seed: 1 })
  const { b, portsB, near, far } = await joined(world)
  let calls = 0
  portsB.clock.after(5, () => calls++)
  b.pause()
  near.stream.send(numbered(1))
  await world.runFor(50)
  b.crash('kill')
  b.resume()
  await world.runFor(50)
  assert.equal(calls, 0)
  assert.deepEqual(far.numbers, [])
  assert.deepEqual(near.closed, ['connectionLost'])
})

test('what had reached a paused machine is there when it wakes, though the way is cut by then', async () => {
  const world = new World({ seed: 1, link: { lossMode: 'drop' } })
  const { a, b, near, far } = await joined(world)
  b.pause()
  near.stream.send(numbered(1))
  await world.runFor(50)
  world.wires.cut(a, b)
  near.stream.send(numbered(2))
  await world.runFor(50)
  b.resume()
  await world.runFor(50)
  assert.deepEqual(far.numbers, [1])
})
