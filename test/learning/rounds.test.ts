/** Federated rounds among whole agents: what comes of them, what does not stop them, and what leaves hosts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
} from '../../agent/learning/round/wire.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { MaskingClient } from '../../models/federation/masking/client.ts'
import { bytesOf } from '../../models/federation/masking/fixed-point.ts'
import { registryIn } from '../../models/registry/versions.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { issuePerson } from '../../protocol/identity/issuing.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { DiskError, within } from '../../protocol/ports/disk.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { simulatedIssuer } from '../../simulations/world/credentials.ts'
import { SimulatedStream } from '../../simulations/world/stream.ts'
import { raiseOf, signed } from '../estop/words.ts'
import { type Member, type Mesh, termOf } from '../history/stage.ts'
import { keyNumber } from '../identity/parties.ts'
import {
  ask,
  choose,
  ended,
  inPhase,
  learners,
  oneRound,
  ROUND_SERVICE,
  remember,
  roundOf,
} from './learners.ts'

function follower(mesh: Mesh): Member {
  return mesh.follower
}

const hostOf = (round: Awaited<ReturnType<typeof oneRound>>, { host }: Member) =>
  round.hosts.find(({ id }) => id === host.id)

/** What that host says in rounds goes through `change` first; undefined for silence. */
function tampered(
  { agent }: Member,
  change: (step: RoundStep, reply: RoundReply) => RoundReply | Uint8Array | undefined,
): void {
  agent.calls.serve(ROUND_SERVICE, async (from, body) => {
    const asked = decode(RoundQuestion, body)
    const told = decode(RoundAnswer, await agent.rounds.answer(from, body))
    assert.ok(asked.ok && told.ok)
    const said = change(asked.value.step, told.value.reply)
    if (said === undefined) return new Promise(() => {})
    return said instanceof Uint8Array ? said : encode(RoundAnswer, { reply: said })
  })
}

test('five hosts learn together, and what they are better off with is kept', async () => {
  const mesh = await learners('kept')
  const beganMs = mesh.world.nowMs
  const first = await oneRound(mesh)
  assert.equal(first.state, 'kept', first.why)
  assert.ok(mesh.world.nowMs - beganMs < 10_000)
  assert.equal(first.hosts.filter(({ counted }) => counted).length, 5)
  for (const { before, after, upBytes, downBytes } of first.hosts) {
    assert.ok((after ?? 1) < (before ?? 0))
    assert.ok(upBytes > 15_000 && upBytes <= federationLimits.roundBytesMax, String(upBytes))
    assert.ok(downBytes > 0 && downBytes <= federationLimits.roundBytesMax, String(downBytes))
  }
  const view = registryIn(mesh.leader!.agent.ledger.state)
  assert.equal(view.head, first.candidate)
  assert.equal(view.shadow?.hash, first.candidate)
  assert.deepEqual(view.shadow?.parents, [first.base])
  const second = await oneRound(mesh)
  assert.equal(second.base, first.candidate)
  // Every host had it already.
  assert.ok(second.hosts.every(({ downBytes }) => downBytes < 25_000))
  assert.ok((second.lossBefore ?? 1) < (first.lossBefore ?? 0))
})

test('rounds that are asked for are done one after the other, and told to whoever looks', async () => {
  const mesh = await learners('asked')
  const { after, count } = await mesh.call(follower(mesh), 'askForRounds', { body: { count: 3 } })
  assert.deepEqual([after, count], [0, 3])
  await assert.rejects(
    mesh.call(follower(mesh), 'askForRounds', { body: { count: 1 } }),
    /to come already/,
  )
  await ended(mesh, 2)
  const told = await mesh.call(follower(mesh), 'federation')
  assert.deepEqual([told.awaited, told.round?.number], [0, 3])
  const { rounds } = await mesh.call(follower(mesh), 'federatedRounds')
  assert.deepEqual(
    rounds.map(({ number }) => number),
    [3, 2, 1],
  )
  assert.ok(rounds.every(({ hosts }) => hosts.every(({ name }) => /^n\d$/.test(name))))
  await mesh.world.runFor(5_000)
  assert.equal(roundOf(mesh, 4), undefined)
  const { entries } = await mesh.call(follower(mesh), 'audit', { query: { last: 100 } })
  assert.equal(entries.filter(({ verb }) => verb.startsWith('federation.')).length, 3)
  assert.equal(entries.filter(({ verb }) => verb === 'federate.round').length >= 1, true)
})

