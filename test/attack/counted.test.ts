/**
 * Whatever is tried is counted under its reason by whoever refuses it, and is in the audit log within
 * seconds: one try of each, by strangers, by hosts of the mesh and by people.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentSchema } from '../../agent/links/envelope.ts'
import { CallFrame } from '../../agent/requests/calls.ts'
import { trustLimits } from '../../agent/trust/limits.ts'
import { introductionPurpose } from '../../agent/trust/purposes.ts'
import { callOf } from '../../coordinator/api/calls.ts'
import { dispatch } from '../../coordinator/api/dispatch.ts'
import { commandHeader, type Head, SignedDoor } from '../../coordinator/api/door.ts'
import { gateOf } from '../../coordinator/api/ledger-gate.ts'
import { refusedBy } from '../../coordinator/api/queries.ts'
import { routeAt } from '../../coordinator/api/routing.ts'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { auditLimits } from '../../coordinator/audit/limits.ts'
import { RefusalWatch } from '../../coordinator/audit/refusal-watch.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import type { StopWord } from '../../protocol/estop/word.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { type Grant, issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { type Command, Envelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { mintToken, type TokenWish } from '../../protocol/identity/token.ts'
import { read } from '../../protocol/ledger/read.ts'
import { type CarriedDigest, MembershipFrame } from '../../protocol/membership/messages.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { WorkFrame } from '../../protocol/work/messages.ts'
import { operator, raiseOf, releaseOf, signed } from '../estop/words.ts'
import { type Member, Mesh } from '../history/stage.ts'
import {
  ada,
  commandOf,
  grantOf,
  issuer,
  issuerCertificate,
  keyNumber,
  root,
} from '../identity/parties.ts'
import { assignment, purposeRows } from '../matrix/frames.ts'
import { hello, Intruder } from '../matrix/intruders.ts'
import { carried, gossip } from './digests.ts'

const always = { notBeforeMs: 0, notAfterMs: 9e12 }
const elsewhere = meshIdOf(keyNumber(9).id)
const here = '127.0.0.1:4131'

class Attacked {
  readonly mesh: Mesh
  readonly victim: Member
  readonly door: SignedDoor
  readonly #watch: RefusalWatch
  #intruders = 0

  private constructor(mesh: Mesh, victim: Member) {
    this.mesh = mesh
    this.victim = victim
    const { agent } = victim
    this.door = new SignedDoor(agent.trust, agent.ports)
    agent.ledger.guardAppends(gateOf(agent, this.door))
    const desk = new AuditDesk(agent)
    this.#watch = new RefusalWatch(agent, desk, () => refusedBy(agent, this.door))
    this.#watch.start()
  }

  static async with(seed: string, attack: (it: Attacked) => Promise<void>): Promise<void> {
    const mesh = await Mesh.of(seed, 3)
    const it = new Attacked(mesh, mesh.leader ?? assert.fail('somebody leads'))
    try {
      await attack(it)
    } finally {
      it.#watch.stop()
    }
  }

  get counts(): Record<string, number> {
    return refusedBy(this.victim.agent, this.door)
  }

  async intruder(change: Partial<Grant> | undefined): Promise<Intruder> {
    const intruder = new Intruder(this.mesh, `intruder${++this.#intruders}`, change)
    await this.mesh.world.runFor(1)
    return intruder
  }

  async send(by: Intruder, purpose: Purpose, bytes: Uint8Array): Promise<void> {
    const visit = await by.visit(this.victim, purpose)
    visit.send(hello)
    visit.send(bytes)
    await this.mesh.world.runFor(300)
  }

  /** Each of the reasons is counted, and told in the log. */
  async told(...reasons: string[]): Promise<void> {
    const { counts } = this
    for (const reason of reasons) assert.ok((counts[reason] ?? 0) > 0, `${reason} is not counted`)
    // Such an entry may stand behind another, for which the next one waits longer.
    await this.mesh.world.runFor(4 * auditLimits.refusalsLookMs + 1_000)
    const { items } = read(this.victim.agent.ledger.state, { kind: 'auditList' }).value
    const told = items.filter(({ verb, actor }) => {
      return verb === 'attempts.refuse' && actor === this.victim.agent.id
    })
    const details = told.map(({ detail }) => detail ?? '').join(', ')
    for (const reason of reasons) {
      assert.match(details, new RegExp(`(^|, )${reason} \\d`), `${reason} is not told`)
    }
  }
}

const strangers: Readonly<Record<string, Partial<Grant> | undefined>> = {
  trustNoCredential: undefined,
  trustExpired: { notAfterMs: 1 },
  trustNotYetValid: { notBeforeMs: 8e12 },
  trustForeignMesh: { mesh: elsewhere },
  trustNotItsOwn: { subject: keyNumber(9).id },
  trustMissingRole: { kind: 'person', roles: ['operator'] },
}

