/**
 * What people decide is decided by people also at the leader: every kind of command to the ledger,
 * with every way of not being signed for. A kind without its row in `origins` or here fails.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Admitted } from '../../agent/ledger/append-guard.ts'
import { SignedDoor } from '../../coordinator/api/door.ts'
import { LedgerGate, origins } from '../../coordinator/api/ledger-gate.ts'
import { putVersion } from '../../coordinator/config/rows.ts'
import {
  forgetToken,
  recordToken,
  recordTokenRevoked,
  recordUse,
} from '../../coordinator/joining/tokens.ts'
import { ISSUING } from '../../coordinator/joining/wire.ts'
import { putSettings } from '../../coordinator/learning/rounds/rows.ts'
import { usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import { NAMESPACE as FEDERATION } from '../../coordinator/learning/rounds/wire.ts'
import { putWish as putRounds } from '../../coordinator/learning/rounds/wish.ts'
import { putRollbackWish } from '../../coordinator/learning/wishes.ts'
import { recordRevocation } from '../../coordinator/people/register.ts'
import { putWish as putKeyWish, WISH_PREFIX } from '../../coordinator/secrets/key-rows.ts'
import {
  COPY_PREFIX,
  FENCE_KEY,
  KEY_PREFIX,
  MADE_KEY,
  ONCE_PREFIX,
  NAMESPACE as SECRETS,
  VALUE_PREFIX,
} from '../../coordinator/secrets/wire.ts'
import { putRow, putWish } from '../../coordinator/swarm/rows.ts'
import {
  FINISH_WISH,
  KEY_ROW,
  ROTATE_WISH,
  NAMESPACE as SWARM,
} from '../../coordinator/swarm/wire.ts'
import { modelsNamespace } from '../../models/registry/versions.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { Envelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import type { VerbName } from '../../protocol/identity/verbs.ts'
import { type Command, catalogue } from '../../protocol/ledger/catalogue.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import { configNamespace } from '../../protocol/ledger/namespaces.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Mesh } from '../history/stage.ts'
import {
  ada,
  envelopeOf,
  grantOf,
  keyNumber,
  nowMs,
  root,
  commandOf as saidBy,
  trust,
} from '../identity/parties.ts'
import { HandClock, MemoryDisk } from '../telemetry/made-host.ts'

type Sample = { verb: VerbName; value: object; by?: true } | 'agents' | 'leader'

/** What of each kind people decide, and under which verb. */
const samples: Readonly<Record<keyof typeof catalogue, Sample>> = {
  kvPut: { verb: 'user.add', value: { namespace: 'people', key: 'a', value: new Uint8Array() } },
  kvDelete: { verb: 'user.revoke', value: { namespace: 'revoked', key: 'a' } },
  configSet: { verb: 'node.vote', value: { key: 'voting/n1', value: 'never' } },
  configUnset: { verb: 'node.vote', value: { key: 'voting/n1' } },
  nodeLabelSet: { verb: 'node.label', value: { node: 'n1', name: 'a', value: 'b' } },
  nodeLabelUnset: { verb: 'node.label', value: { node: 'n1', name: 'a' } },
  nodeDrain: { verb: 'node.drain', value: { node: 'n1', reason: '' }, by: true },
  nodeUndrain: { verb: 'node.drain', value: { node: 'n1' } },
  nodeForget: { verb: 'node.leave', value: { node: 'n1' } },
  estopRaise: 'leader',
  estopReset: 'leader',
  auditAppend: 'agents',
  workflowPut: 'agents',
  workflowPublish: { verb: 'workflow.publish', value: { name: 'w', hash: '0' } },
  runStart: { verb: 'run.start', value: { run: 'r1' }, by: true },
  runAgain: { verb: 'run.retry', value: { run: 'r1' } },
  runCancel: { verb: 'run.cancel', value: { run: 'r1', reason: '' }, by: true },
  runKill: { verb: 'run.kill', value: { run: 'r1', reason: '' }, by: true },
  runVote: { verb: 'run.vote', value: { run: 'r1', stage: 's' }, by: true },
  signalSend: { verb: 'signal.send', value: { event: 'e' }, by: true },
  sessionOpen: 'agents',
  sessionClose: 'agents',
  sessionsExpire: 'leader',
  versionRaise: 'leader',
  runArchive: 'leader',
  workAdvance: 'leader',
  workWave: 'leader',
  workRace: 'leader',
  batch: 'agents',
}

