/** Rounds of trees among whole agents: what grows of them, who may be lost, and what nobody is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askedIn, askedTold } from '../../agent/learning/round/trees-wire.ts'
import {
  RoundAnswer,
  RoundQuestion,
  type RoundStep,
  refusal,
  roundRefusals,
} from '../../agent/learning/round/wire.ts'
import { Registry } from '../../coordinator/learning/registry.ts'
import { putRound, putTally, type Round, roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import type { GrownTree } from '../../models/federation/trees/structure.ts'
import { packedForest, wrongTrees } from '../../models/registry/forest-blob.ts'
import { hashOf } from '../../models/registry/sound.ts'
import { registryIn, shadowsIn } from '../../models/registry/versions.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Member, Mesh } from '../history/stage.ts'
import {
  ask,
  choose,
  ended,
  hostOf,
  inPhase,
  learners,
  oneRound,
  ROUND_SERVICE,
  remember,
  roundOf,
  tampered,
} from './learners.ts'

const treesOf = async (mesh: Mesh, hash: string) => {
  const learned = await mesh.answer(mesh.leader!.agent.learning.models.learned(hash))
  assert.ok(learned?.family === 'trees')
  return learned.trees
}

test('five hosts grow trees together, one bag a round, and what they are better off with is kept', async () => {
  const mesh = await learners('trees')
  const first = await oneRound(mesh, 'trees')
  assert.deepEqual([first.state, first.family, first.phase], ['kept', 'trees', 'ended'], first.why)
  assert.equal(first.base, hashOf(packedForest([])))
  const second = await oneRound(mesh, 'trees')
  assert.equal(second.state, 'kept', second.why)
  assert.equal(second.base, first.candidate)
  assert.ok((second.lossAfter ?? 1) < (first.lossAfter ?? 0))
  for (const { counted, before, after, upBytes, downBytes } of second.hosts) {
    assert.ok(counted && (after ?? 1) < (before ?? 0))
    assert.ok(upBytes > 5_000 && upBytes <= federationLimits.roundBytesMax, String(upBytes))
    assert.ok(downBytes > 5_000 && downBytes <= federationLimits.roundBytesMax, String(downBytes))
  }
  const one = await treesOf(mesh, first.candidate as string)
  const both = await treesOf(mesh, second.candidate as string)
  assert.deepEqual(both.slice(0, one.length), one)
  assert.ok(both.length > one.length && both.some(({ branches }) => branches.size > 0))
  const view = registryIn(mesh.leader!.agent.ledger.state)
  assert.deepEqual([view.treesHead, view.head], [second.candidate, undefined])
  assert.deepEqual([view.shadow?.hash, view.shadow?.family], [second.candidate, 'trees'])
  // Each host has made what it voted on: nothing of it was fetched.
  for (const { agent } of mesh.members) {
    assert.ok(agent.learning.models.has(second.candidate as string))
  }
})

test('the network and trees take turns where both are chosen, and neither is in the way of the other', async () => {
  const mesh = await learners('both')
  await choose(mesh, { family: 'both' })
  const after = await ask(mesh, 4)
  await ended(mesh, after + 3)
  const rounds = [1, 2, 3, 4].map((i) => roundOf(mesh, after + i)!)
  assert.deepEqual(
    rounds.map(({ family, state }) => `${family} ${state}`),
    ['net kept', 'trees kept', 'net kept', 'trees kept'],
  )
  const view = registryIn(mesh.leader!.agent.ledger.state)
  assert.deepEqual([view.head, view.treesHead], [rounds[2]?.candidate, rounds[3]?.candidate])
  assert.deepEqual(
    shadowsIn(view)
      .map(({ hash }) => hash)
      .sort(),
    [rounds[2]?.candidate, rounds[3]?.candidate].sort(),
  )
  // Rates and steps are of the network alone.
  assert.equal(roundsIn(mesh.leader!.agent.ledger.state).tally.kept, 2)
})

test('where hosts are no better off with the first bag trees are cut all the same', async () => {
  const mesh = await learners('near enough')
  const empty = hashOf(packedForest([]))
  const { tally, tallyRevision, settings } = roundsIn(mesh.leader!.agent.ledger.state)
  const { steps, rule } = settings
  const round: Round = {
    ...{ number: 1, revision: 0, state: 'rejected', phase: 'ended', term: 1, by: 'ada' },
    ...{ openedMs: 1, base: empty, hosts: [], why: '', steps, rule, liars: 0, noise: 0, clip: 1 },
    family: 'trees',
  }
  await mesh.ok(putRound(round))
  await mesh.ok(putTally({ ...tally, number: 1 }, tallyRevision))
  const next = await oneRound(mesh, 'trees')
  assert.deepEqual([next.state, next.base], ['kept', empty], next.why)
  const trees = await treesOf(mesh, next.candidate as string)
  assert.ok(trees.some(({ branches }) => branches.size > 0))
})

test('on a schedule trees grow by themselves', async () => {
  const mesh = await learners('schedule of trees')
  await mesh.call(mesh.follower, 'configureFederation', {
    body: { everyMs: 60_000, family: 'trees' },
  })
  await mesh.world.runFor(150_000)
  assert.deepEqual([roundOf(mesh, 2)?.by, roundOf(mesh, 2)?.family], ['the schedule', 'trees'])
})

test('with noise no trees are grown, for what is counted has none', async () => {
  const mesh = await learners('noise of trees')
  await mesh.call(mesh.follower, 'configureFederation', { body: { noise: 1 } })
  const asked = mesh.call(mesh.follower, 'askForRounds', { body: { count: 1, family: 'trees' } })
  await assert.rejects(asked, /has none/)
  const chosen = mesh.call(mesh.follower, 'configureFederation', { body: { family: 'trees' } })
  await assert.rejects(chosen, /has none/)
  // Whoever has put the wish there all the same.
  const round = await oneRound(mesh, 'trees')
  assert.equal(round.state, 'failed')
  assert.match(round.why, /what is counted for trees has none/)
  assert.equal(round.hosts.length, 0)
})

for (const last of ['count', 'deal', 'mask', 'reveal', 'voteTrees'] as const) {
  test(`a host that is killed in a bag as it is asked to ${last} is left behind, and the round goes on`, async () => {
    const mesh = await learners(`killed in trees ${last}`)
    await oneRound(mesh, 'trees')
    const victim = mesh.follower
    let times = 0
    victim.agent.calls.serve(ROUND_SERVICE, async (from, body) => {
      const asked = decode(RoundQuestion, body)
      // In the second sum of the bag, of which the first was with it.
      if (
        asked.ok &&
        asked.value.step.kind === last &&
        ++times === (last === 'voteTrees' ? 1 : 2)
      ) {
        victim.host.crash('kill')
        return new Promise(() => {})
      }
      return victim.agent.learning.rounds.answer(from, body)
    })
    const round = await oneRound(mesh, 'trees')
    assert.equal(victim.host.state, 'stopped')
    assert.equal(round.state, 'kept', round.why)
    assert.equal(hostOf(round, victim)?.out, 'silent')
    const isCounted = last === 'voteTrees'
    assert.equal(hostOf(round, victim)?.counted, isCounted)
    assert.equal(round.hosts.filter(({ counted }) => counted).length, isCounted ? 5 : 4)
    for (const { upBytes, downBytes } of round.hosts) {
      assert.ok(Math.max(upBytes, downBytes) <= federationLimits.roundBytesMax)
    }
  })
}

for (const phase of ['masking', 'voting'] as const) {
  test(`when the leader is killed while hosts are ${phase} of trees, the next one begins the round anew`, async () => {
    const mesh = await learners(`leader of trees killed ${phase}`)
    const number = (await ask(mesh, 1, 'trees')) + 1
    await inPhase(mesh, number, phase)
    mesh.leader!.host.crash('kill')
    const lost = await ended(mesh, number - 1)
    assert.equal(lost.state, 'failed')
    assert.match(lost.why, /its leader was lost/)
    const anew = await ended(mesh, number)
    assert.deepEqual([anew.state, anew.family, anew.by], ['kept', 'trees', 'ada'], anew.why)
    assert.equal(registryIn(mesh.leader!.agent.ledger.state).versions.length, 1)
  })
}

test('six hosts count in two halves, and rows that cannot be put their half out of it', async () => {
  const mesh = await learners('halves of trees', 6)
  await oneRound(mesh, 'trees')
  const liar = mesh.follower
  tampered(liar, (_, reply) => {
    if (reply.kind !== 'masked') return reply
    // Under its mask: as if it had counted more rows at a root than there may be.
    const values = Buffer.from(reply.value.values)
    values.writeInt32LE((values.readInt32LE(0) + 30_000) | 0, 0)
    return { kind: 'masked', value: { values } }
  })
  const round = await oneRound(mesh, 'trees')
  const told = hostOf(round, liar)
  assert.ok(told?.half !== undefined && round.spoiledHalf === told.half, JSON.stringify(round))
  assert.match(told.why ?? '', /no rows could give/)
  assert.equal(told.counted, false)
  assert.ok(round.state === 'kept' || round.state === 'rejected', round.why)
  assert.equal(round.hosts.filter(({ counted }) => counted).length, 3)
})

test('what a suspected host has a part in is not added', async () => {
  const mesh = await learners('suspects of trees', 5)
  const { tally, tallyRevision } = roundsIn(mesh.leader!.agent.ledger.state)
  await mesh.ok(putTally({ ...tally, suspects: [mesh.follower.host.id] }, tallyRevision))
  // Of five none can be spared: it is asked all the same.
  const round = await oneRound(mesh, 'trees')
  assert.equal(round.state, 'rejected')
  assert.match(round.why, /suspected had a part/)
})

test('each row of nodes is asked about once, and nobody who is honest refuses anything', async () => {
  const mesh = await learners('asked of trees')
  const seen: string[] = []
  tampered(mesh.follower, (_, reply) => {
    if (reply.kind === 'refused')
      seen.push(`${roundRefusals[reply.value.code]}: ${reply.value.why}`)
    return reply
  })
  const { agent } = mesh.leader!
  const ask = agent.calls.ask.bind(agent.calls)
  let sums = 0
  agent.calls.ask = (to, service, body, deadlineMs) => {
    const asked = service === ROUND_SERVICE ? decode(RoundQuestion, body) : undefined
    if (asked?.ok === true && to === mesh.follower.host.id && asked.value.step.kind === 'count')
      sums++
    return ask(to, service, body, deadlineMs)
  }
  await oneRound(mesh, 'trees')
  await oneRound(mesh, 'trees')
  // One sum of the first bag, which brings all to where rows are; of the next one for each row of nodes.
  assert.ok(sums > 2 && sums <= 1 + 6, String(sums))
  assert.deepEqual(seen, [])
})

test('a host whose history is false does not keep six others from growing trees that are good for them', async () => {
  const mesh = await learners('false of trees', 7, (index) => (index === 6 ? 0 : 120))
  const liar = mesh.members[6] as Member
  // As if all that it did took forty times as long.
  remember(liar, 120, 40)
  await mesh.world.runFor(2_000)
  const after = await ask(mesh, 10, 'trees')
  await ended(mesh, after + 9)
  const rounds = Array.from({ length: 10 }, (_, i) => roundOf(mesh, after + i + 1) as Round)
  assert.ok(rounds.every(({ state }) => state !== 'failed'))
  assert.ok(rounds.filter(({ state }) => state === 'kept').length >= 5)
  const [first] = rounds
  const last = rounds.findLast(({ state }) => state === 'kept')
  for (const { host } of mesh.members.slice(0, 6)) {
    const before = first?.hosts.find(({ id }) => id === host.id)?.before ?? 0
    const now = last?.hosts.find(({ id }) => id === host.id)?.after ?? Number.NaN
    assert.ok(now < 0.6 * before, `${host.name}: ${before} → ${now}`)
  }
})

test('when history is made to forget, nothing more is counted of it', async () => {
  const mesh = await learners('purged of trees')
  await oneRound(mesh, 'trees')
  const number = (await ask(mesh, 1, 'trees')) + 1
  await inPhase(mesh, number, 'masking')
  const { follower } = mesh
  follower.agent.learning.rounds.forget()
  const round = await ended(mesh, number - 1)
  assert.equal(hostOf(round, follower)?.counted, false)
  assert.match(hostOf(round, follower)?.why ?? '', /another round, or in none/)
  assert.equal(round.state, 'kept', round.why)
})

test('a host that lacks the forest fetches it beside the round, and takes part in the next', async () => {
  const mesh = await learners('lacks trees')
  const first = await oneRound(mesh, 'trees')
  const { follower } = mesh
  const { models } = follower.agent.learning
  const has = models.has.bind(models)
  models.has = (hash) => hash !== first.candidate && has(hash)
  const without = await oneRound(mesh, 'trees')
  assert.match(hostOf(without, follower)?.why ?? '', /fetches it for the next round/)
  assert.equal(without.hosts.filter(({ counted }) => counted).length, 4)
  await mesh.world.runFor(10_000)
  const next = await oneRound(mesh, 'trees')
  assert.equal(hostOf(next, follower)?.counted, true)
})

test('trees that are active are taken back without the network, and are grown on from what there was', async () => {
  const mesh = await learners('back')
  const net = await oneRound(mesh)
  const first = await oneRound(mesh, 'trees')
  const registry = new Registry(mesh.leader!.agent)
  await mesh.answer(registry.move(first.candidate as string, 'active', 'it looked good'))
  const second = await oneRound(mesh, 'trees')
  assert.equal(second.base, first.candidate)
  const back = await mesh.answer(registry.rollBack(undefined, 'it was bad'))
  assert.ok(back.ok, JSON.stringify(back))
  const view = registry.view()
  assert.deepEqual([view.head, view.treesHead], [net.candidate, undefined])
  assert.deepEqual(view.versions.map(({ state, family = 'net' }) => `${family} ${state}`).sort(), [
    'net shadow',
    'trees retired',
    'trees rolledBack',
  ])
})

test('what is asked of trees is the same after its way', () => {
  const asked = {
    ...({ bag: 1, about: 'cuts', spread: 1 } as const),
    trees: [{ features: [0, 3], branches: new Map([[0, { feature: 3, step: 1 }]]), nodes: [1] }],
  } as const
  assert.deepEqual(askedIn(askedTold(asked, 1)), asked)
  assert.equal(askedIn({ ...askedTold(asked, 1), about: 9 }), undefined)
})

test('a forest that is full is judged before another one is begun, and stands until that is better', async () => {
  const mesh = await learners('full of trees')
  const { hash, registry } = await withFullForest(mesh)
  const unjudged = await oneRound(mesh, 'trees')
  assert.equal(unjudged.state, 'failed')
  assert.match(unjudged.why, /as many trees as it may/)
  await mesh.answer(registry.move(hash, 'active', 'it is good'))
  const anew = await oneRound(mesh, 'trees')
  assert.deepEqual([anew.state, anew.base], ['kept', hashOf(packedForest([]))], anew.why)
  const view = registry.view()
  assert.deepEqual([view.active?.hash, view.treesHead], [hash, anew.candidate])
})

test('while a full forest waits to be judged, rounds of both are of the network and say why', async () => {
  const mesh = await learners('full of both')
  await choose(mesh, { family: 'both' })
  const { hash, registry } = await withFullForest(mesh)
  const after = await ask(mesh, 3)
  await ended(mesh, after + 2)
  const rounds = [1, 2, 3].map((i) => roundOf(mesh, after + i)!)
  for (const [i, { family, state, why, instead }] of rounds.entries()) {
    assert.equal(family, 'net')
    assert.notEqual(state, 'failed', why)
    // The first is the network's own.
    if (i === 0) assert.equal(instead, undefined)
    else assert.match(instead ?? '', /as many trees as it may/)
  }
  await mesh.answer(registry.move(hash, 'active', 'it is good'))
  const anew = await oneRound(mesh)
  assert.deepEqual([anew.family, anew.instead], ['trees', undefined])
})

test('of both, rounds of trees that fail do not end those of the network; where both fail it ends', async () => {
  const mesh = await learners('both fail')
  await choose(mesh, { family: 'both' })
  const refused = new Set<RoundStep['kind']>(['inviteTrees'])
  for (const { agent } of mesh.members) {
    const { rounds } = agent.learning
    const answer = rounds.answer.bind(rounds)
    rounds.answer = async (from, body) => {
      const asked = decode(RoundQuestion, body)
      assert.ok(asked.ok)
      const reply = refusal('tooFewRows', 'it has too little')
      return refused.has(asked.value.step.kind)
        ? encode(RoundAnswer, { reply })
        : answer(from, body)
    }
  }
  const after = await ask(mesh, 4)
  await ended(mesh, after + 3)
  const ends = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => roundOf(mesh, from + i + 1)!).map(
      ({ family, state }) => `${family} ${state}`,
    )
  assert.deepEqual(ends(after, 4), ['net kept', 'trees failed', 'net kept', 'trees failed'])
  refused.add('invite')
  await ask(mesh, 10)
  await ended(mesh, after + 4)
  await mesh.world.runFor(10_000)
  assert.deepEqual(ends(after + 4, 1), ['net failed'])
  assert.equal(roundsIn(mesh.leader!.agent.ledger.state).tally.number, after + 5)
})

/** As large as one may be, and a shadow that hosts have yet to judge. */
async function withFullForest(mesh: Mesh): Promise<{ hash: string; registry: Registry }> {
  const trees: GrownTree[] = []
  while (wrongTrees([...trees, wholeTree]) === undefined) trees.push(wholeTree)
  const registry = new Registry(mesh.leader!.agent)
  const hash = await mesh.answer(mesh.leader!.agent.learning.models.put(packedForest(trees)))
  const version = { hash, kind: 'duration', family: 'trees', parents: [], madeMs: 1 } as const
  await mesh.answer(registry.add({ ...version, hosts: 5, rows: 600 }))
  return { hash, registry }
}

/** Cut wherever it may be. */
const inner = 2 ** treesLimits.depthMax - 1
const wholeTree: GrownTree = {
  branches: new Map(Array.from({ length: inner }, (_, node) => [node, { feature: 0, step: 0 }])),
  leaves: new Map(Array.from({ length: inner + 1 }, (_, leaf) => [inner + leaf, [0, 0, 0.5]])),
}
