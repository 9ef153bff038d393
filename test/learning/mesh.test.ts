/** Plans of a mesh that has done such work before: what they expect, and what of it left the hosts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LEARNING_SERVICE, RangesAsked } from '../../agent/learning/wire.ts'
import { sentSchema } from '../../agent/links/envelope.ts'
import { CallFrame } from '../../agent/requests/calls.ts'
import { callOf } from '../../coordinator/api/calls.ts'
import { commandHeader } from '../../coordinator/api/door.ts'
import { packRequest, unpackReply } from '../../coordinator/api/forward.ts'
import { refusalsOf } from '../../coordinator/api/queries.ts'
import { RunExpecting } from '../../coordinator/runs/expected.ts'
import { WorkflowLibrary } from '../../coordinator/runs/library.ts'
import { newsOf } from '../../coordinator/runs/watching.ts'
import { quantile } from '../../models/measures/quantiles.ts'
import { within } from '../../protocol/ports/disk.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { keyBehind, simulatedCredential } from '../../simulations/world/credentials.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { Mesh } from '../history/stage.ts'
import { hello, Intruder } from '../matrix/intruders.ts'
import { formsOf, isSaidIn, overheard } from './overheard.ts'

const mib = 1024 ** 2
let started = 0

/** Between 0.8 and 1.2 seconds, in turn, with 300 MiB. */
const build: Program = (self) => {
  started++
  self.use({ memoryBytes: 300 * mib })
  self.after(800 + ((started * 137) % 400), () => self.exit(0))
}
const flaky: Program = (self) => self.after(50, () => self.exit(started % 2))

const workflow = `apiVersion: skein/v1
kind: Workflow
name: learning
stages:
  build: { run: [build] }
  flaky: { needs: [build], run: [flaky], optional: true, retry: { attempts: 1 } }
  pause: { needs: [build], wait: 2s }
`
const runs = 30

async function meshThatDid(seed: string, count: number): Promise<Mesh> {
  const programs = { build, flaky }
  const mesh = await Mesh.of(seed, 3, { schedules: true, programs })
  await mesh.until(() => mesh.members.every(({ agent }) => agent.work.leader !== undefined), 'led')
  for (let i = 0; i < count; i++) {
    const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
    await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', `${run.id} is done`)
  }
  return mesh
}

async function tookInTruth(mesh: Mesh, stage: string): Promise<number[]> {
  const listed = await mesh.call(mesh.leader!, 'runs', { query: { limit: 100 } })
  const took: number[] = []
  for (const { id } of listed.runs) {
    const { stages } = await mesh.call(mesh.leader!, 'run', { parameters: { run: id } })
    for (const { usage } of stages.find(({ name }) => name === stage)?.attempts ?? []) {
      if (usage?.wallMs !== undefined) took.push((usage.startMs ?? 0) + usage.wallMs)
    }
  }
  return took.sort((a, b) => a - b)
}

const planOf = (mesh: Mesh, text = workflow) =>
  mesh.call(mesh.follower, 'plan', { body: { workflow: text } })

test('after thirty runs a plan says how long the next one takes, and who says so', async () => {
  const mesh = await meshThatDid('thirty', runs)
  const plan = await planOf(mesh)
  const stage = (name: string) => plan.stages.find((each) => each.name === name)?.expected
  const truth = await tookInTruth(mesh, 'build')
  const { time, odds, memory } = stage('build') ?? {}
  assert.equal(truth.length, runs)
  assert.deepEqual([time?.source, time?.n], ['history', runs])
  for (const [told, share] of [
    [time?.p10Ms, 0.1],
    [time?.p50Ms, 0.5],
    [time?.p90Ms, 0.9],
  ] as const) {
    const true_ = quantile(truth, share)
    assert.ok(Math.abs((told ?? 0) - true_) < 0.1 * true_, `${told} is ${true_} in truth`)
  }
  // Nothing is certain, however often it went well.
  assert.ok(odds && odds.share > 0.98 && odds.share < 1 && odds.n === runs, JSON.stringify(odds))
  assert.ok(Math.abs((memory?.p50Bytes ?? 0) / (300 * mib) - 1) < 0.1, JSON.stringify(memory))
  assert.equal(stage('pause')?.time?.source, 'declared')
  // The way over the pause is the longer one.
  const whole = plan.expected?.time
  assert.ok(whole && whole.p50Ms > 2_700 && whole.p50Ms < 3_300, JSON.stringify(whole))
  assert.deepEqual(plan.criticalPath.stages, ['build', 'pause'])
  // What may fail without harm does not count.
  assert.ok((stage('flaky')?.odds?.share ?? 1) < 1)
  assert.ok((plan.expected?.odds?.share ?? 0) > 0.97)
})

test('work of another kind is unknown, and says so of the whole', async () => {
  const mesh = await meshThatDid('other', 6)
  const plan = await planOf(mesh, `${workflow}  ship: { needs: [pause], run: [ship] }\n`)
  assert.deepEqual(plan.stages.find(({ name }) => name === 'ship')?.expected, {})
  const untimed = plan.expected?.untimed ?? []
  assert.ok(untimed.includes('ship') && !untimed.includes('build'), String(untimed))
  assert.equal(plan.expected?.odds, undefined)
  const similar = await planOf(mesh, workflow.replace('name: learning', 'name: another'))
  assert.equal(
    similar.stages.find(({ name }) => name === 'build')?.expected?.time?.source,
    'elsewhere',
  )
})