test('who comes without a certificate, or with one that is not good, is counted and told of', async () => {
  await Attacked.with('strangers counted', async (it) => {
    for (const change of Object.values(strangers)) {
      const intruder = await it.intruder(change)
      await it.send(intruder, '/skein/membership/1', Uint8Array.of(1))
      await it.mesh.world.runFor(trustLimits.strangerMs + 1_000)
    }
    const garbage = await it.intruder(undefined)
    const visit = await garbage.visit(it.victim, introductionPurpose)
    visit.send(Uint8Array.of(1, 2, 3))
    await it.mesh.world.runFor(1_000)
    await it.told(...Object.keys(strangers), 'trustMalformed')
  })
})

test('what a host of the mesh may not say, or says wrongly, is counted and told of', async () => {
  await Attacked.with('hosts counted', async (it) => {
    const agent = await it.intruder({})
    const vote = purposeRows['/skein/consensus/1']?.said.find(({ kind }) => kind === 'voteRequest')
    await it.send(agent, '/skein/consensus/1', vote?.bytes ?? assert.fail('a vote'))
    const coordinator = await it.intruder({ roles: ['coordinator'] })
    const assign = { term: 1_000, assignments: [assignment] }
    const frame = { payload: { kind: 'assign', value: assign } } as const
    await it.send(coordinator, '/skein/work/1', encode(sentSchema(WorkFrame), frame))
    await it.mesh.world.runFor(20_000)
    const garbled = await it.intruder({})
    await it.send(garbled, '/skein/work/1', Uint8Array.of(255, 255, 255))
    const curious = await it.intruder({})
    const call = { service: 'ledger/append', body: Uint8Array.of(255) }
    const question = encode(sentSchema(CallFrame), {
      requestId: 7,
      payload: { kind: 'call', value: call },
    })
    const visit = await curious.visit(it.victim, '/skein/calls/1')
    for (const bytes of [hello, question, question]) visit.send(bytes)
    await it.mesh.world.runFor(500)
    await it.told(
      'trustMissingRole',
      'notTheLeader',
      'undecodable',
      'badQuestion',
      'replayedRequest',
    )
  })
})

test('lies in gossip, and asks for artifacts that make no sense, are counted and told of', async () => {
  await Attacked.with('gossip counted', async (it) => {
    const owner = it.mesh.follower.agent.id
    const forger = await it.intruder({})
    const said = async (by: Intruder, lie: CarriedDigest) => {
      const frame = { payload: gossip(lie) }
      await it.send(by, '/skein/membership/1', encode(sentSchema(MembershipFrame), frame))
    }
    await said(forger, carried(forger, { owner }))
    const garbler = await it.intruder({})
    await said(garbler, { ...carried(garbler), incarnation: 2_000 })
    const asker = await it.intruder({})
    await it.send(asker, '/skein/artifacts/1', Uint8Array.of(255, 255, 255))
    await it.told('forgedDigest', 'garbledDigest', 'artifactsAskedWrong')
  })
})

test('words of stops that are not to be believed are counted and told of', async () => {
  await Attacked.with('stops counted', async (it) => {
    const intruder = await it.intruder({})
    const raise = signed(raiseOf(), operator)
    const forged = { ...raise.hands[0]!, signature: new Uint8Array(64) }
    const words: Readonly<Record<string, StopWord>> = {
      unsigned: signed(raiseOf()),
      badSignature: { ...raise, hands: [forged] },
      notAllowed: signed(releaseOf({ issuedMs: it.victim.agent.ports.clock.wall() }), {
        ...operator,
        credential: {
          leaf: issueCertificate(grantOf(ada, { roles: ['operator'], ...always }), issuer),
          issuer: issuerCertificate(always),
        },
      }),
      foreignMesh: signed(raiseOf({ mesh: elsewhere }), operator),
      malformed: { body: Uint8Array.of(1, 2, 3), hands: raise.hands },
    }
    for (const word of Object.values(words)) {
      const payload: EstopFrame = { kind: 'words', value: { words: [word] } }
      await it.send(intruder, '/skein/estop/1', encode(sentSchema(EstopFrame), { payload }))
    }
    assert.ok(!it.victim.agent.estop.isAnyInForce)
    await it.told(...Object.keys(words))
  })
})

