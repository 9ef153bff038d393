import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkLimits } from '../../agent/links/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Host, note, Stage } from './cast.ts'

const numbers = (host: Host) =>
  host.heard.map(({ frame }) => (frame.kind === 'note' ? frame.value.n : -1))
const range = (length: number) => Array.from({ length }, (_, i) => i)

test('messages arrive in the order sent, over one stream opened by the first', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  for (const n of range(50)) ann.links.send(bob.id, note(n))
  await stage.clock.advance(20)
  for (const n of range(50)) ann.links.send(bob.id, note(50 + n))
  await stage.clock.advance(20)
  assert.deepEqual(numbers(bob), range(100))
  assert.ok(bob.heard.every(({ from }) => from === ann.id))
  assert.equal(ann.network.opened.length, 1)
  assert.equal(bob.network.opened.length, 0)
  assert.deepEqual(ann.links.open(), [bob.id])
})

test('a slow reader is waited for, and loses nothing within the queue’s limits', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.links.send(bob.id, note(0))
  await stage.clock.advance(10)
  ann.network.lastOpened().other.pause()
  for (const n of range(20)) ann.links.send(bob.id, note(n + 1, 500))
  await stage.clock.advance(1000)
  assert.ok(ann.network.lastOpened().bufferedBytes < 3000, 'no more is handed over than is taken')
  assert.deepEqual(numbers(bob), [0])
  ann.network.lastOpened().other.resume()
  await stage.clock.advance(1000)
  assert.deepEqual(numbers(bob), range(21))
  assert.deepEqual(ann.links.drops(), {})
})

test('a full queue drops the oldest, by frames and by bytes, and counts them', async () => {
  const byFrames = new Stage()
  const ann = byFrames.host('ann', { limits: { queueFramesMax: 3 } })
  const bob = byFrames.host('bob')
  for (const n of range(10)) ann.links.send(bob.id, note(n))
  await byFrames.clock.advance(10)
  assert.deepEqual(numbers(bob), [7, 8, 9])
  assert.deepEqual(ann.links.drops(), { queueFull: 7 })

  const byBytes = new Stage()
  const cat = byBytes.host('cat', { limits: { queueBytesMax: 6000, frameBytesMax: 6000 } })
  const dan = byBytes.host('dan')
  for (const n of range(5)) cat.links.send(dan.id, note(n, 2500))
  await byBytes.clock.advance(50)
  assert.deepEqual(numbers(dan), [3, 4])
  assert.deepEqual(cat.links.drops(), { queueFull: 3 })
})

test('what was dropped with a failed try does not count against the queue', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { queueBytesMax: 6000, frameBytesMax: 6000 } })
  const bob = stage.host('bob')
  ann.network.failWith = 'refused'
  for (const n of range(2)) ann.links.send(bob.id, note(n, 2500))
  await stage.clock.advance(1000)
  ann.network.failWith = undefined
  for (const n of range(2)) ann.links.send(bob.id, note(2 + n, 2500))
  await stage.clock.advance(50)
  assert.deepEqual(numbers(bob), [2, 3])
})

test('failed tries are spaced further and further apart, up to the cap', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { backoffBaseMs: 100, backoffCapMs: 1000 } })
  const bob = stage.host('bob')
  ann.network.failWith = 'timedOut'
  ann.links.keep([bob.id])
  await stage.clock.advance(4500)
  assert.deepEqual(ann.network.triedAtMs, [0, 200, 600, 1400, 2400, 3400, 4400])
  ann.network.failWith = undefined
  await stage.clock.advance(1100)
  assert.deepEqual(ann.links.open(), [bob.id])
})

test('jitter takes anything from none to all of the wait', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { jitter: 0.25 })
  ann.network.failWith = 'refused'
  ann.links.keep(['bob' as PeerId])
  await stage.clock.advance(151)
  assert.deepEqual(ann.network.triedAtMs, [0, 50, 150])
})

test('while backing off messages are dropped and counted, unless a try is asked for', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.network.failWith = 'refused'
  ann.links.send(bob.id, note(0))
  await stage.clock.advance(1)
  assert.deepEqual(ann.links.drops(), { unreachable: 1 })
  ann.links.send(bob.id, note(1))
  assert.deepEqual(ann.links.drops(), { unreachable: 1, backingOff: 1 })
  ann.network.failWith = undefined
  ann.links.send(bob.id, note(2), { dialNow: true })
  await stage.clock.advance(10)
  assert.deepEqual(numbers(bob), [2])
  assert.equal(ann.network.triedAtMs.length, 2)
})

test('a peer that opens a link to us is tried again at once', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.network.failWith = 'refused'
  ann.links.keep([bob.id])
  await stage.clock.advance(3000)
  const tries = ann.network.triedAtMs.length
  ann.network.failWith = undefined
  bob.links.send(ann.id, note(1))
  await stage.clock.advance(5)
  assert.equal(ann.network.triedAtMs.length, tries + 1)
  assert.deepEqual(ann.links.open(), [bob.id])
})

test('a peer said to be reachable again is tried again at once', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.network.failWith = 'refused'
  ann.links.keep([bob.id])
  await stage.clock.advance(3000)
  ann.network.failWith = undefined
  ann.links.resetBackoff(bob.id)
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.open(), [bob.id])
})