test('every host keeps its own attempts; nobody has those of another, or hears of them', async () => {
  let mesh: Mesh | undefined
  const heard = await overheard(async () => {
    mesh = await meshThatDid('own', 9)
    await mesh.world.runFor(2_000)
    await planOf(mesh)
  })
  assert.ok(mesh)
  const on = (isMeant: (purpose: string) => boolean) =>
    Buffer.concat([...heard].flatMap(([purpose, said]) => (isMeant(purpose) ? [said] : [])))
  const traffic = on(() => true)
  // An agent reports to its leader when an attempt has ended, and the ledger has it from there.
  const isReport = (purpose: string) => ['/skein/work/1', '/skein/consensus/1'].includes(purpose)
  const [reports, besides] = [on(isReport), on((purpose) => !isReport(purpose))]
  let reported = 0
  // The question for ranges is in it: what is looked for could be found.
  assert.ok(traffic.includes(LEARNING_SERVICE))
  let all = 0
  for (const { agent, host } of mesh.members) {
    const rows = [...host.platter.slice(within('learning/row/'))]
    assert.equal(rows.length, agent.learning.history.size)
    all += rows.length
    for (const [, value] of rows) {
      const text = Buffer.from(value)
      // From the end of its names on: when it began, when it ended, under which load.
      const figures = text.subarray(text.indexOf('learning') + 'learning'.length)
      assert.ok(figures.length > 10)
      assert.ok(!traffic.includes(figures))
    }
    for (const { startedMs, endedMs, load } of await mesh.answer(
      Array.fromAsync(agent.learning.history.rows()),
    )) {
      assert.ok(load !== undefined)
      // Its time is from its turn on, which no report says.
      for (const value of [startedMs, load]) assert.ok(!isSaidIn(traffic, value), String(value))
      assert.ok(!isSaidIn(besides, endedMs), String(endedMs))
      if (isSaidIn(reports, endedMs)) reported++
    }
    // What is told of them together is found where another was asked, so each of them could be.
    if (host === mesh.follower.host) continue
    for (const { told } of agent.learning.history.kinds()) {
      const { p50 } = told.tookMs ?? {}
      if (p50 !== undefined) assert.ok(besides.includes(formsOf(p50).float), String(p50))
    }
  }
  assert.equal(all, 2 * 9)
  assert.ok(reported > 0)
})

test('a host that hangs is not waited for longer than it is worth', async () => {
  const mesh = await meshThatDid('hangs', 6)
  const other = mesh.members.find((each) => each !== mesh.leader && each !== mesh.follower)
  const { follower } = mesh
  other?.host.pause()
  const beganMs = mesh.world.nowMs
  await mesh.call(follower, 'plan', { body: { workflow } })
  assert.ok(mesh.world.nowMs - beganMs <= 350, String(mesh.world.nowMs - beganMs))
})

test('a run that is under way says when it will end, and less is left as it goes on', async () => {
  const mesh = await meshThatDid('watched', 8)
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
  const show = async () =>
    (await mesh.call(mesh.follower, 'run', { parameters: { run: run.id } })).expected
  await mesh.world.runFor(200)
  const before = await show()
  assert.ok(before && before.p50Ms > 2_400 && before.p50Ms < 3_300, JSON.stringify(before))
  assert.ok(before.p10Ms <= before.p50Ms && before.p50Ms <= before.p90Ms)
  await mesh.world.runFor(1_500)
  const later = await show()
  // What is left of the pause is known to the millisecond.
  assert.ok(later && later.p50Ms > 800 && later.p50Ms < 1_800, JSON.stringify(later))
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it ends')
  assert.equal(await show(), undefined)
})

test('who watches a run hears when it will end, and again when that moves', async () => {
  const mesh = await meshThatDid('told', 8)
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
  const news = await mesh.lines(mesh.follower, 'watchRun', { parameters: { run: run.id } })
  const said = news.flatMap(({ expected }) => expected ?? [])
  const [first] = said
  const endMs = news.at(-1)?.run.endedMs ?? 0
  assert.ok(first && said.length >= 2, JSON.stringify(news))
  assert.ok(
    Math.abs(said.at(-1)!.atMs + said.at(-1)!.p50Ms - endMs) < 300,
    JSON.stringify([said, endMs]),
  )
  assert.equal(news.at(-1)?.expected, undefined)
})

