/** Rounds of six hosts and more, in two halves: who makes them worse is found out, under masks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putTally, type Round, roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { TrainingHost } from '../../models/federation/rounds/host.ts'
import { registryIn } from '../../models/registry/versions.ts'
import type { Member } from '../history/stage.ts'
import { ask, ended, hostOf, learners, oneRound, tampered } from './learners.ts'

/** What those hosts have learned goes the other way while that lasts. */
async function lying(liars: readonly Member[], during: () => Promise<void>): Promise<void> {
  const { update } = TrainingHost.prototype
  TrainingHost.prototype.update = async function (common, asked) {
    const honest = await update.call(this, common, asked)
    const lies = liars.some(({ host }) => host.id === this.signer.id)
    return lies ? honest?.map((value) => -value) : honest
  }
  try {
    await during()
  } finally {
    TrainingHost.prototype.update = update
  }
}

test('six hosts learn in two halves of three, within the bytes that a round may have', async () => {
  const mesh = await learners('halves', 6)
  const first = await oneRound(mesh)
  assert.equal(first.state, 'kept', first.why)
  for (const half of [1, 2]) {
    assert.equal(first.hosts.filter((host) => host.half === half).length, 3)
  }
  assert.ok(first.firstBy !== undefined && first.firstBy !== 0)
  const { id: leader } = mesh.leader!.agent
  for (const { id, upBytes, downBytes } of first.hosts) {
    assert.ok(upBytes <= federationLimits.roundBytesMax, String(upBytes))
    // The version before, and what came of each half and of both.
    assert.ok(id === leader || downBytes > 60_000, String(downBytes))
    assert.ok(downBytes <= federationLimits.roundBytesMax, String(downBytes))
  }
  const { shadow } = registryIn(mesh.leader!.agent.ledger.state)
  assert.deepEqual(
    [shadow?.hash, shadow?.hosts],
    [first.candidate, first.hosts.filter(({ counted }) => counted).length],
  )
})

test('fewer than six learn as one sum, for none is of fewer than three', async () => {
  const mesh = await learners('whole', 5)
  const round = await oneRound(mesh)
  assert.ok(round.hosts.every(({ half }) => half === undefined))
  assert.equal(round.firstBy, undefined)
})

test('suspicion is reckoned anew after a round in one sum, too', async () => {
  const mesh = await learners('cleared', 5)
  const { tally, tallyRevision } = roundsIn(mesh.leader!.agent.ledger.state)
  await mesh.ok(putTally({ ...tally, suspects: [mesh.follower.host.id] }, tallyRevision))
  await oneRound(mesh)
  assert.deepEqual(roundsIn(mesh.leader!.agent.ledger.state).tally.suspects, [])
})

test('an update that is much too long is named, and what the other half gave is kept', async () => {
  const mesh = await learners('too long in a half', 6)
  const liar = mesh.follower
  tampered(liar, (_, reply) => {
    if (reply.kind !== 'sketch') return reply
    const { sums } = reply.value
    const long = [...sums.slice(0, -1).map((sum) => sum * 4_000), ...sums.slice(-1)]
    return { kind: 'sketch', value: { sums: long } }
  })
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  const told = hostOf(round, liar)
  assert.ok(told?.half !== undefined && round.spoiledHalf === told.half)
  assert.deepEqual([told.out, told.counted], ['notCounted', false])
  assert.match(told.why ?? '', /much longer than those of others/)
  assert.equal(round.hosts.filter(({ half }) => half === told.half).length, 3)
})

test('what people wait for goes on after a round that too long an update has spoiled', async () => {
  const mesh = await learners('too long of three', 3)
  const liar = mesh.follower
  let isLying = true
  tampered(liar, (_, reply) => {
    if (reply.kind !== 'sketch' || !isLying) return reply
    const { sums } = reply.value
    const long = [...sums.slice(0, -1).map((sum) => sum * 4_000), ...sums.slice(-1)]
    return { kind: 'sketch', value: { sums: long } }
  })
  const number = await ask(mesh, 2)
  const spoiled = await ended(mesh, number)
  assert.equal(spoiled.state, 'failed')
  assert.match(hostOf(spoiled, liar)?.why ?? '', /much longer/)
  isLying = false
  assert.equal((await ended(mesh, number + 1)).state, 'kept')
})

test('a host of an older program, which says nothing of halves, votes all the same', async () => {
  const mesh = await learners('older', 6)
  const older = mesh.follower
  tampered(older, (_, reply) =>
    reply.kind === 'vote' ? { kind: 'vote', value: { ...reply.value, halves: [] } } : reply,
  )
  const round = await oneRound(mesh)
  assert.notEqual(round.state, 'failed', round.why)
  assert.notEqual(hostOf(round, older)?.out, 'refused')
  assert.ok(hostOf(round, older)?.before !== undefined)
})

test('who makes rounds worse one after the other is named, and left out of most that follow', async () => {
  const mesh = await learners('d1', 7)
  const liar = mesh.follower
  await lying([liar], async () => {
    let number = await ask(mesh, 30)
    const named = async () => (await mesh.call(mesh.follower, 'federation')).suspects
    while (number < 20 && (await named()).length === 0) await ended(mesh, number++)
    const [suspect, ...others] = await named()
    assert.deepEqual([suspect?.name, others.length], [liar.host.name, 0])
    assert.ok(suspect && suspect.worse > suspect.of / 2, JSON.stringify(suspect))
    const later: Round[] = []
    while (later.length < 8) later.push(await ended(mesh, number++))
    const without = later.filter((round) => hostOf(round, liar)?.out === 'suspected')
    assert.ok(without.length >= 4, String(without.length))
    const why = hostOf(without[0] as Round, liar)?.why ?? ''
    assert.match(why, /not asked: in the worse half of \d+ of \d+ rounds/)
    for (const { hosts } of without) {
      assert.equal(hosts.filter(({ half }) => half !== undefined).length, 6)
    }
  })
})

test('whoever votes against what most say is not heard after some rounds, and what it gives counts', async () => {
  const mesh = await learners('votes against', 7)
  const liar = mesh.follower
  tampered(liar, (_, reply) => {
    if (reply.kind !== 'vote') return reply
    const { before, after, halves, ...rest } = reply.value
    const opposite = (loss: number) => before ** 2 / loss
    const value = { ...rest, before, after: opposite(after), halves: halves.map(opposite) }
    return { kind: 'vote', value }
  })
  const unheard = ({ hosts }: Round) => hosts.flatMap(({ id, unheard: is }) => (is ? [id] : []))
  let number = await ask(mesh, 12)
  let round = await ended(mesh, number)
  while (unheard(round).length === 0 && number < 12) round = await ended(mesh, ++number)
  assert.deepEqual(unheard(round), [liar.host.id])
  const told = hostOf(round, liar)
  assert.match(told?.why ?? '', /vote does not count|better off without/)
  assert.ok(told?.before !== undefined && told.half !== undefined)
})

test('a half that somebody spoils is left out, and what the other gave is kept', async () => {
  const mesh = await learners('spoiled half', 7)
  const liar = mesh.follower
  tampered(liar, (_, reply) =>
    reply.kind === 'sketch'
      ? { kind: 'sketch', value: { sums: reply.value.sums.map((sum) => sum + 1) } }
      : reply,
  )
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  const half = hostOf(round, liar)?.half
  assert.ok(half !== undefined && round.spoiledHalf === half)
  for (const host of round.hosts) assert.equal(host.counted, host.half !== half, host.id)
  assert.match(hostOf(round, liar)?.why ?? '', /of its half: a host has lied/)
})