test('a kept link is opened unasked and again when it breaks; others are not', async () => {
  const stage = new Stage()
  const [ann, bob, cat] = [stage.host('ann'), stage.host('bob'), stage.host('cat')]
  ann.links.keep([bob.id])
  ann.links.send(cat.id, note(0))
  await stage.clock.advance(20_000)
  assert.equal(ann.network.opened.length, 2)
  for (const stream of ann.network.opened.slice()) stream.cut()
  await stage.clock.advance(1000)
  assert.deepEqual(ann.links.open(), [bob.id])
  ann.links.keep([])
  ann.network.lastOpened().cut()
  await stage.clock.advance(60_000)
  assert.deepEqual(ann.links.open(), [])
})

test('a link that breaks as soon as it opens is backed off from, not hammered', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.links.keep([bob.id])
  for (let i = 0; i < 600; i++) {
    await stage.clock.advance(100)
    for (const stream of ann.network.opened) stream.cut()
  }
  const { length } = ann.network.triedAtMs
  assert.ok(length > 5 && length < 20, `tried ${length} times in a minute`)
})

test('what waits when a steady link breaks is sent over the next one, in order', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.links.send(bob.id, note(0))
  await stage.clock.advance(linkLimits.steadyMs + 100)
  ann.network.lastOpened().other.pause()
  for (const n of range(10)) ann.links.send(bob.id, note(n + 1, 1000))
  await stage.clock.advance(10)
  ann.network.lastOpened().cut()
  await stage.clock.advance(100)
  // The two that the stream had taken went down with it.
  assert.deepEqual(numbers(bob), [0, ...range(8).map((n) => n + 3)])
})

test('an attempt without an answer is given up, and leaves nothing running', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  ann.network.failWith = 'silence'
  ann.links.send('bob' as PeerId, note(0))
  await stage.clock.advance(linkLimits.openTimeoutMs + 1)
  assert.deepEqual(ann.links.drops(), { unreachable: 1 })
  assert.deepEqual(ann.network.disconnected, ['bob'], 'its connection may be stuck')
  ann.links.close()
  assert.equal(stage.clock.pending, 0)
})

test('a peer that accepts and stays silent is given up, and the connection with it', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const mute = stage.network('mute')
  mute.accept('/skein/test/1', (stream) => {
    stream.onFrame = () => {}
  })
  ann.links.send(mute.self, note(0))
  assert.deepEqual(ann.network.disconnected, [])
  await stage.clock.advance(linkLimits.helloTimeoutMs + 10)
  assert.deepEqual(ann.links.drops(), { unreachable: 1 })
  assert.deepEqual(ann.links.open(), [])
  assert.deepEqual(ann.network.disconnected, [mute.self])
})

test('an idle link is closed and its peer forgotten, unless it is kept', async () => {
  const stage = new Stage()
  const [ann, bob, cat] = [stage.host('ann'), stage.host('bob'), stage.host('cat')]
  ann.links.keep([bob.id])
  ann.links.send(cat.id, note(0))
  await stage.clock.advance(1000)
  assert.equal(ann.links.peersKnown, 2)
  await stage.clock.advance(linkLimits.idleMs + 2 * linkLimits.reapIntervalMs)
  assert.deepEqual(ann.links.open(), [bob.id])
  assert.equal(ann.links.peersKnown, 1)
  assert.equal(cat.links.peersKnown, 0)
  assert.equal(bob.links.peersKnown, 1)
})

test('a link in use is not idle, however old it is', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  for (let passedMs = 0; passedMs < 3 * linkLimits.idleMs; passedMs += 60_000) {
    ann.links.send(bob.id, note(passedMs))
    await stage.clock.advance(60_000)
  }
  assert.equal(ann.network.opened.length, 1)
})

test('no more peers are remembered than the limit, and room is made by forgetting', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { peersMax: 3 } })
  ann.network.failWith = 'refused'
  for (const n of range(10)) ann.links.send(`peer${n}` as PeerId, note(n))
  assert.equal(ann.links.peersKnown, 3)
  await stage.clock.advance(1)
  assert.deepEqual(ann.links.drops(), { tooManyPeers: 7, unreachable: 3 })
  await stage.clock.advance(60_000)
  assert.equal(ann.links.peersKnown, 0)
  ann.links.send('another' as PeerId, note(1))
  assert.equal(ann.links.peersKnown, 1)
})

test('a kept peer that found no room gets it when there is some', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { peersMax: 1 } })
  const bob = stage.host('bob')
  ann.links.send('gone' as PeerId, note(0))
  ann.links.keep([bob.id])
  assert.deepEqual(ann.links.open(), [])
  await stage.clock.advance(60_000)
  assert.deepEqual(ann.links.open(), [bob.id])
})

test('closed links send nothing, take nothing and leave no timer behind', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  ann.links.keep([bob.id])
  bob.links.send(ann.id, note(1))
  await stage.clock.advance(10)
  ann.links.close()
  ann.links.send(bob.id, note(2))
  assert.deepEqual(ann.links.drops(), { closed: 1 })
  bob.links.send(ann.id, note(3))
  await stage.clock.advance(10)
  assert.deepEqual(numbers(ann), [1])
  bob.links.close()
  await stage.clock.advance(10)
  assert.equal(stage.clock.pending, 0)
})