const kinds = Object.keys(samples) as Command['kind'][]
const decided = kinds.filter((kind) => typeof samples[kind] === 'object')

function commandOf(kind: Command['kind'], by = 'ada'): { command: Command; verb: VerbName } {
  const sample = samples[kind]
  assert(typeof sample === 'object')
  const value = sample.by === true ? { ...sample.value, by } : sample.value
  return { command: { kind, value } as Command, verb: sample.verb }
}

/** Which asks. */
const host = keyNumber(30).id
const roles = ['admin', 'approver'] as const
const proofOf = (verb: VerbName, command = {}, holder = {}) =>
  encode(Envelope, envelopeOf({ verb, ...command }, { roles: [...roles], ...holder }))

const KEY_WISH = `${WISH_PREFIX}rotate`

/** Of an issuing key’s certificate. */
const issuing = 'ef'.repeat(16)

function gateAt(wallMs = nowMs, disk = new MemoryDisk()): LedgerGate {
  const door = new SignedDoor(trust, { clock: new HandClock(wallMs), disk })
  return new LedgerGate(
    door,
    () => 'n9',
    (serial) => serial === issuing,
  )
}

async function isLetIn(
  gate: LedgerGate,
  command: Command,
  proof: Uint8Array | undefined,
): Promise<Admitted['ok']> {
  const admitted = await gate.admit(command, proof, host)
  assert(admitted, 'somebody must vouch for it')
  return admitted.ok
}

test('every kind of command says who gives it', () => {
  assert.deepEqual(Object.keys(origins).sort(), Object.keys(catalogue).sort())
  assert.deepEqual(kinds.sort(), Object.keys(catalogue).sort())
})

test('what people decide is let in with their proof, alone and in a batch, and once', async () => {
  for (const kind of decided) {
    const { command, verb } = commandOf(kind)
    const batch = { kind: 'batch', value: { commands: [command] } } as Command
    for (const whole of [command, batch]) {
      const gate = gateAt()
      const proof = proofOf(verb)
      assert.equal(await isLetIn(gate, whole, proof), true, kind)
      assert.equal(await isLetIn(gate, whole, proof), false, `${kind} again`)
      assert.equal(await isLetIn(gate, whole, undefined), false, `${kind} without`)
    }
  }
})

test('no proof of another verb, mesh, person or time lets anything in, nor a weak one', async () => {
  const other = meshIdOf(keyNumber(9).id)
  for (const kind of decided) {
    const { command, verb } = commandOf(kind)
    const otherVerb = verb === 'estop.raise' ? 'run.kill' : 'estop.raise'
    const wrong: Record<string, Uint8Array> = {
      verb: proofOf(otherVerb),
      mesh: proofOf(verb, { mesh: other }),
      certificate: proofOf(verb, {}, { mesh: other }),
      role: proofOf(verb, {}, { roles: ['viewer'] }),
      host: proofOf(verb, {}, { kind: 'peer', roles: ['coordinator'] }),
      expired: proofOf(verb, { issuedMs: nowMs - 2, expiresMs: nowMs - 1 }),
      nonsense: Uint8Array.of(1, 2, 3),
    }
    for (const [what, proof] of Object.entries(wrong)) {
      assert.equal(await isLetIn(gateAt(), command, proof), false, `${kind}: ${what}`)
    }
    const sample = samples[kind]
    if (typeof sample !== 'object' || sample.by !== true) continue
    const inAnotherName = commandOf(kind, 'grace').command
    assert.equal(await isLetIn(gateAt(), inAnotherName, proofOf(verb)), false, `${kind}: name`)
  }
})

