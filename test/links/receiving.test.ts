import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelopeSchema } from '../../agent/links/envelope.ts'
import { linkLimits } from '../../agent/links/limits.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import { ask, Frame, NewFrame, note, Stage } from './cast.ts'

const Envelope = envelopeSchema(2_000_000)
const wrapped = (payload: Uint8Array) => encode(Envelope, { payload })
const message = (n: number) => wrapped(encode(Frame, note(n)))
const garbage = Uint8Array.of(255, 255, 255)

test('a peer over its quota is paused, loses nothing, and is heard again when it has paid', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { quotas: { framesPerSecond: 10, framesBurst: 10 } })
  const rob = await stage.stranger('rob', ann)
  for (let n = 0; n < 40; n++) {
    rob.stream.send(message(n))
    await stage.clock.advance(2)
  }
  // Ten at once, Hello among them, and one into debt.
  assert.ok(ann.heard.length >= 9 && ann.heard.length <= 12, `heard ${ann.heard.length}`)
  assert.ok((ann.links.refusals().throttled ?? 0) >= 1)
  await stage.clock.advance(1000)
  assert.ok(ann.heard.length < 40)
  await stage.clock.advance(10_000)
  assert.deepEqual(
    ann.heard.map(({ frame }) => frame),
    Array.from({ length: 40 }, (_, n) => note(n)),
  )
  assert.deepEqual(ann.network.bans, [])
})

test('a flood wakes its reader ten times a second, however small its frames', async () => {
  const stage = new Stage()
  const quotas = { framesPerSecond: 1_000, framesBurst: 10, pauseMsMin: 100 }
  const ann = stage.host('ann', { quotas })
  const rob = await stage.stranger('rob', ann)
  for (let n = 0; n < 5_000; n++) rob.stream.send(message(n))
  await stage.clock.advance(3_000)
  const pauses = ann.links.refusals().throttled ?? 0
  assert.ok(pauses >= 10 && pauses <= 31, `paused ${pauses} times`)
  assert.ok(ann.heard.length >= 100, 'and it is heard meanwhile')
})

test('bytes have a quota of their own', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { quotas: { bytesPerSecond: 1000, bytesBurst: 1000 } })
  const rob = await stage.stranger('rob', ann)
  rob.stream.send(wrapped(encode(Frame, note(1, 4000))))
  await stage.clock.advance(5)
  rob.stream.send(message(2))
  await stage.clock.advance(2900)
  assert.equal(ann.heard.length, 1)
  await stage.clock.advance(400)
  assert.equal(ann.heard.length, 2)
})

test('one peer over its quota does not slow another', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { quotas: { framesPerSecond: 1, framesBurst: 5 } })
  const [rob, sue] = [await stage.stranger('rob', ann), await stage.stranger('sue', ann)]
  for (let n = 0; n < 20; n++) rob.stream.send(message(n))
  await stage.clock.advance(10)
  sue.stream.send(message(99))
  await stage.clock.advance(5)
  assert.deepEqual(ann.heard.at(-1), { from: sue.id, frame: note(99) })
})

test('garbage is counted, and banned when there is too much of it', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { refusalsPerMinuteMax: 10, banMs: 7000 } })
  const rob = await stage.stranger('rob', ann)
  for (let n = 0; n < 10; n++) rob.stream.send(n % 2 === 0 ? garbage : wrapped(garbage))
  rob.stream.send(message(1))
  await stage.clock.advance(5)
  assert.equal(ann.heard.length, 1)
  assert.deepEqual(ann.links.refusals(), { undecodable: 10 })
  assert.deepEqual(ann.network.bans, [])
  rob.stream.send(garbage)
  rob.stream.send(message(2))
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { undecodable: 11, banned: 1 })
  assert.deepEqual(
    ann.network.bans.map(({ peer, forMs, why }) => [peer, forMs, /undecodable/.test(why)]),
    [[rob.id, 7000, true]],
  )
  assert.equal(ann.heard.length, 1)
  assert.ok(!rob.stream.open)
})

test('a little garbage now and then is forgiven', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { refusalsPerMinuteMax: 10 } })
  const rob = await stage.stranger('rob', ann)
  for (let n = 0; n < 100; n++) {
    rob.stream.send(garbage)
    await stage.clock.advance(6100)
  }
  assert.deepEqual(ann.links.refusals(), { undecodable: 100 })
  assert.deepEqual(ann.network.bans, [])
})

