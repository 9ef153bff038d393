import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelopeSchema } from '../../agent/links/envelope.ts'
import type { Respond } from '../../agent/links/exchange.ts'
import { linkLimits } from '../../agent/links/limits.ts'
import type { Result } from '../../agent/links/requests.ts'
import { AssertionFailed } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { ask, type Frame, Frame as FrameSchema, note, Stage } from './cast.ts'

const Envelope = envelopeSchema(4096)

const codeOf = (result: Result<Frame>) => (result.ok ? 'ok' : result.code)
const echo = (_from: PeerId, frame: Frame, respond: Respond<Frame>) => respond(frame)

test('each answer comes back to its own question', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  // Answered last first: order is not what matches them.
  const held: (() => void)[] = []
  const bob = stage.host('bob', {
    onRequest: (_from, frame, respond) => held.push(() => respond(frame)),
  })
  const asked = ['a', 'b', 'c'].map((what) =>
    ann.links.request(bob.id, ask(what), { deadlineMs: 1000 }),
  )
  await stage.clock.advance(10)
  for (const answer of held.reverse()) answer()
  await stage.clock.advance(10)
  const results = await Promise.all(asked)
  assert.deepEqual(
    results,
    ['a', 'b', 'c'].map((what) => ({ ok: true, value: ask(what) })),
  )
})

test('answers travel on the answerer’s own stream', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob', { onRequest: echo })]
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(20)
  assert.equal(codeOf(await asked), 'ok')
  assert.equal(bob.network.opened.length, 1)
  assert.deepEqual(ann.links.refusals(), {})
})

test('a question without an answer ends at its deadline', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob', { onRequest: () => {} })]
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 500 })
  let result: Result<Frame> | undefined
  void asked.then((value) => {
    result = value
  })
  await stage.clock.advance(499)
  assert.equal(result, undefined)
  await stage.clock.advance(2)
  assert.equal(codeOf(await asked), 'timedOut')
})

test('an answer after the deadline is late, not a fault; the same again is one', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  const asked = ann.links.request(rob.id, ask('x'), { deadlineMs: 100 })
  await stage.clock.advance(200)
  assert.equal(codeOf(await asked), 'timedOut')
  const question = decode(Envelope, rob.received.at(-1)!)
  assert.ok(question.ok && question.value.requestId !== undefined)
  const answer = encode(Envelope, {
    responseTo: question.value.requestId,
    payload: encode(FrameSchema, note(1)),
  })
  rob.stream.send(answer)
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { lateAnswer: 1 })
  rob.stream.send(answer)
  await stage.clock.advance(5)
  assert.deepEqual(ann.links.refusals(), { lateAnswer: 1, replayedResponse: 1 })
})

test('an answer counts only from the peer that was asked', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  const eve = await stage.stranger('eve', ann)
  const asked = ann.links.request(rob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(10)
  const question = decode(Envelope, rob.received.at(-1)!)
  assert.ok(question.ok && question.value.requestId !== undefined)
  const responseTo = question.value.requestId
  eve.stream.send(encode(Envelope, { responseTo, payload: encode(FrameSchema, note(666)) }))
  await stage.clock.advance(5)
  rob.stream.send(encode(Envelope, { responseTo, payload: encode(FrameSchema, note(1)) }))
  await stage.clock.advance(5)
  assert.deepEqual(await asked, { ok: true, value: note(1) })
  assert.deepEqual(ann.links.refusals(), { replayedResponse: 1 })
})

test('a link that breaks under a question says so at once', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob', { onRequest: () => {} })]
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 60_000 })
  await stage.clock.advance(10)
  ann.network.lastOpened().cut()
  await stage.clock.advance(1)
  assert.equal(codeOf(await asked), 'linkLost')
})

test('a question that had not left when a steady link broke is asked over the next', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const bob = stage.host('bob', { onRequest: echo })
  ann.links.send(bob.id, note(0))
  await stage.clock.advance(linkLimits.steadyMs + 100)
  ann.network.lastOpened().other.pause()
  for (let n = 0; n < 4; n++) ann.links.send(bob.id, note(n, 1000))
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(10)
  ann.network.lastOpened().cut()
  await stage.clock.advance(100)
  assert.equal(codeOf(await asked), 'ok')
})

test('a peer that cannot be reached, or is being backed off from, says so at once', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  ann.network.failWith = 'refused'
  const first = ann.links.request('bob' as PeerId, ask('x'), { deadlineMs: 60_000 })
  await stage.clock.advance(1)
  assert.equal(codeOf(await first), 'unreachable')
  const second = await ann.links.request('bob' as PeerId, ask('x'), { deadlineMs: 60_000 })
  assert.equal(codeOf(second), 'unreachable')
})

