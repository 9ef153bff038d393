/** What hosts in federated rounds do for nobody but their leader, and what they tell nobody at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roundLimits } from '../../agent/learning/round/limits.ts'
import {
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
} from '../../agent/learning/round/wire.ts'
import { putRound, type Round } from '../../coordinator/learning/rounds/rows.ts'
import { usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import { MaskingClient } from '../../models/federation/masking/client.ts'
import { bytesOf } from '../../models/federation/masking/fixed-point.ts'
import { within } from '../../protocol/ports/disk.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { SimulatedStream } from '../../simulations/world/stream.ts'
import { type Member, type Mesh, termOf } from '../history/stage.ts'
import { learners, oneRound, ROUND_SERVICE, tampered } from './learners.ts'

const invitation: RoundStep = {
  kind: 'invite',
  value: { base: '0'.repeat(64), steps: 1, batch: 1, rate: 0.01, hold: 0, clip: 1, noise: 0 },
}

async function asks(
  mesh: Mesh,
  who: Member,
  whom: Member,
  term: number,
  step: RoundStep,
  number = 1_000,
) {
  const body = encode(RoundQuestion, { term, number, step })
  const answer = await mesh.answer(who.agent.calls.ask(whom.host.id, ROUND_SERVICE, body, 10_000))
  assert.ok(answer.ok, JSON.stringify(answer))
  const told = decode(RoundAnswer, answer.body)
  assert.ok(told.ok)
  const { reply } = told.value
  return reply.kind === 'refused' ? reply.value.why : reply.kind
}

/** As whoever leads writes it before it asks anybody. */
async function opened(mesh: Mesh, term: number, number: number, base = '0'.repeat(64)) {
  const round: Round = {
    number,
    revision: 0,
    state: 'open',
    phase: 'inviting',
    family: 'net',
    term,
    by: 'ada',
    openedMs: 1,
    base,
    hosts: [],
    why: '',
    steps: 1,
    rule: usualSettings.rule,
    liars: 0,
    noise: 0,
    clip: 1,
  }
  await mesh.ok(putRound(round))
}

test('a host takes part only in rounds that are open in the ledger, as they are there', async () => {
  const mesh = await learners('open')
  const leader = mesh.leader!
  const other = mesh.follower
  const term = termOf(leader)
  const refused = /no such round is open/
  assert.match(await asks(mesh, leader, other, term, invitation), refused)
  await opened(mesh, term - 1, 1_000)
  assert.match(await asks(mesh, leader, other, term, invitation), refused, 'of another turn')
  await opened(mesh, term, 1_001, '1'.repeat(64))
  assert.match(await asks(mesh, leader, other, term, invitation, 1_001), refused, 'other base')
  const over = await oneRound(mesh)
  const invite: RoundStep = { ...invitation, value: { ...invitation.value, base: over.base } }
  assert.match(await asks(mesh, leader, other, term, invite, over.number), refused, 'it is over')
  await opened(mesh, term, 1_002, over.base)
  const ofTrees: RoundStep = { kind: 'inviteTrees', value: { base: over.base } }
  assert.match(await asks(mesh, leader, other, term, ofTrees, 1_002), refused, 'of another family')
  assert.equal(await asks(mesh, leader, other, term, invite, 1_002), 'willing')
  other.agent.learning.rounds.ledger = undefined
  await opened(mesh, term, 1_003, over.base)
  assert.match(await asks(mesh, leader, other, term, invite, 1_003), refused, 'it holds none')
})

test('into a round that a host has left it does not come again, and into a later one it does', async () => {
  const mesh = await learners('left')
  const leader = mesh.leader!
  const other = mesh.follower
  const term = termOf(leader)
  const { base, number: last } = await oneRound(mesh)
  const invite: RoundStep = { ...invitation, value: { ...invitation.value, base } }
  const leaving: (() => Promise<unknown>)[] = [
    () => asks(mesh, leader, other, term, { kind: 'over', value: {} }, last + 1),
    async () => other.agent.learning.rounds.forget(),
    () => mesh.world.runFor(roundLimits.silenceMs + 1_000),
  ]
  for (const [i, leave] of leaving.entries()) {
    const number = last + 1 + i
    await opened(mesh, term, number, base)
    assert.equal(await asks(mesh, leader, other, term, invite, number), 'willing')
    await leave()
    assert.match(
      await asks(mesh, leader, other, term, invite, number),
      /in another round, or in none/,
    )
  }
})