test('closing and coming back does not clear a peer’s record', async () => {
  const stage = new Stage()
  const limits = { refusalsPerMinuteMax: 10, reapIntervalMs: 2 }
  const ann = stage.host('ann', { limits })
  for (let n = 0; n < 11; n++) {
    const rob = await stage.stranger('rob', ann, garbage)
    assert.ok(!rob.stream.open)
  }
  assert.deepEqual(ann.links.refusals(), { noHello: 11, banned: 1 })
})

test('what a network still delivers of a stream that was ended is not taken', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  ann.links.close()
  rob.network.lastOpened().other.onFrame(message(1))
  assert.deepEqual(ann.heard, [])
})

test('a stream that stays silent, or opens with no Hello, is ended', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const loud = await stage.stranger('loud', ann, message(1))
  assert.ok(!loud.stream.open)
  const network = stage.network('mute')
  const opening = network.open(ann.id, '/skein/test/1', new AbortController().signal)
  await stage.clock.advance(linkLimits.helloTimeoutMs - 10)
  assert.ok((await opening).open)
  await stage.clock.advance(20)
  assert.ok(!(await opening).open)
  assert.deepEqual(ann.links.refusals(), { noHello: 2 })
  assert.deepEqual(ann.heard, [])
})

test('a frame over the limit is refused', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { frameBytesMax: 1000 } })
  const rob = await stage.stranger('rob', ann)
  rob.stream.send(wrapped(new Uint8Array(990)))
  await stage.clock.advance(5)
  rob.stream.send(wrapped(new Uint8Array(2000)))
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { undecodable: 1, tooLarge: 1 })
})

test('a stream that the network broke for what its peer sent counts against the peer', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { refusalsPerMinuteMax: 3 } })
  for (const reason of ['frameTooLarge', 'garbage', 'connectionLost', 'closedThere'] as const) {
    await stage.stranger('rob', ann)
    const rob = await stage.stranger('rob', ann)
    rob.network.lastOpened().other.end(reason)
  }
  const { tooLarge, garbage: broken } = ann.links.refusals()
  assert.deepEqual([tooLarge, broken], [1, 1])
})

test('an envelope of nothing, and an answer to nothing, are refused', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  rob.stream.send(encode(Envelope, {}))
  await stage.clock.advance(5)
  rob.stream.send(encode(Envelope, { requestId: 1 }))
  rob.stream.send(encode(Envelope, { responseTo: 1, payload: encode(Frame, note(1)) }))
  rob.stream.send(encode(Envelope, { responseTo: 1, refusal: 'no' }))
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { undecodable: 2, replayedResponse: 2 })
})

test('nothing but Hello is taken on the stream that is ours to send on', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  ann.links.send(rob.id, note(1))
  await stage.clock.advance(10)
  ann.network.lastOpened().other.send(message(2))
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { unexpectedFrame: 1 })
  assert.deepEqual(ann.heard, [])
})

test('a peer may have a second stream; a third ends the first', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const streams = []
  for (let n = 0; n < 3; n++) streams.push((await stage.stranger('rob', ann)).stream)
  await stage.clock.advance(5)
  assert.deepEqual(
    streams.map((stream) => stream.open),
    [false, true, true],
  )
  assert.deepEqual(ann.links.refusals(), { tooManyStreams: 1 })
})

test('peers beyond those that can be remembered are turned away', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { peersMax: 2 } })
  const open = []
  for (const name of ['rob', 'sue', 'tom']) open.push((await stage.stranger(name, ann)).stream.open)
  assert.deepEqual(open, [true, true, false])
  assert.deepEqual(ann.links.refusals(), { tooManyPeers: 1 })
})

test('a newer peer is understood in what we know, and its new kinds are never held against it', async () => {
  const stage = new Stage()
  const old = stage.host('old', { limits: { refusalsPerMinuteMax: 5 } })
  const hello = { ...helloOf('2.0.0', 'new'), newest: 2 }
  const young = stage.hostOf<NewFrame>('young', NewFrame, { hello })
  young.links.send(old.id, { kind: 'note', value: { n: 7, colour: 'red' } })
  for (let n = 0; n < 100; n++) young.links.send(old.id, { kind: 'song', value: { title: 'x' } })
  const asked = young.links.request(
    old.id,
    { kind: 'song', value: { title: 'x' } },
    { deadlineMs: 1000 },
  )
  old.links.send(young.id, note(8))
  await stage.clock.advance(50)
  assert.deepEqual(old.heard, [{ from: young.id, frame: note(7) }])
  assert.deepEqual(young.heard, [{ from: old.id, frame: note(8) }])
  assert.deepEqual(await asked, { ok: false, code: 'refused', why: 'unknownKind' })
  assert.deepEqual(old.links.refusals(), { unknownKind: 101 })
  assert.deepEqual(old.network.bans, [])
})

