/** What was refused is in the audit log, and an attacker cannot fill that with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { auditLimits } from '../../coordinator/audit/limits.ts'
import { RefusalWatch } from '../../coordinator/audit/refusal-watch.ts'
import { read } from '../../protocol/ledger/read.ts'
import { Mesh } from '../history/stage.ts'

async function watched(seed: string) {
  const mesh = await Mesh.of(seed, 1)
  const agent = mesh.members[0]?.agent ?? assert.fail('a mesh has a member')
  const counts: Record<string, number> = { trustExpired: 7, throttled: 1 }
  const watch = new RefusalWatch(agent, new AuditDesk(agent), () => ({ ...counts }))
  watch.start()
  const entries = () =>
    read(agent.ledger.state, { kind: 'auditList' }).value.items.filter(
      ({ verb }) => verb === 'attempts.refuse',
    )
  return { mesh, agent, counts, watch, entries }
}

test('a refused attempt is written within seconds, with how many there were and why', async () => {
  const { mesh, agent, counts, watch, entries } = await watched('told')
  await mesh.world.runFor(60_000)
  assert.deepEqual(entries(), [], 'what was before the start is past')
  // A host that is busy answers late, and that is no attempt at anything.
  const late = { throttled: 4_000, ackNotAwaited: 300 }
  Object.assign(counts, { trustExpired: 9, badSignature: 5, ...late, 'api noToken': 1 })
  await mesh.world.runFor(auditLimits.refusalsLookMs + 1_000)
  const [entry, ...more] = entries()
  assert.deepEqual(more, [])
  assert.equal(entry?.actor, agent.id)
  assert.equal(entry?.outcome, 'refused')
  assert.match(entry?.object ?? '', /^8 in /)
  assert.equal(entry?.detail, 'badSignature 5, trustExpired 2, api noToken 1')
  watch.stop()
})

test('an attack of an hour comes to a dozen entries that tell all of it', async () => {
  const { mesh, counts, watch, entries } = await watched('hour')
  for (let second = 0; second < 3_600; second += 5) {
    counts.trustBadSignature = (counts.trustBadSignature ?? 0) + 50_000
    await mesh.world.runFor(5_000)
  }
  await mesh.world.runFor(auditLimits.refusalsLookMsMax)
  const told = entries()
  assert.ok(told.length >= 5 && told.length <= 15, `${told.length}`)
  const sum = told.reduce((all, { detail }) => all + Number(/ (\d+)$/.exec(detail ?? '')?.[1]), 0)
  assert.equal(sum, counts.trustBadSignature)
  // What is new after a quiet time is told at once again.
  await mesh.world.runFor(2 * auditLimits.refusalsLookMsMax)
  counts.trustBadSignature = (counts.trustBadSignature ?? 0) + 1
  await mesh.world.runFor(auditLimits.refusalsLookMs + 1_000)
  assert.equal(entries().length, told.length + 1)
  watch.stop()
})
