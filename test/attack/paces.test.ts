/**
 * What is refused on a stream costs the agent that refuses it next to nothing, however much of it
 * comes: whoever goes on is read no faster, on that stream alone, and nobody else is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estopDriverLimits } from '../../agent/estop/limits.ts'
import { linkLimits } from '../../agent/links/limits.ts'
import { refusalsOf } from '../../coordinator/api/queries.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import type { StopWord } from '../../protocol/estop/word.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { ballot, call, envelope, work } from '../../simulations/bench/fuzz-forgeries.ts'
import { admin, handsOf, operator, raiseOf, releaseOf, signed } from '../estop/words.ts'
import { type Member, Mesh } from '../history/stage.ts'
import { keyNumber } from '../identity/parties.ts'
import { entropyOf } from '../links/stage.ts'
import { hello, Intruder, standingOf, type Visit } from '../matrix/intruders.ts'

const { vainPerSecondMax } = linkLimits
/** By `linkQuotas` and `consensusQuotas` alike: twice of what is taken in a second, at once. */
const atOnce = 2 * vainPerSecondMax
const many = 1_500
const estop = '/skein/estop/1'
const entropy = entropyOf(7)

const vain: Record<string, { purpose: Purpose; counted: string; make(n: number): Uint8Array }> = {
  'questions that nobody serves': {
    purpose: '/skein/calls/1',
    counted: 'unknownService',
    make: (n) => envelope(call('nobody', Uint8Array.of(1)), { requestId: n + 1 }),
  },
  'questions that make no sense': {
    purpose: '/skein/calls/1',
    counted: 'badQuestion',
    make: (n) => envelope(call('ledger/append', Uint8Array.of(0xff)), { requestId: n + 1 }),
  },
  'one question, again and again': {
    purpose: '/skein/calls/1',
    counted: 'replayedRequest',
    make: () => envelope(call('node', Uint8Array.of(1)), { requestId: 1 }),
  },
  'words that only coordinators say of the log': {
    purpose: '/skein/consensus/1',
    counted: 'trustMissingRole',
    make: () => envelope(ballot(entropy)),
  },
  'work that only leaders give': {
    purpose: '/skein/work/1',
    counted: 'trustMissingRole',
    make: () => envelope(work(entropy)),
  },
}

async function greeted(mesh: Mesh, to: Member, name: string, purpose: Purpose): Promise<Visit> {
  const visit = await new Intruder(mesh, name, {}).visit(to, purpose)
  visit.send(hello)
  await mesh.world.runFor(300)
  assert.ok(visit.open, 'it is let in')
  return visit
}

for (const [what, { purpose, counted, make }] of Object.entries(vain)) {
  test(`${what} are read no faster than they may come`, async () => {
    const mesh = await Mesh.of(`paces ${counted} ${purpose}`, 3)
    const { leader } = mesh
    assert.ok(leader)
    const before = standingOf(mesh)
    const visit = await greeted(mesh, leader, 'liar', purpose)
    const count = () => refusalsOf(leader.agent)[counted] ?? 0
    const was = count()
    for (let n = 0; n < many; n++) {
      visit.send(make(n))
      if (n % 50 === 0) await mesh.world.runFor(1)
    }
    await mesh.world.runFor(1_000)
    const refused = count() - was
    assert.ok(refused > vainPerSecondMax, `${refused}: what it may say is heard`)
    assert.ok(refused <= atOnce + 2 * vainPerSecondMax, `${refused} of ${many}`)
    assert.ok(visit.open, 'and nothing else happens to it')
    // Beside it, all goes on.
    assert.deepEqual(standingOf(mesh), before)
    const value = { namespace: 'test', key: 'k', value: entropy.bytes(3) }
    const put = leader.agent.ledger.append({ kind: 'kvPut', value }, { timeoutMs: 5_000 })
    const appended = await mesh.answer(put)
    assert.equal(appended.kind, 'applied')
  })
}

const inFrames = (word: StopWord): Uint8Array =>
  envelope(encode(EstopFrame, { kind: 'words', value: { words: [word] } }))

/** Right in all but the signature under the certificate of whose word it is. */
function forged(): StopWord {
  const word = signed(raiseOf(), operator)
  word.hands[0]!.signature = new Uint8Array(64)
  return word
}

test('of one who forges stops nothing is looked at for a while; true ones are obeyed at once', async () => {
  const mesh = await Mesh.of('paces of stops', 3)
  const [first, second] = mesh.members
  assert.ok(first && second)
  const visit = await greeted(mesh, first, 'forger', estop)
  const { atOnce: most, perSecond } = estopDriverLimits.forgeries
  for (let n = 0; n < 200; n++) visit.send(inFrames(forged()))
  await mesh.world.runFor(1_000)
  const { badSignature = 0, afterForgeries = 0 } = refusalsOf(first.agent)
  assert.ok(badSignature > most && badSignature <= most + perSecond + 2, `${badSignature} checked`)
  assert.equal(badSignature + afterForgeries, 200)
  assert.ok(visit.open, 'it is not banned')
  // By gossip it is no better heard.
  const said = second.agent.estop.said(signed(raiseOf(), operator))
  assert.equal(said.kind, 'news')
  await mesh.world.runFor(200)
  assert.deepEqual(
    mesh.members.map(({ agent }) => agent.estop.isAnyInForce),
    [true, true, true],
  )
  // When it has waited, it is heard again.
  await mesh.world.runFor(10_000)
  visit.send(inFrames(forged()))
  await mesh.world.runFor(300)
  assert.equal(refusalsOf(first.agent).badSignature, badSignature + 1)
})

test('who passes on what is only refused here, by the calendar or by roles, is heard as before', async () => {
  const mesh = await Mesh.of('paces of the honest', 2)
  const [first] = mesh.members
  assert.ok(first)
  const visit = await greeted(mesh, first, 'old-friend', estop)
  const viewer = handsOf(keyNumber(6), { name: 'vic', roles: ['viewer'] })
  for (let n = 0; n < 60; n++) {
    visit.send(inFrames(signed(releaseOf(), admin)))
    visit.send(inFrames(signed(raiseOf(), viewer)))
  }
  visit.send(inFrames(signed(raiseOf(), operator)))
  await mesh.world.runFor(500)
  const { notYetValid, notAllowed } = refusalsOf(first.agent)
  assert.deepEqual([notYetValid, notAllowed, first.agent.estop.isAnyInForce], [60, 60, true])
})