test('while nothing happens, who watches costs no look at every stage', async () => {
  const mesh = await meshThatDid('idle', 0)
  const text = `${workflow}  last: { needs: [pause], wait: 60s }\n`
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow: text } })
  const unitOf = (stage: string) => mesh.hot(run.id)?.units.find((unit) => unit.stage === stage)
  await mesh.until(() => unitOf('last')?.waitsFor === 'time', 'it waits')
  const { agent } = mesh.leader!
  const ending = new AbortController()
  let named = 0
  const news = newsOf({
    agent,
    library: new WorkflowLibrary(),
    nameOf: (node) => {
      named++
      return node
    },
    run: run.id,
    progress: async () => new Map(),
    expecting: new RunExpecting({ telling: agent.learning.telling, clock: agent.ports.clock }),
    signal: ending.signal,
  })
  await mesh.answer(news.next())
  const once = named
  assert.ok(once > 0)
  const rest = Array.fromAsync(news)
  await mesh.world.runFor(10_000)
  assert.equal(named, once)
  ending.abort()
  await mesh.answer(rest)
})

test('what every host has purged is unknown to the next plan, and to the next life', async () => {
  const mesh = await meshThatDid('purged', 10)
  const kindsAt = async (node: string, task?: string) => {
    const query = task === undefined ? {} : { task }
    const told = await mesh.call(mesh.follower, 'hostHistory', { parameters: { node }, query })
    return told.kinds.map((kind) => kind.task.split('/')[1]).sort()
  }
  assert.equal((await planOf(mesh)).stages[0]?.expected?.time?.n, 10)
  const plan = await planOf(mesh)
  let purgedAt = 0
  for (const member of mesh.members) {
    const { host, agent } = member
    // Which hosts have built is the placement's to say, and all have done something.
    const had = await kindsAt(host.name)
    assert.ok(had.length > 0)
    if (!had.includes('build')) continue
    purgedAt++
    assert.deepEqual(await kindsAt(host.name, 'program/build'), ['build'])
    const task = agent.learning.history
      .kinds()
      .find((kind) => kind.task.startsWith('program/build'))?.task
    const parameters = { node: 'self' }
    const body = { task: task ?? '' }
    const { purged } = await mesh.call(member, 'purgeHistory', { parameters, body })
    assert.ok(purged > 0)
    const rest = had.filter((kind) => kind !== 'build')
    assert.deepEqual(await kindsAt(host.name), rest)
  }
  assert.ok(purgedAt > 1, 'more than one host had built')
  const later = await planOf(mesh)
  assert.deepEqual(later.stages[0]?.expected, {})
  assert.equal(later.hash, plan.hash)
  for (const member of mesh.members) await mesh.again(member)
  await mesh.world.runFor(10_000)
  assert.deepEqual((await planOf(mesh)).stages[0]?.expected, {})
  const entries = await mesh.call(mesh.follower, 'audit', { query: { last: 100 } })
  const acts = entries.entries.filter(({ verb }) => verb === 'history.purge')
  assert.equal(acts.length, purgedAt)
})

test('a host tells other agents what it remembers only if they are coordinators', async () => {
  const mesh = await meshThatDid('asked', 9)
  const member = mesh.follower
  const { host } = member
  const others = mesh.members.filter((other) => other !== member)
  const asked = { parameters: { node: mesh.leader!.host.name } }
  assert.ok((await mesh.call(member, 'hostHistory', asked)).kinds.length > 0)
  member.kept = simulatedCredential(keyBehind(host.id), host.name, { roles: ['agent'] })
  await mesh.again(member)
  await mesh.world.runFor(5_000)
  const names = others.map((other) => other.host.name)
  for (const node of names) {
    const answer = mesh.call(member, 'hostHistory', { parameters: { node } })
    await assert.rejects(answer, /tells only coordinators .*--address/)
  }
  // Nor is a call about another node than the one asked let in because it comes with a command.
  for (const call of [
    callOf('hostHistory', { parameters: { node: names[1] ?? '' } }),
    callOf('node', { parameters: { node: names[1] ?? '' } }),
  ]) {
    const body = packRequest({ ...call, headers: { [commandHeader]: 'none' } })
    const { calls } = member.agent
    const result = await mesh.answer(calls.ask(others[0]!.host.id, 'api', body, 3_000))
    const reply = result.ok ? unpackReply(result.body) : undefined
    assert.ok(reply?.ok)
    assert.equal(reply.value.status, 403)
    assert.match(Buffer.from(reply.value.body as Uint8Array).toString(), /only ask an agent about/)
  }
  assert.ok((await mesh.call(member, 'hostHistory', { parameters: { node: 'self' } })).attempts > 0)
})

test('only coordinators are told ranges', async () => {
  const mesh = await meshThatDid('curious', 6)
  const member = mesh.leader!
  const body = encode(RangesAsked, { keys: ['program/build'] })
  const question = encode(sentSchema(CallFrame), {
    requestId: 7,
    payload: { kind: 'call', value: { service: LEARNING_SERVICE, body } },
  })
  const refused: number[] = []
  for (const role of ['agent', 'coordinator'] as const) {
    const was = refusalsOf(member.agent).badQuestion ?? 0
    const intruder = new Intruder(mesh, `curious-${role}`, { roles: [role] })
    const visit = await intruder.visit(member, '/skein/calls/1')
    visit.send(hello)
    visit.send(question)
    await mesh.world.runFor(500)
    refused.push((refusalsOf(member.agent).badQuestion ?? 0) - was)
  }
  assert.deepEqual(refused, [1, 0])
})