test('a proof stays used after a restart, and is free again where nothing was done', async () => {
  const disk = new MemoryDisk()
  const { command, verb } = commandOf('runKill')
  const proof = proofOf(verb)
  const gate = gateAt(nowMs, disk)
  const first = await gate.admit(command, proof, host)
  assert(first?.ok)
  first.settle(false)
  const second = await gate.admit(command, proof, host)
  assert(second?.ok, 'the leader did not propose it')
  second.settle(true)
  assert.equal(await isLetIn(gateAt(nowMs, disk), command, proof), false)
})

test('what agents do by themselves waits for nobody', () => {
  const kv = { kind: 'kvPut', value: { namespace: 'bench', key: 'a', value: new Uint8Array() } }
  assert.equal(gateAt().admit(kv as Command, undefined, host), undefined)
  const silent = ['batch', 'auditAppend']
  for (const kind of kinds.filter((it) => samples[it] === 'agents' && !silent.includes(it))) {
    assert.equal(gateAt().admit({ kind, value: {} } as Command, undefined, host), undefined, kind)
  }
})

test('what only the leader decides is taken from no other host, whatever is signed, nor in a batch', async () => {
  for (const kind of kinds.filter((each) => samples[each] === 'leader')) {
    const command = { kind, value: {} } as Command
    const batch = { kind: 'batch', value: { commands: [command] } } as Command
    for (const whole of [command, batch]) {
      assert.equal(await isLetIn(gateAt(), whole, proofOf('run.start')), false, kind)
    }
  }
})

test('each row of a join token is written by whoever may, and by nobody for another reason', async () => {
  const key = keyNumber(20).id
  const terms = { key, labels: {}, uses: 1, expiresMs: nowMs, by: 'ada', atMs: nowMs }
  const rows = {
    agent: [recordToken({ ...terms, role: 'agent' }), 'token.create'],
    coordinator: [recordToken({ ...terms, role: 'coordinator' }), 'token.coordinator'],
    revoked: [recordTokenRevoked('ab', 'ada', nowMs), 'token.revoke'],
    nonsense: [
      { kind: 'kvPut', value: { namespace: 'tokens', key: 'token/ab', value: Uint8Array.of(1) } },
      'token.coordinator',
    ],
  } as const
  const verbs = ['token.create', 'token.coordinator', 'token.revoke', 'user.add'] as const
  for (const [what, [command, verb]] of Object.entries(rows)) {
    for (const each of verbs) {
      const proof = each === 'token.coordinator' ? byMaster(each) : proofOf(each)
      assert.equal(await isLetIn(gateAt(), command, proof), each === verb, `${what}: ${each}`)
    }
  }
  const held = { ...terms, role: 'agent', id: 'ab', isRevoked: false, used: [] } as const
  const use = { peer: key, name: 'n', serial: 'cd', atMs: nowMs }
  const leaders = [recordUse({ ...held, usedRevision: 0 }, use), ...forgetToken('ab')]
  for (const command of leaders) {
    for (const each of verbs) assert.equal(await isLetIn(gateAt(), command, proofOf(each)), false)
  }
})

