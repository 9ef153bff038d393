/** `skein workflow plan` and its route: from a file to a table, and every way in which it ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { SystemFunctions } from '../../agent/ports/functions/functions.ts'
import type { Handlers } from '../../coordinator/api/dispatch.ts'
import type { Planned } from '../../coordinator/api/plan-schemas.ts'
import { Planning, refuseStalePlan, type Seer } from '../../coordinator/api/planning.ts'
import { type PlanFlags, plan } from '../../coordinator/cli/plan.ts'
import type { KnownMember } from '../../coordinator/placement/host-facts.ts'
import { planLimits } from '../../coordinator/planning/limits.ts'
import type { AllTold } from '../../models/profiles/pooling.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { FunctionEnd } from '../../protocol/ports/functions.ts'
import { ask, documentOf, requestOf } from '../api/stage.ts'
import { type Answer, fakeAgent, stage } from '../cli/stage.ts'
import { Replica } from '../ledger/stage.ts'
import { example, parsed, withStages } from '../workflow/stage.ts'

function member(number: number, labels: Record<string, string>): KnownMember {
  const id = `peer-${number}`
  return {
    id,
    state: 'alive',
    profile: {
      owner: id as PeerId,
      name: `n${number}`,
      addresses: [],
      labels,
      agentVersion: '1',
      platform: 'linux-x64',
      cores: 4,
      memoryBytes: 2 ** 33,
      incarnation: 1,
    },
    digest: { agentVersion: '1', intervalMs: 1_000, runningAttempts: 0 },
    digestAgeMs: 0,
  }
}

function seer(...labels: Record<string, string>[]): Seer & { replica: Replica } {
  const replica = new Replica()
  const members = labels.map((each, i) => member(i + 1, each))
  return {
    replica,
    settings: { name: 'n1' },
    learning: { telling: { gathered: async () => new Map() } },
    ports: { functions: new SystemFunctions() },
    membership: { members: () => members },
    ledger: {
      get state() {
        return replica.state
      },
      leader: undefined,
    },
  }
}

test('a plan knows who leads, and places there what takes no time', async () => {
  const agent = seer({}, {})
  const { state } = agent.ledger
  const leader = 'peer-2' as PeerId
  const text = withStages('  gate: { function: skein:noop }\n')
  const [gate] = (await planned({ ...agent, ledger: { state, leader } }, text)).stages
  assert.deepEqual(gate?.place.by === 'host' && gate.place.hosts.map(({ name }) => name), ['n2'])
})

function handlersOf(agent: Seer): Pick<Handlers, 'plan'> {
  const planning = new Planning(agent)
  return { plan: ({ body, signal }) => planning.plan(body, signal) }
}

function planned(agent: Seer, workflow: string): Promise<Planned> {
  const question = { workflow, inputs: {} }
  return new Planning(agent).plan(question, new AbortController().signal)
}

function answering(agent: Seer): Answer {
  return async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { method = '', url = '' } = request
    const handlers = handlersOf(agent)
    const reply = await ask(method, url, text, { handlers })
    response.writeHead(reply.status, reply.headers).end(reply.body as Uint8Array)
  }
}

async function run(
  t: TestContext,
  agent: Seer,
  text: string,
  flags: PlanFlags & { json?: boolean; terminal?: boolean } = {},
  answer = answering(agent),
) {
  const folder = mkdtempSync(join(tmpdir(), 'skein-plan-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'w.yaml')
  writeFileSync(file, text)
  const { address } = await fakeAgent(t, [answer])
  const { json = false, terminal = false, ...rest } = flags
  const { context, io } = stage(address, { json })
  io.terminal = terminal
  const code = await plan(context, file, rest)
  return { code, io, file }
}

const text = withStages(`
  build: { run: make, resources: { cpu: 2 }, where: { labels: { zone: a } } }
  unit: { needs: [build], run: make test, where: { host: n2 } }
  ship: { needs: [build, unit], run: make ship }
`)

test('a plan shows order, hosts and why, refusals, the critical path, hints and the hash', async (t) => {
  const { code, io } = await run(t, seer({ zone: 'a' }, { zone: 'b' }), text)
  assert.equal(code, exitCodes.done)
  const lines = io.said.split('\n')
  assert.equal(lines[0], 'w: 3 stages, 2 hosts; planned by n1, policy balanced')
  assert.match(lines[2]!, /^LEVEL +STAGE +STEP +NEEDS +WHERE +WHY/)
  assert.match(lines[3]!, /^ +0 +build\* +run +– +n1 +no work there, load not known/)
  assert.match(lines[4]!, /^ +1 +unit\* +run +build +n2 /)
  for (const told of [
    '* critical path: build → unit → ship (3 stages; no times are known)',
    '  3 levels, up to 1 stage side by side; 3 tracks',
    'Refused on these hosts\n  build\n    n2: its label zone is "b", and "a" is asked for\n',
    '  unit\n    n1: it is not "n2"\n',
    'Hints\n  build: n1 is the only host that could run it; without that, it waits\n',
    '  ship: it need not name build: unit, which it needs, comes after that\n',
  ]) {
    assert.ok(io.said.includes(told), `${told}\n-- is not in --\n${io.said}`)
  }
  assert.match(lines.at(-2)!, /^plan [0-9a-f]{64}$/)
  assert.equal(io.talk, '')
})

test('what was done before has times, chances and whose word that is; the rest is unknown', async (t) => {
  const took = { p10: 900, p50: 1_000, p90: 1_500, n: 30 }
  const known = { tried: 30, succeeded: 30, tookMs: took }
  const telling = {
    gathered: async (keys: readonly string[]): Promise<AllTold> =>
      new Map(keys.filter((key) => key.startsWith('w script/make')).map((key) => [key, [known]])),
  }
  const stages = '  a: { run: make }\n  b: { needs: [a], run: ship }\n'
  const { io } = await run(t, { ...seer({}), learning: { telling } }, withStages(stages))
  assert.match(io.said, /^ +0 +a\* +run +– +1\.0s +1\.5s +100% +history n=30 +n1/m)
  assert.match(io.said, /^ +1 +b\* +run +a +unknown +– +– +– +n1/m)
  // Drawn, and so not to the millisecond.
  assert.match(io.said, /^Expected: at least (?:99\dms|1\.0s); chance of success unknown$/m)
  assert.ok(io.said.includes('  unknown: b\n'), io.said)
  const whole = await run(
    t,
    { ...seer({}), learning: { telling } },
    withStages('  a: { run: make }\n'),
  )
  const said =
    /^Expected: (?:99\dms|1\.0s), nine times in ten under 1\.[45]s; chance of success 100% \(92% to 100%\)$/m
  assert.match(whole.io.said, said)
})

test('an agent that does not learn yet says nothing of times, and its plan is shown', async (t) => {
  const agent = seer({ zone: 'a' }, { zone: 'b' })
  const { expected: _, stages, ...rest } = await planned(agent, text)
  const older = { ...rest, stages: stages.map(({ expected: __, ...stage }) => stage) }
  const answer: Answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(older))
  }
  const { code, io } = await run(t, agent, text, {}, answer)
  assert.equal(code, exitCodes.done)
  assert.equal(io.said, (await run(t, agent, text)).io.said)
})

test('on a terminal it says how to run exactly this', async (t) => {
  const flags = { terminal: true, input: ['version=1.2.3'] }
  const { io, file } = await run(t, seer({ os: 'linux' }), example('release.yaml'), flags)
  assert.match(io.said, new RegExp(`skein run ${file} -i version=1.2.3 --plan [0-9a-f]{64}\n`))
})

test('a long critical path is shown by its two ends', async (t) => {
  const chain = Array.from({ length: 30 }, (_, i) => {
    return `  s${i}: { run: x, needs: [${i > 0 ? `s${i - 1}` : ''}] }\n`
  })
  const { io } = await run(t, seer({}), withStages(chain.join('')))
  const [path] = /\* critical path:[^(]*\(6 stages more\)[^(]*/.exec(io.said)!
  assert.match(path!, /s0\s+→ s1\s.*→ s11\s+→ \(6 stages more\)\s+→ s18\s.*→ s29/s)
})