test('on a schedule rounds come by themselves, and stop when it is off', async () => {
  const mesh = await learners('schedule')
  await mesh.call(follower(mesh), 'configureFederation', { body: { everyMs: 60_000, steps: 5 } })
  await mesh.world.runFor(150_000)
  assert.deepEqual([roundOf(mesh, 2)?.by, roundOf(mesh, 2)?.steps], ['the schedule', 5])
  assert.equal(roundOf(mesh, 3), undefined)
  await mesh.call(follower(mesh), 'configureFederation', { body: { everyMs: 0 } })
  await mesh.world.runFor(150_000)
  assert.equal(roundOf(mesh, 3), undefined)
  assert.equal((await mesh.call(follower(mesh), 'federation')).settings.steps, 5)
})

test('a host with little to learn from is left out, and says so; a drained one is not asked', async () => {
  const mesh = await learners('little', 5, (index) => (index === 3 ? 7 : 120))
  const [, , , few, drained] = mesh.members as [Member, Member, Member, Member, Member]
  await mesh.call(follower(mesh), 'drain', {
    parameters: { node: drained.host.name },
    body: { drained: true, reason: 'disk' },
  })
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  assert.equal(hostOf(round, drained), undefined)
  assert.equal(hostOf(round, few)?.out, 'excused')
  assert.match(hostOf(round, few)?.why ?? '', /fewer than 20 attempts/)
})

test('with too few hosts that know anything nothing is done, and it says so', async () => {
  const mesh = await learners('few', 5, (index) => (index < 2 ? 120 : 0))
  const { after } = await mesh.call(follower(mesh), 'askForRounds', { body: { count: 4 } })
  const round = await ended(mesh, after)
  assert.deepEqual([round.state, round.candidate], ['failed', undefined])
  assert.match(round.why, /2 of 5 hosts have enough to learn from; 3 are needed/)
  await mesh.world.runFor(5_000)
  // The others would have failed, too.
  assert.equal(roundOf(mesh, after + 2), undefined)
  for (const member of mesh.members) remember(member, 60)
  await mesh.world.runFor(2_000)
  assert.equal((await oneRound(mesh)).state, 'kept')
})

test('where the leader’s disk is full nothing is begun, or kept, and it says so', async () => {
  const mesh = await learners('full')
  const { models } = mesh.leader!.agent
  const put = models.put.bind(models)
  models.put = () => Promise.reject(new DiskError('full', 'write: there is no room'))
  const unbegun = await oneRound(mesh)
  assert.deepEqual([unbegun.state, unbegun.hosts.length], ['failed', 0])
  assert.match(unbegun.why, /cannot keep a version: .*no room/)
  models.put = put
  const good = await oneRound(mesh)
  assert.equal(good.state, 'kept', good.why)
  models.put = () => Promise.reject(new DiskError('full', 'write: there is no room'))
  const lost = await oneRound(mesh)
  assert.equal(lost.state, 'failed')
  assert.match(lost.why, /no room/)
  models.put = put
  assert.equal((await oneRound(mesh)).base, good.candidate)
})