test('questions beyond the limits, for one peer and for all, are refused unsent', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { requestsPerPeerMax: 2, requestsMax: 3 } })
  const hosts = ['bob', 'cat'].map((name) => stage.host(name, { onRequest: () => {} }))
  const [bob, cat] = hosts.map((host) => host.id) as [PeerId, PeerId]
  const to = (peer: PeerId) => ann.links.request(peer, ask('x'), { deadlineMs: 100 })
  const waiting = [to(bob), to(bob)]
  assert.equal(codeOf(await to(bob)), 'overloaded')
  waiting.push(to(cat))
  assert.equal(codeOf(await to(cat)), 'overloaded')
  await stage.clock.advance(200)
  assert.deepEqual((await Promise.all(waiting)).map(codeOf), Array(3).fill('timedOut'))
  const again = to(bob)
  await stage.clock.advance(200)
  assert.equal(codeOf(await again), 'timedOut')
})

test('a question pushed out of a full queue fails at once', async () => {
  const stage = new Stage()
  const ann = stage.host('ann', { limits: { queueFramesMax: 1 } })
  const bob = stage.host('bob', { onRequest: echo })
  const pushedOut = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  const kept = ann.links.request(bob.id, ask('y'), { deadlineMs: 1000 })
  assert.equal(codeOf(await pushedOut), 'overloaded')
  await stage.clock.advance(20)
  assert.equal(codeOf(await kept), 'ok')
})

test('a peer that serves no questions refuses them', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob')]
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(20)
  assert.deepEqual(await asked, { ok: false, code: 'refused', why: 'notServed' })
  assert.deepEqual(bob.links.refusals(), { notServed: 1 })
})

test('a refusal tells why, cut to what may be sent', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const bob = stage.host('bob', {
    onRequest: (_from, _frame, respond) => respond.refuse('é'.repeat(5000)),
  })
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(20)
  const result = await asked
  assert.ok(!result.ok && result.code === 'refused' && /^é{50,128}$/.test(result.why))
})

test('an answer that makes no sense is a bad answer', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  const rob = await stage.stranger('rob', ann)
  const asked = ann.links.request(rob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(10)
  const question = decode(Envelope, rob.received.at(-1)!)
  assert.ok(question.ok && question.value.requestId !== undefined)
  const responseTo = question.value.requestId
  rob.stream.send(encode(Envelope, { responseTo, payload: Uint8Array.of(255) }))
  await stage.clock.advance(5)
  assert.deepEqual(await asked, { ok: false, code: 'badAnswer', why: 'truncated' })
  assert.deepEqual(ann.links.refusals(), { undecodable: 1 })
})

test('to answer a question twice is a bug of ours', async () => {
  const stage = new Stage()
  const ann = stage.host('ann')
  let again: (() => void) | undefined
  const bob = stage.host('bob', {
    onRequest: (_from, frame, respond) => {
      respond(frame)
      again = () => respond(frame)
    },
  })
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(20)
  assert.equal(codeOf(await asked), 'ok')
  assert.throws(() => again?.(), AssertionFailed)
})

test('a question that comes twice is taken once', async () => {
  const stage = new Stage()
  const taken: Frame[] = []
  const bob = stage.host('bob', {
    onRequest: (_from, frame, respond) => {
      taken.push(frame)
      respond(frame)
    },
  })
  const rob = await stage.stranger('rob', bob)
  const payload = encode(FrameSchema, ask('once'))
  for (const requestId of [7, 7, 8, 7]) rob.stream.send(encode(Envelope, { requestId, payload }))
  await stage.clock.advance(20)
  assert.equal(taken.length, 2)
  assert.deepEqual(bob.links.refusals(), { replayedRequest: 2 })
})

test('an answered question leaves no timer behind', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob', { onRequest: echo })]
  const asked = ann.links.request(bob.id, ask('x'), { deadlineMs: 60_000 })
  await stage.clock.advance(20)
  assert.equal(codeOf(await asked), 'ok')
  ann.links.close()
  bob.links.close()
  await stage.clock.advance(20)
  assert.equal(stage.clock.pending, 0)
})

test('closing ends every question', async () => {
  const stage = new Stage()
  const [ann, bob] = [stage.host('ann'), stage.host('bob', { onRequest: () => {} })]
  const sent = ann.links.request(bob.id, ask('x'), { deadlineMs: 1000 })
  await stage.clock.advance(10)
  ann.links.close()
  assert.equal(codeOf(await sent), 'linkLost')
  assert.equal(
    codeOf(await ann.links.request(bob.id, ask('y'), { deadlineMs: 1000 })),
    'unreachable',
  )
})
