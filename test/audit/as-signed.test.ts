/**
 * What is written of an act names all that the person has signed for: else whoever leads takes the word
 * of the host that was asked for a lie, writes the act down to that host, and counts it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { audited } from '../../coordinator/api/acts.ts'
import type { Handlers } from '../../coordinator/api/dispatch.ts'
import { acts, objectOf, routePaths } from '../../coordinator/api/route-paths.ts'
import type { RouteName } from '../../coordinator/api/routes.ts'
import { asSigned } from '../../coordinator/audit/deed.ts'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { isVouchedFor } from '../../coordinator/audit/hearsay.ts'
import { read } from '../../protocol/ledger/read.ts'
import { callerNamed } from '../api/doors.ts'
import { Mesh } from '../history/stage.ts'

type Call = (request: unknown) => Promise<unknown>

const nothingDone = Object.fromEntries(
  Object.keys(routePaths).map((name) => [name, async () => ({})]),
) as unknown as Handlers

/** As much of a body as some act needs to be put into words. */
const body = {
  set: {},
  unset: [],
  remove: [],
  stage: 's',
  event: 'e',
  count: 1,
  uses: 1,
  workflow: 'w',
}

test('every act is written down by what was signed for it', async () => {
  const mesh = await Mesh.of('as signed', 1)
  const member = mesh.leader ?? assert.fail('it leads')
  const { agent } = member
  const handlers = audited(nothingDone, new AuditDesk(agent), agent.settings.name)
  const by = { id: agent.id, name: agent.settings.name }
  const names = (Object.keys(routePaths) as RouteName[]).filter(
    (name) => acts(routePaths[name]) && name !== 'sayStop',
  )
  let withObject = 0
  for (const name of names) {
    const { path, verb } = routePaths[name]
    const parameters = Object.fromEntries(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter], i) => [parameter, `q${i}z${verb}`]),
    )
    const caller = callerNamed('ada')
    const call = { method: 'POST', path, query: '', headers: {}, body: new Uint8Array() }
    await mesh.answer(
      (handlers[name] as Call)({ parameters, body, query: {}, forwarded: false, caller, call }),
    )
    const { items } = read(agent.ledger.state, { kind: 'auditList' }).value
    const note = items.at(-1) ?? assert.fail('it is written')
    assert.equal(note.verb, verb, name)
    const object = objectOf(parameters)
    if (object !== '') withObject++
    const signed = { name: 'ada', verb, object, issuedMs: 0, isFresh: true }
    assert.ok(isVouchedFor(note, by, signed), `${name}: ${note.object} is not for ${object}`)
  }
  assert.ok(withObject > 15, 'most acts are done to something')
})

test('what is named by a part of its id, or by what it is, is written by its name and as it was signed for', async () => {
  assert.equal(asSigned('run abcdef', 'abc'), 'run abcdef')
  assert.equal(asSigned('run abcdef', '@latest'), 'run abcdef, asked for as @latest')
  const mesh = await Mesh.of('by its name', 1, { schedules: true })
  const leader = mesh.leader ?? assert.fail('it leads')
  const text = 'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { wait: 1h }\n'
  const { run } = await mesh.call(leader, 'startRun', { body: { workflow: text } })
  const last = () => read(leader.agent.ledger.state, { kind: 'auditList' }).value.items.at(-1)
  await mesh.call(leader, 'killRun', { parameters: { run: '@latest' }, body: { reason: 'x' } })
  assert.equal(last()?.object, `run ${run.id}, asked for as @latest`)
})
