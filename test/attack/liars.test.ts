/**
 * Hosts of the mesh that lie: with a certificate that is good, for what it does not give them. Real
 * agents in the simulated world, and beside them one that says what it likes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentSchema } from '../../agent/links/envelope.ts'
import { Greeting } from '../../agent/trust/greeting.ts'
import { trustLimits } from '../../agent/trust/limits.ts'
import { refusalsOf } from '../../coordinator/api/queries.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { type StopWord, wordId } from '../../protocol/estop/word.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import { type CarriedDigest, MembershipFrame } from '../../protocol/membership/messages.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import { WorkFrame } from '../../protocol/work/messages.ts'
import { simulatedCredential } from '../../simulations/world/credentials.ts'
import { partition } from '../../simulations/world/faults.ts'
import { runs } from '../../simulations/world/programs.ts'
import { admin, bob, operator, raiseOf, releaseOf, signed } from '../estop/words.ts'
import { type Member, Mesh, termOf } from '../history/stage.ts'
import { grantOf, issuer, issuerCertificate, keyNumber } from '../identity/parties.ts'
import { ManualClock } from '../links/stage.ts'
import { assignment } from '../matrix/frames.ts'
import { hello, Intruder, standingOf, type Visit } from '../matrix/intruders.ts'
import { carried, gossip } from './digests.ts'

async function visited(liar: Intruder, victim: Member, purpose: Purpose): Promise<Visit> {
  const visit = await liar.visit(victim, purpose)
  visit.send(hello)
  return visit
}

async function says<F>(liar: Intruder, visit: Visit, schema: Schema<F>, payload: F): Promise<void> {
  visit.send(encode(sentSchema(schema), { payload }))
  await liar.mesh.world.runFor(300)
}

const leading = (term: number) => ({
  storage: 1,
  leads: true,
  votes: true,
  term,
  commit: 1e6,
  applied: 0,
  digest: '',
  stopped: false,
})

async function meshWith(seed: string, size: number, role: 'agent' | 'coordinator') {
  const mesh = await Mesh.of(seed, size)
  const { leader, follower } = mesh
  assert.ok(leader)
  const liar = new Intruder(mesh, 'liar', { roles: [role] })
  await mesh.world.runFor(1)
  return { mesh, leader, follower, liar, before: standingOf(mesh) }
}

// ── Who leads ───────────────────────────────────────────────────────────────────────────────────

test('an agent that says in gossip that it leads is followed by nobody, also where no leader is heard', async () => {
  const { mesh, follower, liar } = await meshWith('claims to lead', 3, 'agent')
  const others = mesh.members.filter((member) => member !== follower).map(({ host }) => host)
  // Carried by another, so that nobody has met the one who claims.
  const bearer = new Intruder(mesh, 'bearer', {})
  const visit = await visited(bearer, follower, '/skein/membership/1')
  partition(mesh.world, [follower.host], others)
  await mesh.until(() => follower.agent.ledger.leader === undefined, 'it hears no leader')
  await says(bearer, visit, MembershipFrame, gossip(carried(liar, { ledger: leading(1_000) })))
  const isKnown = follower.agent.membership.members().some(({ id }) => id === liar.id)
  assert.ok(isKnown, 'what it signed is heard')
  follower.agent.ports.network.learn(liar.id, [liar.host.address])
  for (let i = 0; i < 40; i++) {
    assert.notEqual(follower.agent.ledger.leader, liar.id)
    await mesh.world.runFor(100)
  }
  const command = {
    kind: 'kvPut',
    value: { namespace: 'a', key: 'b', value: new Uint8Array() },
  } as const
  const appended = await mesh.answer(follower.agent.ledger.append(command, { timeoutMs: 2_000 }))
  assert.equal(appended.kind, 'refused')
})

test('a coordinator that was never met is asked as the leader once it has shown who it is', async () => {
  const { mesh, follower, liar: honest } = await meshWith('leads indeed', 3, 'coordinator')
  const others = mesh.members.filter((member) => member !== follower).map(({ host }) => host)
  const bearer = new Intruder(mesh, 'bearer', {})
  const visit = await visited(bearer, follower, '/skein/membership/1')
  partition(mesh.world, [follower.host], others)
  await mesh.until(() => follower.agent.ledger.leader === undefined, 'it hears no leader')
  follower.agent.ports.network.learn(honest.id, [honest.host.address])
  await says(bearer, visit, MembershipFrame, gossip(carried(honest, { ledger: leading(1_000) })))
  await mesh.until(() => follower.agent.ledger.leader === honest.id, 'it is met', 5_000)
})

test('however many claim to lead, few are met at once, and each but seldom', () => {
  const clock = new ManualClock()
  const met: PeerId[] = []
  const greeting = new Greeting(clock, (peer) => {
    met.push(peer)
    return new Promise(() => {})
  })
  for (let n = 0; n < 200; n++) greeting.wish(keyNumber(n).id)
  assert.equal(met.length, trustLimits.greetingsMax)
  const again = new Greeting(clock, async (peer) => {
    met.push(peer)
  })
  met.length = 0
  for (let i = 0; i < 50; i++) again.wish(keyNumber(1).id)
  assert.equal(met.length, 1)
})

test('what a coordinator that does not lead assigns, cancels or calls committed is not done, in whatever term', async () => {
  const { mesh, leader, follower, liar, before } = await meshWith('assigns', 3, 'coordinator')
  const term = termOf(leader)
  for (const victim of [leader, follower]) {
    const visit = await visited(liar, victim, '/skein/work/1')
    const was = refusalsOf(victim.agent)
    for (const claimed of [0, term - 1, term, term + 1, term + 1_000]) {
      const assigned = { ...assignment, fence: { term: claimed, index: 1 } }
      const { id, fence } = assigned
      const frames: WorkFrame[] = [
        { kind: 'assign', value: { term: claimed, assignments: [assigned] } },
        {
          kind: 'cancel',
          value: { term: claimed, attempts: [{ id, fence, reason: 'forged', atOnce: true }] },
        },
        { kind: 'committed', value: { term: claimed, attempts: [{ id, fence }] } },
        { kind: 'inventoryRequest', value: { term: claimed, serial: 1 } },
      ]
      for (const frame of frames) await says(liar, visit, WorkFrame, frame)
    }
    await mesh.world.runFor(30_000)
    const is = refusalsOf(victim.agent)
    const more =
      (is.notTheLeader ?? 0) + (is.staleTerm ?? 0) - (was.notTheLeader ?? 0) - (was.staleTerm ?? 0)
    assert.equal(more, 20, 'each is counted')
    // But for its greeting it has heard nothing: no inventory, no report.
    assert.equal(visit.heard.length, 1)
  }
  assert.deepEqual(standingOf(mesh), before)
})

test('what is reported of an attempt by a host that does not run it is not taken', async () => {
  const programs = { prog: runs(60_000) }
  const mesh = await Mesh.of('reports', 3, { schedules: true, programs })
  const workflow = 'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: [prog] }\n'
  const { run } = await mesh.call(mesh.follower, 'startRun', { body: { workflow } })
  const unit = () => {
    const asked = { kind: 'unitGet', run: run.id, stage: 'a' } as const
    return read((mesh.leader as Member).agent.ledger.state, asked).value
  }
  await mesh.until(() => unit()?.fence !== undefined && unit()?.state === 'assigned', 'it runs')
  const { node, attempt, fence } = unit() ?? {}
  assert.ok(node && attempt && fence)
  const id = { run: run.id, stage: 'a', attempt }
  const finished = {
    outcome: { kind: 'succeeded' as const, value: { outputs: '{"x":666}' } },
    endedAtMs: 1,
    usage: {},
    logTail: 'forged',
  }
  const liar = new Intruder(mesh, 'liar', { roles: ['agent'] })
  await mesh.world.runFor(1)
  for (const victim of mesh.members) {
    const visit = await visited(liar, victim, '/skein/work/1')
    const report = { id, fence, news: { kind: 'finished' as const, value: finished } }
    await says(liar, visit, WorkFrame, { kind: 'reports', value: { reports: [report] } })
    const inventory = { term: fence.term, serial: 1, held: [], last: true }
    await says(liar, visit, WorkFrame, { kind: 'inventory', value: inventory })
  }
  await mesh.world.runFor(10_000)
  assert.deepEqual([unit()?.state, unit()?.node, unit()?.attempt], ['assigned', node, attempt])
})

// ── Who says what of whom ───────────────────────────────────────────────────────────────────────

test('a digest in the name of another is refused and counted, and its bearer shut out', async () => {
  const { mesh, leader, follower } = await meshWith('digests', 3, 'agent')
  const seen = () => {
    const found = leader.agent.membership.members().find(({ id }) => id === follower.agent.id)
    assert.ok(found)
    const { state, incarnation, digest } = found
    return { state, incarnation, left: digest.left, leads: digest.ledger?.leads }
  }
  const before = seen()
  const owner = follower.agent.id
  const lies: ((by: Intruder) => CarriedDigest)[] = [
    (by) => carried(by, { owner }),
    (by) => carried(by, { owner, left: true }),
    (by) => carried(by, { owner, ledger: leading(1_000) }),
    // Its own, under the label of another, or newer than it is.
    (by) => ({ ...carried(by), owner, incarnation: 2_000 }),
    (by) => ({ ...carried(by), incarnation: 2_000 }),
  ]
  for (const [number, lie] of lies.entries()) {
    // Whoever brings such a thing is shut out.
    const liar = new Intruder(mesh, `liar${number}`, {})
    await mesh.world.runFor(1)
    const visit = await visited(liar, leader, '/skein/membership/1')
    await says(liar, visit, MembershipFrame, gossip(lie(liar)))
    assert.ok(!visit.open && !leader.agent.peers.connected().includes(liar.id), `${number}`)
  }
  assert.deepEqual(seen(), before)
  const { forgedDigest, garbledDigest } = leader.agent.membership.refusals()
  assert.deepEqual({ forgedDigest, garbledDigest }, { forgedDigest: 3, garbledDigest: 2 })
})

test('accusations of one liar get nobody out of the mesh', async () => {
  const { mesh, leader, follower, liar, before } = await meshWith('accuses', 3, 'agent')
  const visit = await visited(liar, leader, '/skein/membership/1')
  const about = follower.agent.id
  const of = () => leader.agent.membership.members().find(({ id }) => id === about)
  for (let i = 0; i < 20; i++) {
    for (const rank of [1, 2]) {
      for (const by of [liar.id, leader.agent.id, about]) {
        const claim = { about, rank, by, incarnation: of()?.incarnation ?? 0, ageMs: 60_000 }
        await says(liar, visit, MembershipFrame, {
          kind: 'gossip',
          value: { news: { claims: [claim], digests: [] } },
        })
      }
    }
    assert.notEqual(of()?.state, 'dead')
  }
  await mesh.world.runFor(10_000)
  assert.equal(of()?.state, 'alive')
  assert.deepEqual(standingOf(mesh), before)
})

// ── Stops ───────────────────────────────────────────────────────────────────────────────────────

test('an agent releases no stop: not with its own certificate, another’s hand, or what was signed for something else', async () => {
  const { leader, liar } = await meshWith('releases', 3, 'coordinator')
  const { estop, ports } = leader.agent
  const visit = await visited(liar, leader, '/skein/estop/1')
  const always = { notBeforeMs: 0, notAfterMs: 9e12 }
  const issued = (change: object) => ({
    leaf: issueCertificate(grantOf(bob, { name: 'bob', ...always, ...change }), issuer),
    issuer: issuerCertificate(always),
  })
  const stop = signed(raiseOf(), operator)
  estop.said(stop)
  assert.ok(estop.isAnyInForce)
  const wallMs = ports.clock.wall()
  const saying = releaseOf({ ...estop.core.latch.nextRelease({ kind: 'mesh' }), issuedMs: wallMs })
  const good = { signer: bob, credential: issued({ roles: ['admin'] }) }
  const elsewhere = releaseOf({ covers: [{ id: 'ab'.repeat(16), epoch: 1 }], issuedMs: wallMs })
  const body = signed(saying).body
  const lies: Record<string, StopWord> = {
    unsigned: { body, hands: [] },
    'signed by a host': signed(saying, {
      signer: bob,
      credential: simulatedCredential(bob.id, 'liar', { roles: ['coordinator'] }),
    }),
    'signed by an operator': signed(saying, {
      signer: bob,
      credential: issued({ roles: ['operator'] }),
    }),
    'signed by a key that is not that person’s': signed(saying, {
      signer: keyNumber(66),
      credential: good.credential,
    }),
    'with the hand of the raise': { body, hands: stop.hands },
    'with the hand of another release': { body, hands: signed(elsewhere, good).hands },
    'with a certificate that has run out': signed(saying, {
      signer: bob,
      credential: issued({ roles: ['admin'], notAfterMs: 1 }),
    }),
    'with one of another time': signed(saying, admin),
    'of another mesh': signed({ ...saying, mesh: 'f'.repeat(64) as typeof saying.mesh }, good),
    'of another scope': signed({ ...saying, scope: { kind: 'run', run: 'r1' } }, good),
    'of a stop that nobody has raised': signed(elsewhere, good),
  }
  for (const [what, word] of Object.entries(lies)) {
    await says(liar, visit, EstopFrame, { kind: 'words', value: { words: [word] } })
    assert.ok(estop.isAnyInForce, what)
  }
  await says(liar, visit, EstopFrame, {
    kind: 'answers',
    value: {
      answers: [
        {
          word: new Uint8Array(Buffer.from(wordId(stop.body), 'hex')),
          state: 'done',
          killed: 0,
          tookMs: 0,
          why: '',
        },
      ],
    },
  })
  assert.ok(estop.isAnyInForce)
  const counts = refusalsOf(leader.agent)
  for (const why of ['unsigned', 'badSignature', 'notAllowed', 'expired', 'foreignMesh']) {
    assert.ok((counts[why] ?? 0) > 0, why)
  }
  await says(liar, visit, EstopFrame, {
    kind: 'words',
    value: { words: [signed(saying, good)] },
  })
  assert.ok(!estop.isAnyInForce, 'who may, does, whoever carries it')
})