test('within an hour a host takes part in so many rounds, and tells losses to a few digits', async () => {
  const mesh = await learners('hour')
  const leader = mesh.leader!
  const other = mesh.follower
  const { rounds } = other.agent.learning
  const told: RoundReply[] = []
  tampered(other, (_, reply) => {
    told.push(reply)
    return reply
  })
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  const vote = told.find((reply) => reply.kind === 'vote')
  assert.ok(vote?.kind === 'vote')
  for (const loss of [vote.value.before, vote.value.after]) {
    assert.equal(loss, Number(loss.toPrecision(roundLimits.lossDigits)))
  }
  rounds.ledger = { isOpen: async () => true }
  const term = termOf(leader)
  const invite = async (number: number) => {
    const body = encode(RoundQuestion, { term, number, step: invitation })
    const read = decode(RoundAnswer, await mesh.answer(rounds.answer(leader.host.id, body)))
    assert.ok(read.ok && read.value.reply.kind === 'refused')
    return read.value.reply.value.why
  }
  for (let i = 1; i <= roundLimits.roundsAnHourMax; i++) {
    const tooWild: RoundStep = { ...invitation, value: { ...invitation.value, rate: 1e9 } }
    const body = encode(RoundQuestion, { term, number: 2_000 + i, step: tooWild })
    await rounds.answer(leader.host.id, body)
  }
  assert.match(await invite(10_000), /1000 rounds within an hour/)
})

test('a host takes part only for whoever leads, in the turn that it knows, and within limits', async () => {
  const mesh = await learners('invited')
  const leader = mesh.leader!
  const [one, other] = mesh.members.filter((member) => member !== leader) as [Member, Member]
  const term = termOf(leader)
  assert.match(await asks(mesh, one, other, term, invitation), /another agent leads/)
  assert.match(await asks(mesh, leader, other, term - 1, invitation), /another turn/)
  assert.match(await asks(mesh, leader, other, term + 1, invitation), /another turn/)
  const train: RoundStep = { kind: 'train', value: {} }
  assert.match(await asks(mesh, leader, other, term, train), /another round, or in none/)
  await opened(mesh, term, 1_000)
  await opened(mesh, term, 1_001)
  const wild: RoundStep = { ...invitation, value: { ...invitation.value, rate: 1e9 } }
  assert.match(await asks(mesh, leader, other, term, wild), /rate/)
  assert.match(await asks(mesh, leader, other, term, invitation, 1_001), /has it not/)
  // The same turn and number again is no new round.
  assert.match(await asks(mesh, leader, other, term, invitation, 1_001), /another round/)
})

test('a host shows its update to nobody among strangers that only the leader knows', async () => {
  const mesh = await learners('strangers')
  const leader = mesh.leader!
  const other = mesh.follower
  const round = await oneRound(mesh)
  const term = termOf(leader)
  const { base } = round
  await opened(mesh, term, 1_000, base)
  const invite: RoundStep = { ...invitation, value: { ...invitation.value, base } }
  assert.equal(await asks(mesh, leader, other, term, invite), 'willing')
  assert.equal(await asks(mesh, leader, other, term, { kind: 'train', value: {} }), 'done')
  const participants = [other.host.id, 'sim-zzz1', 'sim-zzz2', 'sim-zzz3'].sort()
  const begin: RoundStep = {
    kind: 'begin',
    value: { round: new Uint8Array(32), participants, sketch: 64 },
  }
  assert.match(await asks(mesh, leader, other, term, begin), /not all who are to take part/)
})

test('a host gives nothing to a sum of two: the leader, who is the other, would know what it gave', async () => {
  const mesh = await learners('two')
  const leader = mesh.leader!
  const other = mesh.follower
  const term = termOf(leader)
  const { base } = await oneRound(mesh)
  const participants = [leader.host.id, other.host.id].sort()
  const begin: RoundStep = {
    kind: 'begin',
    value: { round: new Uint8Array(32), participants, sketch: 64 },
  }
  await opened(mesh, term, 1_000, base)
  const invite: RoundStep = { ...invitation, value: { ...invitation.value, base } }
  assert.equal(await asks(mesh, leader, other, term, invite), 'willing')
  assert.equal(await asks(mesh, leader, other, term, { kind: 'train', value: {} }), 'done')
  assert.match(
    await asks(mesh, leader, other, term, begin),
    /no round is to have such participants/,
  )
})

