/** Commands that others will feel ask first, or refuse where nobody can be asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confirm } from '../../coordinator/cli/confirm.ts'
import { leave } from '../../coordinator/cli/leave.ts'
import { turnModule } from '../../coordinator/cli/modules.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { sampleModule, sampleStatus } from '../api/stage.ts'
import { type Answer, fakeAgent, type Stage, says, stage } from './stage.ts'

const answer: Answer = (request, response) => {
  const documents: Record<string, unknown> = {
    '/api/v1/status': sampleStatus(3),
    '/api/v1/agent/leave': { schemaVersion: 1, done: true },
  }
  const modules = { schemaVersion: 1, node: 'n1', modules: [sampleModule] }
  says(JSON.stringify(documents[request.url ?? ''] ?? modules))(request, response)
}

const LEAVE = 'POST /api/v1/agent/leave'
const refused = { code: 'notConfirmed', exitCode: exitCodes.refused }

function answering(it: Stage, text: string): string[] {
  const asked: string[] = []
  it.io.ask = async (question) => {
    asked.push(question)
    return text
  }
  return asked
}

test('leaving without a terminal is refused, and names --yes', async (t) => {
  const agent = await fakeAgent(t, [answer])
  const { context } = stage(agent.address)
  const error = await leave(context).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof Problem)
  assert.deepEqual([error.code, error.exitCode], [refused.code, refused.exitCode])
  assert.match(error.why, /agent n1 at .* leaves mesh m \(2 other nodes\) and stops/)
  assert.equal(error.fix, 'add --yes')
  assert.ok(!agent.requests.includes(LEAVE))
})

test('with --yes it is done at once', async (t) => {
  const agent = await fakeAgent(t, [answer])
  const { context } = stage(agent.address, { yes: true })
  assert.equal(await leave(context), exitCodes.done)
  assert.deepEqual(agent.requests, [LEAVE])
})

test('on a terminal the question names what will be touched, and only a yes is a yes', async (t) => {
  for (const text of ['y', 'Yes', ' YES ']) {
    const agent = await fakeAgent(t, [answer])
    const it = stage(agent.address)
    const asked = answering(it, text)
    assert.equal(await leave(it.context), exitCodes.done)
    assert.match(asked.join(), /^the agent n1 at .* Go on\? \[y\/N\] $/)
    assert.ok(agent.requests.includes(LEAVE))
  }
  for (const text of ['', 'n', 'no', 'yesterday', 'ok']) {
    const agent = await fakeAgent(t, [answer])
    const it = stage(agent.address)
    answering(it, text)
    await assert.rejects(leave(it.context), refused)
    assert.ok(!agent.requests.includes(LEAVE), text)
  }
})

test('Ctrl-C at the question is an interruption, and nothing is done', async (t) => {
  const agent = await fakeAgent(t, [answer])
  const it = stage(agent.address)
  it.io.ask = async () => {
    it.interrupt()
    return ''
  }
  await assert.rejects(leave(it.context), { exitCode: exitCodes.interrupted })
  assert.ok(!agent.requests.includes(LEAVE))
})

test('closing an agent’s control API asks; stopping another part of it does not', async (t) => {
  const agent = await fakeAgent(t, [answer])
  const { context } = stage(agent.address)
  await assert.rejects(turnModule(context, 'stop', 'gateway', 'n2'), refused)
  assert.deepEqual(agent.requests, [])
  assert.equal(await turnModule(context, 'stop', 'telemetry', 'n2'), exitCodes.done)
  assert.equal(await turnModule(context, 'start', 'gateway', 'n2'), exitCodes.done)
  const sure = { ...context, yes: true }
  assert.equal(await turnModule(sure, 'stop', 'gateway', 'n2'), exitCodes.done)
})

test('what cannot be taken back takes its own word, and not a yes', async () => {
  for (const text of ['', 'y', 'yes', 'recove', 'RECOVER']) {
    const it = stage('http://127.0.0.1:1')
    const asked = answering(it, text)
    await assert.rejects(confirm(it.context, 'the ledger goes on alone', 'recover'), refused)
    assert.deepEqual(asked, ['the ledger goes on alone. Type recover to go on: '])
  }
  const it = stage('http://127.0.0.1:1')
  answering(it, ' recover\n')
  await confirm(it.context, 'the ledger goes on alone', 'recover')
})