test('what is asked of the control API without the right to is counted and told of', async () => {
  await Attacked.with('api counted', async (it) => {
    const wallMs = it.victim.agent.ports.clock.wall()
    const refused: string[] = []
    it.door.onRefusedAct = ({ why }) => refused.push(why)
    const by = (change: Partial<Grant>): Credential => ({
      leaf: issueCertificate(grantOf(ada, { roles: ['admin'], ...always, ...change }), issuer),
      issuer: issuerCertificate(always),
    })
    const { mesh } = it.victim.agent.trust
    const wish = { mesh, audience: here, issuedMs: wallMs, expiresMs: wallMs + 60_000 }
    const headWith = (authorization: string): Head => ({
      ...callOf('drain', { parameters: { node: 'n1' }, body: { drained: true, reason: '' } }),
      headers: { host: here, authorization },
    })
    const entered = (token: string) => {
      try {
        return it.door.enter(headWith(`Bearer ${token}`), 'node.drain')
      } catch {
        return undefined
      }
    }
    const minted = (change: Partial<TokenWish>, shown = by({}), signer = ada) =>
      mintToken({ ...wish, ...change }, shown, signer)
    entered('')
    const tokens: Readonly<Record<string, Promise<string>>> = {
      expired: minted({ issuedMs: wallMs - 50_000, expiresMs: wallMs - 1 }),
      notYetValid: minted({ issuedMs: wallMs + 120_000, expiresMs: wallMs + 130_000 }),
      livesTooLong: minted({ expiresMs: wallMs + 90_000 }),
      foreignMesh: minted({ mesh: elsewhere }),
      otherAudience: minted({ audience: '10.0.0.1:4131' }),
      badSignature: minted({}, by({}), keyNumber(8)),
      unknownIssuer: minted({}, { leaf: issueCertificate(grantOf(ada, always), keyNumber(8)) }),
      notAPerson: minted({}, by({ kind: 'peer', roles: ['coordinator'] })),
      notAllowed: minted({}, by({ roles: ['approver'] })),
      malformed: Promise.resolve('a.b.c'),
    }
    for (const token of Object.values(tokens)) assert.equal(entered(await token), undefined)
    const caller = entered(await minted({}))
    assert.ok(caller, 'as it should be')

    const call = callOf('drain', {
      parameters: { node: 'n1' },
      body: { drained: true, reason: '' },
    })
    const found = routeAt(call.method, call.path) ?? assert.fail('a route')
    const asked = async (change: Partial<Command> | undefined) => {
      const command = commandOf({
        verb: 'node.drain',
        object: 'n1',
        payload: callDigest(call),
        issuedMs: wallMs,
        expiresMs: wallMs + 30_000,
        ...change,
      })
      const envelope = encode(Envelope, sealEnvelope(command, by({}), ada))
      const header = Buffer.from(envelope).toString('base64url')
      const headers = change === undefined ? {} : { [commandHeader]: header }
      return () =>
        it.door.admit(found, { ...call, headers: { ...call.headers, ...headers } }, caller)
    }
    const good = await asked({})
    await it.mesh.answer(good())
    const acts = [good, await asked(undefined), await asked({ object: 'n2' })]
    for (const act of acts) await assert.rejects(it.mesh.answer(act()))
    // Of people who are known the log tells each act, and why it was refused.
    assert.match(refused.shift() ?? '', /^ada may not do that: node.drain takes the role operator/)
    assert.deepEqual(refused, [
      'it is signed for a call that was done before',
      'it is not signed',
      'it is signed for another call',
    ])
    const { signal } = new AbortController()
    const headers = { host: here, authorization: `Bearer ${await minted({})}` }
    for (const senseless of [{ body: Buffer.from('{"drained":') }, { query: 'what=ever' }]) {
      const reply = await dispatch(
        { ...call, headers, ...senseless },
        {},
        it.door,
        signal,
        () => {},
      )
      assert.equal(reply.status, 400)
    }
    const others = ['noToken', 'replayed', 'notSigned', 'otherCall', 'badCall']
    const all = [...Object.keys(tokens), ...others]
    await it.told(...all.map((why) => `api ${why}`))
  })
})

test('what a host hands to the ledger in a person’s name is counted and told of where they have not signed it', async () => {
  await Attacked.with('ledger counted', async (it) => {
    const liar = it.mesh.follower.agent
    const wallMs = it.victim.agent.ports.clock.wall()
    const command = commandOf({ verb: 'node.drain', issuedMs: wallMs, expiresMs: wallMs + 30_000 })
    const grant = { roles: ['master' as const], ...always }
    const shown = {
      leaf: issueCertificate(grantOf(ada, grant), issuer),
      issuer: issuerCertificate(always),
    }
    const drain = {
      kind: 'nodeDrain',
      value: { node: it.victim.agent.id, by: 'ada', reason: '' },
    } as const
    const proof = encode(Envelope, sealEnvelope(command, shown, ada))
    const byRoot = { leaf: issueCertificate(grantOf(ada, grant), root) }
    const late = { ...command, issuedMs: wallMs - 60_000, expiresMs: wallMs - 1 }
    const expired = encode(Envelope, sealEnvelope(late, byRoot, ada))
    for (const each of [proof, expired, undefined]) {
      const options = { timeoutMs: 5_000, proof: each }
      const { kind } = await it.mesh.answer(liar.ledger.append(drain, options))
      assert.equal(kind, 'refused')
    }
    // Its own deeds, and who was turned away there, it may tell of.
    const value = { actor: 'ada', verb: 'run.kill', object: 'r7', outcome: 'refused' }
    for (const deed of [value, { ...value, actor: liar.id, outcome: 'ok' }]) {
      const appended = liar.ledger.append(
        { kind: 'auditAppend', value: deed },
        { timeoutMs: 5_000 },
      )
      assert.equal((await it.mesh.answer(appended)).kind, 'applied')
    }
    assert.equal(it.counts['api unsignedDeed'], undefined)
    const done = { kind: 'auditAppend', value: { ...value, outcome: 'ok' } } as const
    await it.mesh.answer(liar.ledger.append(done, { timeoutMs: 5_000 }))
    await it.told('api notGranted', 'api expired', 'api notSigned', 'api unsignedDeed')
  })
})