test('a host deals to no more hosts than it can without being held up', async () => {
  const mesh = await learners('many')
  const leader = mesh.leader!
  const other = mesh.follower
  const term = termOf(leader)
  const { base } = await oneRound(mesh)
  await opened(mesh, term, 1_000, base)
  const invite: RoundStep = { ...invitation, value: { ...invitation.value, base } }
  assert.equal(await asks(mesh, leader, other, term, invite), 'willing')
  assert.equal(await asks(mesh, leader, other, term, { kind: 'train', value: {} }), 'done')
  const strangers = Array.from({ length: roundLimits.participantsMax }, (_, i) => `sim-zz${i + 10}`)
  const begin: RoundStep = {
    kind: 'begin',
    value: {
      round: new Uint8Array(32),
      participants: [other.host.id, ...strangers].sort(),
      sketch: 64,
    },
  }
  assert.match(await asks(mesh, leader, other, term, begin), /more than 24 hosts/)
})

test('a host whose history is made to forget in the middle gives nothing of what it learned from it', async () => {
  for (const last of ['train', 'sketch', 'reveal'] as const) {
    const mesh = await learners(`purged ${last}`)
    const { agent } = mesh.follower
    const said: string[] = []
    agent.calls.serve(ROUND_SERVICE, async (from, body) => {
      const asked = decode(RoundQuestion, body)
      const isForgotten = agent.learning.history.size === 0
      const told = await agent.learning.rounds.answer(from, body)
      const read = decode(RoundAnswer, told)
      if (isForgotten && read.ok) said.push(read.value.reply.kind)
      if (asked.ok && asked.value.step.kind === last) await agent.learning.history.purge({})
      return told
    })
    const round = await oneRound(mesh)
    assert.equal(round.state, 'kept', round.why)
    assert.equal(agent.learning.history.size, 0)
    assert.ok(said.length > 0 && said.every((kind) => kind === 'refused'), `${last}: ${said}`)
  }
})

/** All that goes over streams meanwhile, as it is before anything is encrypted; and what is given to masks. */
async function overheard(during: () => Promise<unknown>) {
  const frames: Uint8Array[] = []
  const updates: Int32Array[] = []
  const { send } = SimulatedStream.prototype
  const { mask } = MaskingClient.prototype
  SimulatedStream.prototype.send = function (frame) {
    frames.push(frame.slice())
    return send.call(this, frame)
  }
  MaskingClient.prototype.mask = function (hand, update) {
    updates.push(update.slice())
    return mask.call(this, hand, update)
  }
  try {
    await during()
  } finally {
    SimulatedStream.prototype.send = send
    MaskingClient.prototype.mask = mask
  }
  return { traffic: Buffer.concat(frames), updates }
}

test('what hosts send holds no row of their histories, and no update that is not masked', async () => {
  const mesh = await learners('overheard')
  const masked: Buffer[] = []
  for (const member of mesh.members) {
    tampered(member, (_, reply) => {
      if (reply.kind === 'masked') masked.push(Buffer.from(reply.value.values))
      return reply
    })
  }
  let round: Awaited<ReturnType<typeof oneRound>> | undefined
  const { traffic, updates } = await overheard(async () => {
    round = await oneRound(mesh)
  })
  assert.equal(round?.state, 'kept', round?.why)
  // What is looked for could be found: all but the leader's own masked updates are in it.
  assert.equal(masked.filter((bytes) => traffic.includes(bytes)).length, 4)
  assert.equal(updates.length, 5)
  const piece = 32
  let looked = 0
  for (const update of updates) {
    const known = update.filter((value) => value !== 0).length
    assert.ok(known > update.length / 4, String(known))
    // On the grid, and as floats of the size that they were.
    const weight = update.at(-1) as number
    const floats = Float32Array.from(update, (value) => value / weight)
    for (const bytes of [bytesOf(update), new Uint8Array(floats.buffer)]) {
      for (let at = 0; at + piece <= bytes.length; at += piece) {
        const part = Buffer.from(bytes.subarray(at, at + piece))
        // Weights of what never is are not changed.
        if (part.filter((byte) => byte !== 0).length < piece / 2) continue
        looked++
        assert.ok(!traffic.includes(part), `bytes ${at} to ${at + piece} of an update were sent`)
      }
    }
  }
  assert.ok(looked > 5 * 100, String(looked))
  let rows = 0
  for (const { host } of mesh.members) {
    for (const [, value] of host.platter.slice(within('learning/row/'))) {
      rows++
      const text = Buffer.from(value)
      const figures = text.subarray(text.indexOf('build') + 'build'.length)
      assert.ok(figures.length > 10)
      assert.ok(!traffic.includes(figures))
    }
  }
  assert.equal(rows, 5 * 120)
})