test('with --json it is the document of the API', async (t) => {
  const agent = seer({ zone: 'a' }, {})
  const { io } = await run(t, agent, text, { json: true })
  const expected = await planned(agent, text)
  assert.deepEqual(JSON.parse(io.said), JSON.parse(JSON.stringify(expected)))
})

test('the exit code tells whether something would run, and whether something never could', async (t) => {
  const agent = seer({ zone: 'a' }, {})
  const detailed = { detailedExitcode: true }
  assert.equal((await run(t, agent, text, detailed)).code, exitCodes.changes)
  const idle = withStages('  a: { run: x, if: 1 > 2 }\n')
  assert.equal((await run(t, agent, idle, detailed)).code, exitCodes.done)
  const never = withStages('  a: { run: x, resources: { cpu: 64 } }\n')
  const impossible = await run(t, agent, never)
  assert.equal(impossible.code, exitCodes.failed)
  assert.match(impossible.io.said, /nowhere/)
  assert.match(impossible.io.said, /n1: it has 4 cores, and 64 are asked for/)
})

test('mistakes are told as validate tells them, without asking an agent', async (t) => {
  const { code, io, file } = await run(t, seer({}), text.replace('[build]', '[biuld]'))
  assert.equal(code, exitCodes.usage)
  assert.equal(io.said, `${file}:7:19: there is no stage "biuld" (did you mean build?)\n`)
})

