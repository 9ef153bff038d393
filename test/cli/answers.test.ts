/** Whatever listens at the address, the command line says in one line what is wrong with it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { Client } from '../../coordinator/cli/client.ts'
import { clientLimits } from '../../coordinator/cli/limits.ts'
import { run } from '../../coordinator/cli/program.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { signedInAsAda } from '../api/doors.ts'
import { sampleStatus } from '../api/stage.ts'
import { adasEnvironment } from './key.ts'
import { type Answer, fakeAgent, fakeSocket, refuses, says, stage, Terminal } from './stage.ts'

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const caught = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(caught instanceof Problem, `no problem, but ${caught}`)
  assert.doesNotMatch(caught.message, /\n/, 'one line')
  return caught
}

const never = new AbortController().signal

async function run1(args: string[], address: string): Promise<{ code: number; io: Terminal }> {
  const io = new Terminal()
  io.env = adasEnvironment()
  const programs = {} as Parameters<typeof run>[1]
  return { code: await run([...args, '--address', address], programs, io), io }
}

test('what is not an agent’s answer is told as such, in one line', async (t) => {
  const cases: [Answer, RegExp][] = [
    [says('<html>hello</html>', 'text/html'), /it sends text\/html, status 200/],
    [says('<html>none</html>', 'text/html; charset=utf-8', 404), /text\/html, status 404/],
    [says('moved', 'text/plain', 302), /status 302/],
    [says('{"nodes": [', 'application/json'), /is not JSON/],
    [says('', 'application/json'), /is not JSON/],
    [says('null'), /no document/],
    [says('[1]'), /no document/],
    [says('"text"'), /no document/],
    [says('{}'), /no version/],
    [says('{"schemaVersion":"1"}'), /no version/],
    [says('{"ok":false}', 'application/json', 500), /says 500 and no reason/],
    [says('{"error":null}', 'application/json', 500), /says 500 and no reason/],
    [says('{"error":{"code":7,"why":[]}}', 'application/json', 500), /says 500 and no reason/],
  ]
  for (const [answer, words] of cases) {
    const agent = await fakeAgent(t, [answer])
    const problem = await problemOf(
      new Client(agent.address, signedInAsAda(), never).call('status'),
    )
    assert.equal(problem.code, 'notSkein')
    assert.equal(problem.exitCode, exitCodes.noAnswer)
    assert.match(problem.why, words)
    assert.match(problem.why, new RegExp(agent.address))
    assert.match(problem.fix, /--address/)
  }
})

test('a document of the right version and the wrong shape is the agent’s mistake, not a stack', async (t) => {
  const wrong = [
    '{"schemaVersion":1}',
    '{"schemaVersion":1,"mesh":null,"agent":{},"nodes":[]}',
    JSON.stringify({ ...sampleStatus(1), nodes: [{}] }),
    JSON.stringify({ ...sampleStatus(1), nodes: 'many' }),
  ]
  for (const body of wrong) {
    const { address } = await fakeAgent(t, [says(body)])
    const { code, io } = await run1(['status'], address)
    assert.equal(code, exitCodes.noAnswer, body)
    assert.match(io.talk, /^skein: what answers at .* is not what it should be; .*\n$/)
  }
})

test('whatever JSON comes back, the command ends with a code and at most one line', async (t) => {
  let body = ''
  const { address } = await fakeAgent(t, [(request, response) => says(body)(request, response)])
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.boolean(), async (json, versioned) => {
      const document: unknown = JSON.parse(json)
      const isObject = typeof document === 'object' && document !== null
      body = versioned && isObject ? JSON.stringify({ ...document, schemaVersion: 1 }) : json
      for (const command of [['status'], ['nodes', 'ls'], ['health'], ['modules', 'ls']]) {
        const { code, io } = await run1(command, address)
        assert.ok(code >= 0)
        assert.match(io.talk, /^([^\n]*\n)?$/)
      }
    }),
    { numRuns: 25 },
  )
})

test('an agent with a newer API is named as that', async (t) => {
  const { address } = await fakeAgent(t, [says('{"schemaVersion":2}')])
  const problem = await problemOf(new Client(address, signedInAsAda(), never).call('status'))
  assert.equal(problem.code, 'otherVersion')
  assert.match(problem.why, /version 2, and this program reads version 1/)
})

test('a refusal keeps its words and gets the exit code of its meaning', async (t) => {
  const cases: [number, string, number][] = [
    [400, 'badRequest', exitCodes.usage],
    [401, 'unknownPerson', exitCodes.refused],
    [403, 'refused', exitCodes.refused],
    [404, 'notFound', exitCodes.notFound],
    [405, 'methodNotAllowed', exitCodes.usage],
    [409, 'ambiguous', exitCodes.usage],
    [409, 'conflict', exitCodes.conflict],
    [413, 'tooLarge', exitCodes.usage],
    [421, 'wrongHost', exitCodes.refused],
    [429, 'overloaded', exitCodes.noAnswer],
    [500, 'internal', exitCodes.failed],
    [503, 'closing', exitCodes.noAnswer],
    [504, 'unreachable', exitCodes.noAnswer],
    [404, 'fromTheFuture', exitCodes.notFound],
    [500, 'toString', exitCodes.failed],
  ]
  for (const [status, code, exitCode] of cases) {
    const { address } = await fakeAgent(t, [refuses(status, code)])
    const problem = await problemOf(new Client(address, signedInAsAda(), never).call('status'))
    assert.deepEqual(
      [problem.code, problem.why, problem.fix, problem.exitCode],
      [code, 'it may not be', 'ask somebody', exitCode],
    )
  }
})

test('a refusal cannot speak to the terminal, and with --json it is JSON', async (t) => {
  const { address } = await fakeAgent(t, [refuses(404, 'notFound', 'no\u001b[2J\nnode')])
  const plain = await run1(['status'], address)
  assert.equal(plain.io.talk, 'skein: no·node; ask somebody\n')
  const { code, io } = await run1(['status', '--json'], address)
  assert.equal(code, exitCodes.notFound)
  assert.equal(JSON.parse(io.talk).error.code, 'notFound')
  assert.equal(io.said, '')
})

test('an agent that does not answer, or not to the end, is waited for until the deadline', async (t) => {
  const silent: Answer = () => {}
  const slow: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"schemaVersion"')
  }
  for (const answer of [silent, slow]) {
    const { address } = await fakeAgent(t, [answer])
    const { context } = stage(address, { deadlineMs: 100 })
    const problem = await problemOf(context.client.call('status'))
    assert.equal(problem.code, 'noAnswer')
    assert.match(problem.why, /nothing came within 0\.1 s/)
  }
  const { address } = await fakeAgent(t, [silent])
  const { context } = stage(address, { deadlineMs: 100 })
  const problem = await problemOf(context.client.stream('events', { query: {} }))
  assert.equal(problem.exitCode, exitCodes.noAnswer)
})

test('Ctrl-C ends the waiting at once, without a word', async (t) => {
  let asked = () => {}
  const arrival = new Promise<void>((resolve) => {
    asked = resolve
  })
  const { address } = await fakeAgent(t, [() => asked()])
  const { context, interrupt } = stage(address)
  const work = problemOf(context.client.call('status'))
  await arrival
  interrupt()
  assert.equal((await work).exitCode, exitCodes.interrupted)
})

test('a connection that is half closed, or cut, is an answer that broke off', async (t) => {
  const head =
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"sch'
  const ways: ((socket: Socket) => void)[] = [
    (socket) => socket.end(),
    (socket) => socket.end(head),
    (socket) => socket.write(head, () => socket.destroy()),
    (socket) => socket.write(head, () => socket.resetAndDestroy()),
  ]
  for (const end of ways) {
    const address = await fakeSocket(
      t,
      (socket) => void once(socket, 'data').then(() => end(socket)),
    )
    const problem = await problemOf(new Client(address, signedInAsAda(), never).call('status'))
    assert.equal(problem.code, 'brokenOff')
    assert.equal(problem.exitCode, exitCodes.noAnswer)
  }
})

test('a server that speaks no HTTP is told as such', async (t) => {
  const address = await fakeSocket(t, (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n'))
  const problem = await problemOf(new Client(address, signedInAsAda(), never).call('status'))
  assert.equal(problem.code, 'notSkein')
  assert.match(problem.why, /does not speak HTTP/)
})

test('an answer without end is given up, and so is a line', async (t) => {
  const endless =
    (type: string): Answer =>
    (_, response) => {
      response.writeHead(200, { 'content-type': type })
      const pour = () => {
        while (!response.destroyed && response.write(' '.repeat(4_096)));
      }
      response.on('drain', pour)
      pour()
    }
  const limits = { ...clientLimits, answerBytesMax: 100_000, lineLengthMax: 100_000 }
  const agent = await fakeAgent(t, [endless('application/json')])
  const problem = await problemOf(
    new Client(agent.address, signedInAsAda(), never, limits).call('status'),
  )
  assert.match(problem.why, /larger than 100000 bytes/)
  const streaming = await fakeAgent(t, [endless('application/x-ndjson')])
  const client = new Client(streaming.address, signedInAsAda(), never, limits)
  const broken = await problemOf(
    (async () => {
      for await (const event of await client.stream('events', { query: {} }))
        assert.fail(`${event}`)
    })(),
  )
  assert.match(broken.why, /100000 characters without a line break/)
})

test('an address that cannot be one is wrong use; one where nothing is gets no answer', async () => {
  for (const address of ['http://:::', 'ftp://x', 'http://']) {
    const problem = await problemOf(new Client(address, signedInAsAda(), never).call('status'))
    assert.equal(problem.exitCode, exitCodes.usage, address)
    assert.match(problem.fix, /host:port/)
  }
  const nobody = await problemOf(
    new Client('http://127.0.0.1:1', signedInAsAda(), never).call('status'),
  )
  assert.equal(nobody.exitCode, exitCodes.noAnswer)
  assert.match(nobody.why, /nothing listens there/)
  const none = await problemOf(
    new Client('https://127.0.0.1:1', signedInAsAda(), never).call('status'),
  )
  assert.deepEqual([none.exitCode, none.code], [exitCodes.noAnswer, 'noAnswer'])
})

test('a name that no path can carry is not found, and nothing is asked', async (t) => {
  const agent = await fakeAgent(t, [says('{}')])
  for (const node of ['', '.', '..']) {
    const asked = new Client(agent.address, signedInAsAda(), never).call('modules', {
      parameters: { node },
    })
    assert.equal((await problemOf(asked)).exitCode, exitCodes.notFound)
  }
  assert.deepEqual(agent.requests, [])
})