test('peers without a common version part, count it, and do not hammer each other', async () => {
  const stage = new Stage()
  const old = stage.host('old')
  const hello = { ...helloOf('3.0.0', 'new'), oldest: 2, newest: 3 }
  const young = stage.host('young', { hello })
  young.links.keep([old.id])
  const asked = young.links.request(old.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(50)
  assert.deepEqual(await asked, {
    ok: false,
    code: 'refused',
    why: 'no common version: peerTooOld',
  })
  await stage.clock.advance(60_000)
  assert.ok(young.network.triedAtMs.length <= 7, `tried ${young.network.triedAtMs.length} times`)
  assert.deepEqual(old.network.bans, [])
  assert.ok((old.links.refusals().wrongVersion ?? 0) >= 1)
  assert.deepEqual(old.heard, [])
})

test('hosts of two meshes part', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { hello: helloOf('1', 'ann', 'mesh-a') })
  const rob = await stage.stranger('rob', ann, encode(Hello, helloOf('1', 'rob', 'mesh-b')))
  await stage.clock.advance(5)
  assert.ok(!rob.stream.open)
  assert.deepEqual(ann.links.refusals(), { wrongVersion: 1 })
})

test('a banned peer’s questions and messages end, and it can be kept through the ban', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { refusalsPerMinuteMax: 3 } })
  const rob = await stage.stranger('rob', ann)
  ann.links.keep([rob.id])
  const asked = ann.links.request(rob.id, ask('x'), { deadlineMs: 60_000 })
  await stage.clock.advance(10)
  for (let n = 0; n < 4; n++) rob.stream.send(garbage)
  await stage.clock.advance(10)
  assert.equal((await asked).ok, false)
  assert.deepEqual(ann.links.open(), [])
  ann.network.bans.length = 0
  await stage.clock.advance(30_000)
  assert.deepEqual(ann.links.open(), [rob.id])
})

test('what is of no use costs as much as many frames, is no fault, and slows nobody else', async () => {
  const stage = new Stage()
  const quotas = { framesPerSecond: 100, framesBurst: 100 }
  const ann = stage.host('ann', { quotas, limits: { vainPerSecondMax: 10 } })
  const [rob, sue] = [await stage.stranger('rob', ann), await stage.stranger('sue', ann)]
  const question = encode(Envelope, { requestId: 7, payload: encode(Frame, ask('x')) })
  for (let n = 0; n < 100; n++) rob.stream.send(question)
  rob.stream.send(message(1))
  await stage.clock.advance(10)
  // Ten at once; what is said after them waits until they are paid for.
  const { notServed = 0, replayedRequest = 0 } = ann.links.refusals()
  assert.equal(notServed, 1)
  assert.ok(replayedRequest >= 7 && replayedRequest <= 10, `${replayedRequest}`)
  sue.stream.send(message(2))
  await stage.clock.advance(5)
  assert.deepEqual(ann.heard, [{ from: sue.id, frame: note(2) }])
  await stage.clock.advance(15_000)
  assert.deepEqual(ann.heard[1], { from: rob.id, frame: note(1) })
  assert.deepEqual(ann.network.bans, [])
})

test('whoever uses the links may fine a peer for what only it can judge', async () => {
  const stage = new Stage()
  const quotas = { framesPerSecond: 100, framesBurst: 100 }
  const ann = stage.host('ann', { quotas, limits: { vainPerSecondMax: 10 } })
  const rob = await stage.stranger('rob', ann)
  for (let n = 0; n < 20; n++) ann.links.fine(rob.id)
  rob.stream.send(message(1))
  rob.stream.send(message(2))
  await stage.clock.advance(5)
  // The first is here already when it is found that it has to wait.
  assert.equal(ann.heard.length, 1)
  await stage.clock.advance(500)
  assert.equal(ann.heard.length, 1)
  await stage.clock.advance(1_000)
  assert.equal(ann.heard.length, 2)
})
