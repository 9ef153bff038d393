/** `skein model ls/show/rollback`: what is shown, what is asked before, and how it ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list, rollBack, show } from '../../coordinator/cli/models.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { asked } from '../cli/stage.ts'

const one = 'a1'.repeat(32)
const two = 'b2'.repeat(32)
const live = { attempts: 60, n: 50, loss: 0.2, rival: 0.31, plain: 0.31, within: 0.78, hosts: 3 }
const active = {
  ...{
    hash: one,
    kind: 'duration',
    family: 'net',
    state: 'active',
    why: 'better: 0.200 beside 0.310',
  },
  ...{ sinceMs: Date.now() - 3_600_000, madeMs: Date.now() - 7_200_000, replaced: two },
  ...{ parents: [two], round: 12, hosts: 5, rows: 4_300, lossBefore: 0.41, lossAfter: 0.4 },
  ...{ head: true, live },
}
const retired = {
  ...{
    hash: two,
    kind: 'duration',
    family: 'net',
    state: 'retired',
    why: 'a better one is active',
  },
  ...{ sinceMs: Date.now() - 3_600_000, madeMs: Date.now() - 9_000_000, head: false },
  ...{ parents: [], hosts: 4, rows: 900 },
}
const all = { schemaVersion: 1, versions: [active, retired] }

test('versions are listed with their states, and how they do beside history', async (t) => {
  const { context, io, requests } = await asked(t, all)
  assert.equal(await list(context), exitCodes.done)
  assert.deepEqual(requests, ['GET /api/v1/models'])
  const [title = '', first = '', second = '', note] = io.said.split('\n')
  assert.match(title, /^VERSION +OF +STATE +SINCE .*JUDGED +LOSS +HISTORY +IN BAND +WHY/)
  assert.match(
    first,
    /^a1a1a1a1a1a1 +net +active\* +60m +12 +5 +4300 +60 +0\.200 +0\.310 +78% +better/,
  )
  assert.match(second, /^b2b2b2b2b2b2 +net +retired +60m +– +4 +900 +– +– +– +– +a better one/)
  assert.match(note ?? '', /training goes on from it/)
})

test('where no version was made, it is said how one comes about, and the exit code says so', async (t) => {
  const { context, io } = await asked(t, { schemaVersion: 1, versions: [] })
  assert.equal(await list(context), exitCodes.notFound)
  assert.match(io.talk, /skein federate round/)
})

test('a card says in words what a version is, what it was made of and how good it is', async (t) => {
  const host = { ...live, id: 'x', name: 'n2', n: 20, attempts: 20 }
  const features = [{ name: 'task', numbers: 40 }]
  const detail = { features, hidden: [48], numbers: 3_747, hosts: [host] }
  const { context, io } = await asked(t, { schemaVersion: 1, version: active, ...detail })
  assert.equal(await show(context, 'duration', {}), exitCodes.done)
  const said = io.said.replaceAll(/\s+/g, ' ')
  assert.match(said, new RegExp(`version ${one}`))
  assert.match(said, /parents b2b2b2b2b2b2/)
  assert.match(said, /about 4300 attempts on 5 hosts, whose rows stay there/)
  assert.match(said, /loss 0\.400 on rows that hosts do not train on; its base 0\.410/)
  assert.match(said, /loss 0\.200 beside 0\.310 of history alone, by the latest 50 of 60 attempts/)
  assert.match(said, /78% took as long as it said/)
  assert.match(said, /n2 20 0\.200 0\.310 78%/)
})

test('what a stage is expected to take is told host by host, with who says so and why', async (t) => {
  const range = { p10: 900, p50: 1_500, p90: 3_000 }
  const factors = [
    { name: 'task', factor: 1.001 },
    { name: 'input bytes', factor: 2.1 },
    { name: 'host speed', factor: 0.8 },
  ]
  const hosts = [
    {
      ...{ id: 'x', name: 'n1', says: 'model', version: one, proven: true, factors },
      ...{ bare: range, corrected: range, history: { ...range, p50: 2_000, n: 7 } },
    },
    { id: 'y', name: 'n2', says: 'history', history: { ...range, n: 9 } },
    { id: 'z', name: 'n3', says: 'nothing' },
  ]
  const told = { schemaVersion: 1, stage: 'build', workflow: 'release', task: 'script/make/0' }
  const { context, io, requests } = await asked(t, { ...told, hosts })
  const flags = { explain: 'build', workflow: 'release' }
  assert.equal(await show(context, 'duration', flags), exitCodes.done)
  assert.deepEqual(requests, ['GET /api/v1/models/explanation?stage=build&workflow=release'])
  const [head, , first = '', second = '', third = ''] = io.said.split('\n')
  assert.equal(head, 'stage build of release (script/make/0)')
  assert.match(
    first,
    /^n1 +900ms +1\.5s +3\.0s +a1a1a1a1a1a1 +2\.0s +1\.5s +input bytes ×2\.10, host speed ×0\.80$/,
  )
  assert.match(second, /^n2 +900ms +1\.5s +3\.0s +history n=9/)
  assert.match(third, /^n3 +– +– +– +unknown/)
})

test('work that nobody has done is unknown, and the exit code says so', async (t) => {
  const hosts = [{ id: 'z', name: 'n3', says: 'nothing' }]
  const told = { schemaVersion: 1, stage: 'build', workflow: 'w', task: 'script/make/0', hosts }
  const { context, io } = await asked(t, told)
  assert.equal(await show(context, 'duration', { explain: 'build' }), exitCodes.notFound)
  assert.match(io.said, /unknown: no host has done such work/)
})

test('hosts that have not answered in time are named, and the exit code says that it is not all', async (t) => {
  const history = { p10: 900, p50: 1_500, p90: 3_000, n: 9 }
  const told = { schemaVersion: 1, stage: 'build', workflow: 'w', task: 'script/make/0' }
  const known = { ...told, hosts: [{ id: 'y', name: 'n2', says: 'history', history }] }
  const unknown = { ...told, hosts: [{ id: 'z', name: 'n3', says: 'nothing' }] }
  for (const one of [known, unknown]) {
    const { context, io } = await asked(t, { ...one, silent: ['n4', 'n5'] })
    assert.equal(await show(context, 'duration', { explain: 'build' }), exitCodes.partly)
    assert.match(io.said, /^not heard in time: n4, n5$/m)
  }
})

test('what cannot be explained is refused before anybody is asked', async (t) => {
  const { context, requests } = await asked(t, all)
  await assert.rejects(show(context, one, { explain: 'build' }), { exitCode: exitCodes.usage })
  await assert.rejects(show(context, 'duration', { workflow: 'w' }), { exitCode: exitCodes.usage })
  assert.deepEqual(requests, [])
})

test('a version is taken back after a yes, with the reason that was given', async (t) => {
  const done = { schemaVersion: 1, was: one, active: two, done: true }
  const { context, io, bodies } = await asked(t, all, done)
  assert.equal(await rollBack({ ...context, yes: true }, undefined, 'too slow'), exitCodes.done)
  assert.deepEqual(JSON.parse(bodies[1] ?? ''), { reason: 'too slow', of: one })
  assert.match(io.talk, /a1a1a1a1a1a1 is taken back; hosts speak by b2b2b2b2b2b2/)
  const refused = await asked(t, all)
  await assert.rejects(rollBack(refused.context, undefined, 'too slow'), /not without a yes/)
})

test('where nobody leads it stays wished, and the exit code says that nobody answered', async (t) => {
  const { context, io } = await asked(t, all, { schemaVersion: 1, was: one, done: false })
  assert.equal(await rollBack({ ...context, yes: true }, two, 'too slow'), exitCodes.noAnswer)
  assert.match(io.talk, /it is wished/)
})
