/**
 * Lies for the audit log: an agent of the mesh that writes deeds into it in the name of somebody else,
 * or from somewhere else. Nothing is lost by it, and all of it is written as that agent's word.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignedDoor } from '../../coordinator/api/door.ts'
import { gateOf } from '../../coordinator/api/ledger-gate.ts'
import type { AuditNote } from '../../coordinator/audit/deed.ts'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { asTold, isBy } from '../../coordinator/audit/hearsay.ts'
import { auditLimits } from '../../coordinator/audit/limits.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { Envelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { read } from '../../protocol/ledger/read.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { mend, partition } from '../../simulations/world/faults.ts'
import { type Member, Mesh } from '../history/stage.ts'
import {
  ada,
  commandOf,
  grantOf,
  issuer,
  issuerCertificate,
  keyNumber,
} from '../identity/parties.ts'

const always = { notBeforeMs: 0, notAfterMs: 9e12 }
const deed: AuditNote = { actor: 'ada', verb: 'run.kill', object: 'run r7', from: '::1 at n1' }

async function guarded(seed: string): Promise<{ mesh: Mesh; leader: Member; liar: Member }> {
  const mesh = await Mesh.of(seed, 3)
  for (const { agent } of mesh.members) {
    const { clock, disk } = agent.ports
    const door = new SignedDoor(agent.trust, { clock, disk })
    agent.ledger.guardAppends(gateOf(agent, door))
  }
  const { leader, follower } = mesh
  assert.ok(leader)
  return { mesh, leader, liar: follower }
}

function signedBy(name: string, wallMs: number, change = {}): Uint8Array {
  const command = commandOf({
    verb: 'run.kill',
    object: 'r7',
    issuedMs: wallMs,
    expiresMs: wallMs + 30_000,
    ...change,
  })
  const leaf = issueCertificate(grantOf(ada, { name, roles: ['admin'], ...always }), issuer)
  return encode(Envelope, sealEnvelope(command, { leaf, issuer: issuerCertificate(always) }, ada))
}

const lastOf = ({ agent }: Member) =>
  read(agent.ledger.state, { kind: 'auditList' }).value.items.at(-1) ?? assert.fail('an entry')

const tailOf = (id: string) => `…${id.slice(-8)}`

test('a deed that an agent puts down to a person who has not signed it is what that agent says', async () => {
  const { mesh, leader, liar } = await guarded('hearsay')
  const said = `${liar.host.name} ${tailOf(liar.agent.id)} says: ada`
  const entries: Command[] = [
    { kind: 'auditAppend', value: { ...deed, outcome: 'ok' } },
    { kind: 'batch', value: { commands: [], audit: deed } },
    {
      kind: 'batch',
      value: { commands: [{ kind: 'auditAppend', value: { ...deed, outcome: 'ok' } }] },
    },
  ]
  const wallMs = leader.agent.ports.clock.wall()
  const proofs: Record<string, Uint8Array | undefined> = {
    none: undefined,
    nonsense: Uint8Array.of(1, 2, 3),
    'of another': signedBy('eve', wallMs),
    'for another verb': signedBy('ada', wallMs, { verb: 'run.cancel' }),
    'for another object': signedBy('ada', wallMs, { object: 'r8' }),
    'from the future': signedBy('ada', wallMs + 600_000),
    'of another mesh': signedBy('ada', wallMs, { mesh: 'f'.repeat(64) }),
  }
  for (const command of entries) {
    for (const [what, proof] of Object.entries(proofs)) {
      const { ledger } = liar.agent
      const appended = await mesh.answer(ledger.append(command, { timeoutMs: 5_000, proof }))
      assert.equal(appended.kind, 'applied', what)
      assert.deepEqual([lastOf(leader).actor, lastOf(leader).outcome], [said, 'ok'], what)
      assert.equal(lastOf(leader).from, `${liar.host.name} (::1 at n1)`, what)
    }
  }
})

test('what the person has signed is theirs, whoever tells of it, and an agent speaks for itself', async () => {
  const { mesh, leader, liar } = await guarded('signed for')
  const { name } = liar.host
  const proof = signedBy('ada', leader.agent.ports.clock.wall())
  const value = { ...deed, from: `::1 at ${name}, key …abc`, outcome: 'ok' }
  const { ledger, id } = liar.agent
  await mesh.answer(ledger.append({ kind: 'auditAppend', value }, { timeoutMs: 5_000, proof }))
  assert.deepEqual([lastOf(leader).actor, lastOf(leader).from], ['ada', value.from])
  const own = { actor: id, verb: 'a.b', object: '', outcome: 'ok' }
  await mesh.answer(ledger.append({ kind: 'auditAppend', value: own }, { timeoutMs: 5_000 }))
  assert.deepEqual([lastOf(leader).actor, lastOf(leader).from], [id, name])
  const asLeader = { ...own, actor: leader.agent.id }
  await mesh.answer(ledger.append({ kind: 'auditAppend', value: asLeader }, { timeoutMs: 5_000 }))
  assert.equal(lastOf(leader).actor, `${name} ${tailOf(id)} says: ${leader.agent.id}`)
})

test('what waited on a disk for longer than a command is good for keeps who has signed it, and when', async () => {
  const { mesh, leader, liar } = await guarded('waited')
  const desk = new AuditDesk(liar.agent)
  await mesh.answer(desk.start())
  const others = mesh.members.filter((member) => member !== liar).map(({ host }) => host)
  const proof = signedBy('ada', leader.agent.ports.clock.wall())
  partition(mesh.world, [liar.host], others)
  await mesh.world.runFor(5_000)
  const from = liar.host.name
  const recorded = desk.record({ ...deed, from, outcome: 'ok' }, proof)
  assert.equal(await mesh.answer(recorded), 'waiting')
  await mesh.world.runFor(120_000)
  mend(mesh.world, [liar.host], others)
  await mesh.until(() => desk.waiting === 0, 'it is written', 120_000)
  const { actor, detail } = lastOf(mesh.leader as Member)
  assert.equal(actor, 'ada')
  assert.match(detail ?? '', /^signed \d{4}-\d\d-\d\dT.*; happened \d{4}-/)
  desk.stop()
})

test('no words and no length hide whose word it is', () => {
  const by = { id: keyNumber(7).id, name: 'n2' }
  const long = {
    ...deed,
    actor: `ada${' '.repeat(auditLimits.noteBytesMax)}`,
    from: 'x'.repeat(999),
  }
  assert.match(asTold(long, by, undefined).actor, /^n2 …\w{8} says: ada/)
  for (const from of [
    'n1',
    'n2, n1',
    '::1 at n1, key …abc',
    'n1 at n2 at n2',
    'x\n at n2',
    ' at n2',
  ]) {
    const told = asTold({ ...deed, actor: by.id, from }, by, undefined)
    assert.equal(told.from, `n2 (${from})`, JSON.stringify(from))
  }
  for (const from of ['n2', '::1 at n2', '10.0.0.7 at n2, key …abc', 'n2, key …abc']) {
    assert.equal(asTold({ ...deed, actor: by.id, from }, by, undefined).from, from)
  }
  assert.ok(isBy(asTold(deed, by, undefined).actor, 'ada'))
  assert.ok(!isBy(asTold(deed, by, undefined).actor, 'da'))
})
