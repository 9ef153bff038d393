/** Federated rounds in which somebody is killed: a host at each step, or the leader in each phase. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoundQuestion } from '../../agent/learning/round/wire.ts'
import { registryIn } from '../../models/registry/versions.ts'
import { decode } from '../../protocol/wire/codec.ts'
import {
  ask,
  ended,
  hostOf,
  inPhase,
  learners,
  oneRound,
  ROUND_SERVICE,
  roundOf,
} from './learners.ts'

for (const last of ['train', 'begin', 'deal', 'mask', 'sketch', 'reveal', 'vote'] as const) {
  test(`a host that is killed as it is asked to ${last} is left behind, and the round goes on`, async () => {
    const mesh = await learners(`killed ${last}`)
    const victim = mesh.follower
    victim.agent.calls.serve(ROUND_SERVICE, async (from, body) => {
      const asked = decode(RoundQuestion, body)
      if (asked.ok && asked.value.step.kind === last) {
        victim.host.crash('kill')
        return new Promise(() => {})
      }
      return victim.agent.learning.rounds.answer(from, body)
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