test('the certificate of an issuing key is taken back by the word for just that, of a master', async () => {
  const words = ['issuer.retire', 'issuer.rotate', 'user.revoke', 'user.add', 'user.renew'] as const
  for (const [serial, verbs] of [
    [issuing, ['issuer.retire']],
    ['ab'.repeat(16), ['user.revoke', 'user.add']],
  ] as const) {
    const command = recordRevocation(serial, 'rotated')
    for (const verb of words) {
      const proof = byMaster(verb, serial)
      const may = (verbs as readonly VerbName[]).includes(verb)
      assert.equal(await isLetIn(gateAt(), command, proof), may, `${verb} of ${serial}`)
      const batch = { kind: 'batch' as const, value: { commands: [command] } }
      assert.equal(await isLetIn(gateAt(), batch, byMaster(verb, serial)), may)
    }
  }
  const command = recordRevocation(issuing, 'rotated')
  const another = byMaster('issuer.retire', 'cd'.repeat(16))
  assert.equal(await isLetIn(gateAt(), command, another), false, 'of another one')
  const byAdmin = proofOf('issuer.retire', { object: issuing })
  assert.equal(await isLetIn(gateAt(), command, byAdmin), false, 'by an admin')
  const back = { kind: 'kvDelete', value: { namespace: 'revoked', key: issuing } } as const
  for (const verb of words) {
    assert.equal(await isLetIn(gateAt(), back, byMaster(verb, issuing)), false, 'it stays so')
  }
  for (const key of ['key', 'certificate', `retiring/${issuing}`]) {
    const put = {
      kind: 'kvPut',
      value: { namespace: ISSUING, key, value: Uint8Array.of(1) },
    } as const
    for (const verb of words) assert.equal(await isLetIn(gateAt(), put, byMaster(verb, key)), false)
  }
})

test('what people wish of the swarm key is theirs to write, and the key itself is the leader’s', async () => {
  const verbs = ['swarm.rotate', 'secret.set', 'token.create', 'user.add'] as const
  const wish = { madeMs: 0, by: 'ada', atMs: nowMs }
  for (const key of [ROTATE_WISH, FINISH_WISH] as const) {
    const command = putWish(key, wish)
    for (const each of verbs) {
      assert.equal(await isLetIn(gateAt(), command, proofOf(each)), each === 'swarm.rotate', each)
    }
    assert.equal(await isLetIn(gateAt(), command, undefined), false)
  }
  const made = { madeMs: 1, step: 'alone', sinceMs: 1, by: 'ada', was: 'a', now: 'b' } as const
  const rows = [
    putRow({ ...made, sealed: new Uint8Array(60), revision: 0 }),
    { kind: 'kvDelete', value: { namespace: SWARM, key: KEY_ROW } } as const,
  ]
  for (const command of rows) {
    for (const each of verbs) assert.equal(await isLetIn(gateAt(), command, proofOf(each)), false)
  }
})

test('what people wish of federated rounds is theirs to write, and what came of them the leader’s', async () => {
  const verbs = ['federate.round', 'federate.stop', 'federate.config', 'run.start'] as const
  const wishes = [
    ['federate.round', putRounds({ count: 1, by: 'ada', atMs: nowMs })],
    ['federate.stop', putRounds({ count: 0, by: 'ada', atMs: nowMs })],
    ['federate.config', putSettings(usualSettings, 'ada', nowMs)],
  ] as const
  for (const [verb, command] of wishes) {
    for (const each of verbs) {
      assert.equal(await isLetIn(gateAt(), command, proofOf(each)), each === verb, each)
    }
    assert.equal(await isLetIn(gateAt(), command, undefined), false)
  }
  for (const key of ['tally', 'round/0000000001', 'anything', 'wish', 'config']) {
    const value = Uint8Array.of(1)
    const rows: Command[] = [{ kind: 'kvDelete', value: { namespace: FEDERATION, key } }]
    if (key !== 'wish' && key !== 'config') {
      rows.push({ kind: 'kvPut', value: { namespace: FEDERATION, key, value } })
    }
    for (const command of rows) {
      for (const each of verbs) {
        assert.equal(await isLetIn(gateAt(), command, proofOf(each)), false, key)
      }
    }
  }
})

