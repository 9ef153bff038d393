/** Which hosts are asked into a round, of many and of few. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Candidates, invitedOf } from '../../coordinator/learning/rounds/inviting.ts'
import { roundsLimits } from '../../coordinator/learning/rounds/limits.ts'
import type { Round } from '../../coordinator/learning/rounds/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { hostOf, learners, oneRound } from './learners.ts'

const named = (count: number) => Array.from({ length: count }, (_, i) => `host ${i}` as PeerId)

function of(hosts: readonly PeerId[], more: Partial<Candidates> = {}): Candidates {
  const known = { liars: new Set<string>(), suspects: [], rated: [], leftMin: 6 }
  return { here: hosts, holders: new Set(hosts), ...known, ...more }
}

test('of a hundred hosts only those are asked that have a copy of the ledger', () => {
  const hosts = named(100)
  const holders = new Set<string>(hosts.slice(0, 37))
  const chance = new SeededEntropy('hundred')
  for (let i = 0; i < 20; i++) {
    const invited = invitedOf(of(hosts, { holders }), chance)
    assert.equal(invited.hosts.length, roundsLimits.participantsMax)
    assert.ok(invited.hosts.every((host) => holders.has(host)))
    assert.equal(invited.barred.length, roundsLimits.barredMax, 'the round says so of the others')
    assert.ok(invited.barred.every(({ id, out }) => out === 'excused' && !holders.has(id)))
  }
})

/** How many suspects are left out, in the round in which most are. */
function leftOut(of: Candidates): number {
  const chance = new SeededEntropy('left out')
  const rounds = Array.from({ length: 40 }, () => invitedOf(of, chance))
  assert.ok(
    rounds.some(({ barred }) => barred.length === 0),
    'some rounds are with all',
  )
  return Math.max(...rounds.map(({ barred }) => barred.length))
}

test('suspects are left out only while enough others are left for a round', () => {
  const hosts = named(8)
  const suspects = hosts.slice(0, 2)
  assert.equal(leftOut(of(hosts, { suspects })), 2)
  assert.equal(leftOut(of(hosts.slice(0, 7), { suspects })), 1)
  assert.equal(leftOut(of(hosts.slice(0, 6), { suspects })), 0)
  assert.equal(leftOut(of(hosts, { suspects, leftMin: 8 })), 0)
})

test('whoever had nothing to say last time is not counted on', () => {
  const hosts = named(8)
  const suspects = hosts.slice(0, 2)
  const figures = { rows: 0, counted: false, upBytes: 0, downBytes: 0 }
  const line = (id: PeerId) => ({ ...figures, id, out: 'excused' as const })
  const round = { ...emptyRound, hosts: hosts.slice(6).map(line) }
  assert.equal(leftOut(of(hosts, { suspects, rated: [round] })), 0)
})

const emptyRound: Round = {
  ...{ number: 1, revision: 0, state: 'kept', phase: 'ended', term: 1, by: 'ada', openedMs: 1 },
  ...{ base: '0'.repeat(64), hosts: [], why: '', steps: 1, rule: 'norm-bound', liars: 0, noise: 0 },
  ...{ clip: 1, family: 'net' },
}

test('hosts that do not know of a round are no voices in it', async () => {
  const mesh = await learners('unaware', 7)
  const unaware = mesh.members.filter((member) => member !== mesh.leader).slice(0, 4)
  for (const { agent } of unaware) agent.learning.rounds.ledger = { isOpen: async () => false }
  const round = await oneRound(mesh)
  assert.equal(round.state, 'kept', round.why)
  for (const member of unaware) assert.equal(hostOf(round, member)?.out, 'refused')
})