for (const last of ['train', 'begin', 'deal', 'mask', 'sketch', 'reveal', 'vote'] as const) {
  test(`a host that is killed as it is asked to ${last} is left behind, and the round goes on`, async () => {
    const mesh = await learners(`killed ${last}`)
    const victim = follower(mesh)
    victim.agent.calls.serve(ROUND_SERVICE, async (from, body) => {
      const asked = decode(RoundQuestion, body)
      if (asked.ok && asked.value.step.kind === last) {
        victim.host.crash('kill')
        return new Promise(() => {})
      }
      return victim.agent.rounds.answer(from, body)
    })
    const round = await oneRound(mesh)
    assert.equal(victim.host.state, 'stopped')
    assert.equal(round.state, 'kept', round.why)
    assert.equal(hostOf(round, victim)?.out, 'silent')
    // What it had sent before it died counts, where shares of its secrets are with the others.
    const hasSent = last === 'reveal' || last === 'vote'
    assert.equal(round.hosts.filter(({ counted }) => counted).length, hasSent ? 5 : 4)
  })
}

for (const phase of ['training', 'masking', 'voting'] as const) {
  test(`when the leader is killed while hosts are ${phase}, the next one begins the round anew`, async () => {
    const mesh = await learners(`leader killed ${phase}`)
    const number = (await ask(mesh)) + 1
    await inPhase(mesh, number, phase)
    const dead = mesh.leader!
    dead.host.crash('kill')
    const lost = await ended(mesh, number - 1)
    assert.equal(lost.state, 'failed')
    assert.match(lost.why, /its leader was lost/)
    const anew = await ended(mesh, number)
    assert.equal(anew.state, 'kept', anew.why)
    assert.ok(anew.term > lost.term)
    assert.equal(anew.by, 'ada')
    await mesh.world.runFor(5_000)
    assert.equal(roundOf(mesh, number + 2), undefined)
    assert.equal(registryIn(mesh.leader!.agent.ledger.state).versions.length, 1)
  })
}

interface Lie {
  readonly what: string
  readonly says: (step: RoundStep, reply: RoundReply) => RoundReply | Uint8Array | undefined
  readonly out?: 'silent' | 'refused' | 'notCounted'
  readonly why?: RegExp
  /** Nobody can say who it was: the round is lost, and nothing else. */
  readonly spoils?: true
}

const lies: readonly Lie[] = [
  {
    what: 'answers with garbage',
    says: () => Uint8Array.of(255, 254, 253),
    out: 'refused',
    why: /nonsense/,
  },
  {
    what: 'answers something else than it is asked',
    says: (step, reply) => (step.kind === 'deal' ? { kind: 'done', value: {} } : reply),
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'sends an update of another length',
    says: (_, reply) =>
      reply.kind === 'masked'
        ? { kind: 'masked', value: { values: reply.value.values.slice(4) } }
        : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'signs keys of another round',
    says: (_, reply) =>
      reply.kind === 'keys'
        ? { kind: 'keys', value: { ...reply.value, masking: reply.value.sharing } }
        : reply,
    out: 'refused',
    why: /badSignature/,
  },
  {
    what: 'votes with what is no number',
    says: (_, reply) => {
      if (reply.kind !== 'vote') return reply
      const told = Buffer.from(encode(RoundAnswer, { reply }))
      const loss = Buffer.alloc(8)
      loss.writeDoubleLE(reply.value.after)
      told.writeDoubleLE(Number.NaN, told.indexOf(loss))
      return new Uint8Array(told)
    },
    out: 'refused',
    why: /nonsense|malformed/,
  },
  {
    what: 'votes with what is no loss',
    says: (_, reply) =>
      reply.kind === 'vote' ? { kind: 'vote', value: { before: 0, after: -1 } } : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'votes against what is good',
    says: (_, reply) =>
      reply.kind === 'vote' ? { kind: 'vote', value: { before: 0.001, after: 1e9 } } : reply,
  },
  {
    what: 'says that it is thousands of updates long',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? {
            kind: 'sketch',
            value: {
              sums: [
                ...reply.value.sums.slice(0, -1).map((sum) => sum * 4_000),
                ...reply.value.sums.slice(-1),
              ],
            },
          }
        : reply,
    out: 'notCounted',
    why: /much longer/,
  },
  {
    what: 'wants to count for more than one host',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? { kind: 'sketch', value: { sums: reply.value.sums.map((sum) => sum * 4_000) } }
        : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'sends an update that is not what its sketch is of',
    says: (_, reply) =>
      reply.kind === 'masked'
        ? { kind: 'masked', value: { values: reply.value.values.map((byte) => byte ^ 90) } }
        : reply,
  },
  {
    what: 'lies a little in its sketch',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? { kind: 'sketch', value: { sums: reply.value.sums.map((sum) => sum + 1) } }
        : reply,
    spoils: true,
  },
]