test('what is set for all hosts is a person’s to write, and nobody’s to take away', async () => {
  const values = { 'log.level': 'debug' }
  const version = { number: 1, values, by: 'ada', atMs: nowMs, set: ['log.level'], unset: [] }
  for (const command of putVersion(version, 0)) {
    const { key } = command.value as { key: string }
    for (const each of ['config.set', 'federate.config', 'node.vote', 'secret.set'] as const) {
      assert.equal(await isLetIn(gateAt(), command, proofOf(each)), each === 'config.set', key)
    }
    assert.equal(await isLetIn(gateAt(), command, undefined), false, key)
    const gone: Command = { kind: 'kvDelete', value: { namespace: configNamespace, key } }
    assert.equal(await isLetIn(gateAt(), gone, proofOf('config.set')), false, key)
  }
})

test('what is wished is wished in the name of whoever has signed for it', async () => {
  const of = 'a'.repeat(64)
  const wishes: [VerbName, (by: string, atMs?: number) => Command][] = [
    ['federate.round', (by, atMs = nowMs) => putRounds({ count: 1, by, atMs })],
    ['federate.stop', (by, atMs = nowMs) => putRounds({ count: 0, by, atMs })],
    ['federate.config', (by, atMs = nowMs) => putSettings(usualSettings, by, atMs)],
    ['model.rollback', (by, atMs = nowMs) => putRollbackWish({ of, by, reason: 'worse', atMs })],
    ['config.set', (by, atMs = nowMs) => versionBy(by, atMs)],
    ['swarm.rotate', (by, atMs = nowMs) => putWish(ROTATE_WISH, { madeMs: 0, by, atMs })],
    ['secret.rotate', (by, atMs = nowMs) => putKeyWish({ key: 'ab'.repeat(8), by, atMs })],
  ]
  for (const [verb, wishOf] of wishes) {
    const letIn = (command: Command) => isLetIn(gateAt(), command, proofOf(verb))
    assert.equal(await letIn(wishOf('ada')), true, verb)
    assert.equal(await letIn(wishOf('bob')), false, `${verb} in another name`)
    for (const atMs of [0, nowMs - 3_600_000, nowMs + 3_600_000, Number.MAX_SAFE_INTEGER]) {
      assert.equal(await letIn(wishOf('ada', atMs)), false, `${verb} at another time`)
    }
    const batch = { kind: 'batch', value: { commands: [wishOf('bob')] } } as Command
    assert.equal(await letIn(batch), false, `${verb} in another name, in a batch`)
    const { value } = wishOf('ada') as Extract<Command, { kind: 'kvPut' }>
    const torn: Command = { kind: 'kvPut', value: { ...value, value: Uint8Array.of(255, 255) } }
    assert.equal(await letIn(torn), false, `${verb} in nobody's name`)
  }
})

test('versions of models are the leader’s to write, and rolling back is a person’s to wish', async () => {
  const put = { namespace: modelsNamespace, value: Uint8Array.of(1) }
  const wish = putRollbackWish({ of: 'a'.repeat(64), by: 'ada', reason: 'worse', atMs: nowMs })
  for (const each of ['model.rollback', 'swarm.rotate', 'run.start'] as const) {
    const may = each === 'model.rollback'
    assert.equal(await isLetIn(gateAt(), wish, proofOf(each)), may, `wish by ${each}`)
  }
  assert.equal(await isLetIn(gateAt(), wish, undefined), false)
  const { key: wished } = wish.value as { key: string }
  const unwish: Command = { kind: 'kvDelete', value: { namespace: modelsNamespace, key: wished } }
  assert.equal(await isLetIn(gateAt(), unwish, proofOf('model.rollback')), false, 'no taking back')
  for (const key of [`version/${'a'.repeat(64)}`, 'head', 'anything']) {
    const { namespace } = put
    const rows: Command[] = [
      { kind: 'kvPut', value: { ...put, key } },
      { kind: 'kvDelete', value: { namespace, key } },
    ]
    for (const command of rows) {
      for (const each of ['model.rollback', 'swarm.rotate', 'run.start'] as const) {
        assert.equal(await isLetIn(gateAt(), command, proofOf(each)), false, key)
      }
      assert.equal(await isLetIn(gateAt(), command, undefined), false, key)
    }
  }
})