test('inputs that are missing or wrong are told by name', async (t) => {
  const release = example('release.yaml')
  for (const [input, why] of [
    [[], /the input version has no value/],
    [['version=1'], /does not match/],
    [['version=1.2.3', 'x=1'], /there is no input "x"/],
  ] as const) {
    await assert.rejects(run(t, seer({}), release, { input: [...input] }), (error: Error) => {
      assert.match(error.message, why)
      return (error as Error & { exitCode: number }).exitCode === exitCodes.usage
    })
  }
})

async function asked(agent: Seer, workflow: string) {
  const reply = await ask('POST', '/api/v1/plans', { workflow }, { handlers: handlersOf(agent) })
  return { status: reply.status, document: documentOf(reply) }
}

test('a large workflow is planned in a thread, just as a small one is', async () => {
  const agent = seer({}, {}, {})
  const many = Array.from({ length: 600 }, (_, i) => `  s${i}: { run: x }\n`)
  const large = withStages(many.join(''))
  const { status, document } = await asked(agent, large)
  assert.equal(status, 200)
  assert.equal(document.stages.length, 600)
  const padded = await asked(agent, `${text}#${'x'.repeat(planLimits.inlineMax)}\n`)
  assert.deepEqual(padded.document, (await asked(agent, text)).document)
})

test('what is too large is refused by name and figure, and hostile text with its mistakes', async () => {
  const agent = seer({})
  const many = Array.from({ length: planLimits.stagesMax + 1 }, (_, i) => `  s${i}: { run: x }\n`)
  const large = await asked(agent, withStages(many.join('')))
  assert.equal(large.status, 400)
  assert.match(large.document.error.why, /has 5001 stages, and up to 5000 are planned/)
  const lines = Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*a, *a]\n`)
  const bomb = await asked(agent, `a: &a [x]\n${lines.join('')}`)
  assert.equal(bomb.status, 400)
  assert.match(bomb.document.error.mistakes[0].where, /^body\.workflow:\d+:\d+$/)
})

test('no more than so many threads plan at once, and whoever leaves frees one', async () => {
  const calls: (() => void)[] = []
  const functions = {
    call() {
      const { promise, resolve } = Promise.withResolvers<FunctionEnd>()
      const stop = () => resolve({ kind: 'ended', message: 'stopped' })
      calls.push(stop)
      return { ended: () => promise, stop }
    },
  }
  const planning = new Planning({ ...seer({}), ports: { functions } })
  const large = { workflow: '#'.repeat(planLimits.inlineMax + 1), inputs: {} }
  const leaving = new AbortController()
  const gone = planning.plan(large, leaving.signal)
  const other = planning.plan(large, new AbortController().signal)
  await assert.rejects(planning.plan(large, leaving.signal), { code: 'overloaded' })
  leaving.abort()
  // It was to be asked first what hosts know of such work, and that was stopped; nothing follows.
  await assert.rejects(gone, /the client has gone/)
  assert.equal(calls.length, 2)
  const next = planning.plan(large, new AbortController().signal)
  assert.equal(calls.length, 3)
  let isOver = false
  const settled = Promise.allSettled([other, next]).then(() => {
    isOver = true
  })
  while (!isOver) {
    for (const stop of calls) stop()
    await immediate()
  }
  await settled
})

test('a drain makes a plan stale, and a run that bears it is refused', async () => {
  const agent = seer({ zone: 'a' }, { zone: 'b' })
  const workflow = parsed(text)
  const { hash } = await planned(agent, text)
  refuseStalePlan(agent, workflow, {}, hash)
  agent.replica.do({ kind: 'nodeDrain', value: { node: 'peer-2', by: 'ann', reason: 'disk' } })
  assert.throws(() => refuseStalePlan(agent, workflow, {}, hash), /is stale: .* have changed/)
  const { stages, kinds } = await planned(agent, text)
  assert.equal(stages.find(({ name }) => name === 'unit')!.place.by, 'nobody')
  const verdict = kinds[1]!.verdicts!.find(({ node }) => node === 'peer-2')!
  assert.deepEqual(verdict.refusals, [{ code: 'drained', message: 'it is drained by ann: disk' }])
})

test('a request says what a plan takes', async () => {
  assert.equal(requestOf('POST', '/api/v1/plans').method, 'POST')
  const reply = await ask('POST', '/api/v1/plans', { workflow: '', inputs: [] })
  assert.equal(reply.status, 400)
  const where = documentOf(reply).error.mistakes.map((each: { where: string }) => each.where)
  assert.deepEqual(where, ['body.workflow', 'body.inputs'])
})