for (const { what, says, out, why, spoils } of lies) {
  test(`a host that ${what} does no harm that lasts`, async () => {
    const mesh = await learners(`lies ${what}`)
    const liar = follower(mesh)
    tampered(liar, says)
    const round = await oneRound(mesh)
    if (spoils === undefined) assert.equal(round.state, 'kept', round.why)
    else assert.match(`${round.state}: ${round.why}`, /^failed: .*lied/)
    if (out !== undefined) assert.equal(hostOf(round, liar)?.out, out)
    if (why !== undefined) assert.match(hostOf(round, liar)?.why ?? '', why)
    const honest = round.hosts.filter(({ id }) => id !== liar.host.id)
    assert.ok(
      honest.every((host) => host.out === undefined),
      JSON.stringify(honest),
    )
  })
}

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
  const wild: RoundStep = { ...invitation, value: { ...invitation.value, rate: 1e9 } }
  assert.match(await asks(mesh, leader, other, term, wild), /rate/)
  assert.match(await asks(mesh, leader, other, term, invitation, 1_001), /has it not/)
  // The same turn and number again is no new round.
  assert.match(await asks(mesh, leader, other, term, invitation, 1_001), /another round/)
})

test('while the mesh is stopped no round is begun, whoever has asked for it', async () => {
  const mesh = await learners('stopped')
  const atMs = mesh.leader!.agent.ports.clock.wall()
  const signer = keyNumber(41)
  const { seed, certificate } = simulatedIssuer()
  const issuer = { signer: signerFromSeed(seed), certificate }
  const holder = { subject: signer.id, name: 'olga', roles: ['operator' as const], labels: {} }
  const credential = issuePerson(issuer, holder, 'ab'.repeat(16), atMs)
  const word = signed(raiseOf({ issuedMs: atMs }), { signer, credential })
  const body = { word: Buffer.from(encode(StopWord, word)).toString('base64url') }
  await mesh.call(mesh.leader!, 'sayStop', { body })
  const asked = mesh.call(follower(mesh), 'askForRounds', { body: { count: 1 } })
  await assert.rejects(asked, /nothing is begun/)
  const number = await ask(mesh)
  await mesh.world.runFor(10_000)
  assert.equal(roundOf(mesh, number + 1), undefined)
})

test('a host shows its update to nobody among strangers that only the leader knows', async () => {
  const mesh = await learners('strangers')
  const leader = mesh.leader!
  const other = follower(mesh)
  const round = await oneRound(mesh)
  const term = termOf(leader)
  const { base } = round
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

test('with noise it says the epsilon that it buys, and of how many rounds there is none', async () => {
  const mesh = await learners('noise')
  await oneRound(mesh)
  assert.equal((await mesh.call(follower(mesh), 'federation')).privacy, undefined)
  await choose(mesh, { noise: 2 })
  const round = await oneRound(mesh)
  assert.notEqual(round.state, 'failed', round.why)
  const { privacy } = await mesh.call(follower(mesh), 'federation')
  assert.deepEqual([privacy?.rounds, privacy?.without, privacy?.noise], [1, 1, 2])
  assert.ok(privacy && privacy.epsilonOthers > 0 && privacy.epsilonOthers < 10)
  assert.ok(privacy.epsilonLeader > privacy.epsilonOthers)
  await choose(mesh, { noise: 1 })
  await oneRound(mesh)
  const later = (await mesh.call(follower(mesh), 'federation')).privacy
  assert.ok(later && later.epsilonOthers > privacy.epsilonOthers)
})