test('secrets and what is wished of their key are people’s to write, the key and its copies the leader’s', async () => {
  const verbs = ['secret.set', 'secret.remove', 'secret.rotate', 'swarm.rotate'] as const
  const put = (key: string, value = Uint8Array.of(1)): Command => ({
    kind: 'kvPut',
    value: { namespace: SECRETS, key, value },
  })
  const remove = (key: string): Command => ({
    kind: 'kvDelete',
    value: { namespace: SECRETS, key },
  })
  const id = 'ab'.repeat(8)
  const peer = keyNumber(20).id
  const wish = putKeyWish({ key: id, by: 'ada', atMs: nowMs })
  const may: [Command, readonly VerbName[]][] = [
    [put(`${VALUE_PREFIX}deploy`), ['secret.set', 'secret.remove']],
    [remove(`${VALUE_PREFIX}deploy`), ['secret.set', 'secret.remove']],
    [put(FENCE_KEY), ['secret.set']],
    [remove(FENCE_KEY), []],
    [wish, ['secret.rotate']],
    [remove(KEY_WISH), []],
  ]
  for (const key of [MADE_KEY, `${KEY_PREFIX}${peer}`, `${COPY_PREFIX}${id}/${peer}`]) {
    may.push([put(key), []], [remove(key), []])
  }
  may.push([put(`${ONCE_PREFIX}${id}/${peer}`), []], [remove(`${ONCE_PREFIX}${id}/${peer}`), []])
  for (const [command, who] of may) {
    const what = JSON.stringify(command)
    for (const each of verbs) {
      const batch = { kind: 'batch', value: { commands: [command] } } as Command
      for (const whole of [command, batch]) {
        assert.equal(await isLetIn(gateAt(), whole, proofOf(each)), who.includes(each), what)
      }
    }
    assert.equal(await isLetIn(gateAt(), command, undefined), false, what)
  }
})

function versionBy(by: string, atMs: number): Command {
  const [command] = putVersion({ number: 1, values: {}, by, atMs, set: [], unset: [] }, 0)
  assert(command)
  return command
}

function byMaster(verb: VerbName, object = 'r1'): Uint8Array {
  const leaf = issueCertificate(grantOf(ada, { roles: ['master'] }), root)
  return encode(Envelope, sealEnvelope(saidBy({ verb, object }), { leaf }, ada))
}

test('a host that lies decides nothing in a person’s name: the leader does not propose it', async () => {
  const mesh = await Mesh.of('liar', 3)
  const { leader, follower } = mesh
  assert.ok(leader)
  const { clock, disk } = leader.agent.ports
  const at = clock.wall()
  leader.agent.ledger.guardAppends(
    new LedgerGate(
      new SignedDoor(trust, { clock, disk }),
      () => 'n9',
      () => false,
    ),
  )
  const drain: Command = {
    kind: 'nodeDrain',
    value: { node: leader.agent.id, by: 'ada', reason: '' },
  }
  const append = (proof?: Uint8Array): Promise<Appended> =>
    mesh.answer(follower.agent.ledger.append(drain, { timeoutMs: 5_000, proof }))
  const always = { notBeforeMs: 0, notAfterMs: 9e12 }
  const { body, credential, signature } = envelopeOf(
    { verb: 'node.drain', issuedMs: at, expiresMs: at + 30_000 },
    { ...always, roles: ['master'] },
  )
  assert.equal((await append()).kind, 'refused')
  const forged = encode(Envelope, { body, credential, signature })
  const refused = await append(forged)
  assert.equal(
    refused.kind === 'refused' && refused.why,
    'notSigned',
    'no issuing key makes masters',
  )
  assert.equal(leader.agent.ledger.state.index, follower.agent.ledger.state.index)
})
