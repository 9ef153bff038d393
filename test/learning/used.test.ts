/** What was learned is used on a mesh: where work goes, what is late, what a host warns of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Program } from '../../simulations/world/programs.ts'
import { Mesh } from '../history/stage.ts'

let takesMs = 1_000
const work: Program = (self) => self.after(takesMs, () => self.exit(0))
/** A second attempt of a stage takes what it always took. */
const luckySecond: Program = (self) => {
  self.after(self.env.SKEIN_ATTEMPT === '2' ? 1_000 : takesMs, () => self.exit(0))
}

const workflow = `apiVersion: skein/v1
kind: Workflow
name: used
stages:
  work: { run: [work] }
`

async function meshThatDid(seed: string, count: number, program = work): Promise<Mesh> {
  takesMs = 1_000
  const mesh = await Mesh.of(seed, 3, { schedules: true, programs: { work: program } })
  await mesh.until(() => mesh.members.every(({ agent }) => agent.work.leader !== undefined), 'led')
  for (let i = 0; i < count; i++) {
    const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
    await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', `${run.id} is done`)
  }
  return mesh
}

test('a stage that hangs is told to be late, by every way in which runs are looked at', async () => {
  const mesh = await meshThatDid('late', 12)
  takesMs = 30_000
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
  const parameters = { run: run.id }
  const lateOf = async () => {
    const { stages } = await mesh.call(mesh.follower, 'run', { parameters })
    return stages.find(({ name }) => name === 'work')?.late
  }
  await mesh.world.runFor(2_000)
  assert.equal(await lateOf(), undefined)
  await mesh.world.runFor(8_000)
  const late = await lateOf()
  assert.ok(late && Math.abs(late.usualMs - 1_000) < 100 && late.n >= 5, JSON.stringify(late))
  const { stages } = await mesh.call(mesh.follower, 'explainRun', { parameters, query: {} })
  assert.match(stages[0]?.why ?? '', /far longer than it should/)
  const news = await mesh.lines(mesh.follower, 'watchRun', { parameters })
  assert.ok(news.some((each) => each.stages.some((stage) => stage.late !== undefined)))
  assert.equal(news.at(-1)?.run.state, 'succeeded')
  const told = mesh.leader?.agent.journal.past(0, 1_000).filter(({ kind }) => kind === 'stage.late')
  assert.equal(told?.length, 1)
  assert.match(told?.[0]?.text ?? '', /^work of run /)
})

test('a late stage that may be raced is, and it is seen which attempt counts', async () => {
  const mesh = await meshThatDid('raced', 12, luckySecond)
  await mesh.until(() => (mesh.leader?.agent.ledger.state.version ?? 0) >= 4, 'races are agreed on')
  takesMs = 60_000
  const text = workflow.replace('[work] }', '[work], race: true }')
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow: text } })
  const parameters = { run: run.id }
  const stageOf = async () => {
    const { stages } = await mesh.call(mesh.follower, 'run', { parameters })
    return stages.find(({ name }) => name === 'work')
  }
  await mesh.until(() => mesh.hot(run.id)?.units[0]?.rival !== undefined, 'it is raced')
  const raced = await stageOf()
  assert.equal(raced?.attempt, 2)
  assert.ok(raced?.rival?.attempt === 2 && raced.rival.node !== raced.node, JSON.stringify(raced))
  const query = { stage: 'work' }
  const { stages } = await mesh.call(mesh.follower, 'explainRun', { parameters, query })
  assert.match(stages[0]?.why ?? '', /attempt 2 runs beside it on/)
  const { node: first } = raced
  await mesh.until(() => mesh.hot(run.id)?.head.state === 'succeeded', 'it is done')
  const { node, attempts = [], rival } = (await stageOf()) ?? {}
  assert.deepEqual([node, rival], [raced.rival.node, undefined])
  assert.deepEqual(
    attempts.map(({ attempt, node: at, outcome, code }) => [attempt, at, outcome, code]),
    [
      [1, first, 'cancelled', 'outrun'],
      [2, node, 'succeeded', undefined],
    ],
  )
  const told = mesh.leader?.agent.journal
    .past(0, 1_000)
    .filter(({ kind }) => kind === 'stage.raced')
  assert.equal(told?.length, 1)
  assert.match(told?.[0]?.text ?? '', /^work of run .* is raced: attempt 2 begins on /)
  // Nothing of it is left where it lost, nor learned there.
  const loser = mesh.members.find(({ agent }) => agent.id === first)!
  const left = () => [...loser.host.processTable.marked('SKEIN_RUN', () => true)].length
  await mesh.until(() => left() === 0 && loser.agent.work.uncommitted === 0, 'it is gone')
})

test('of work that was done before it is explained what it takes on each host', async () => {
  const mesh = await meshThatDid('where', 12)
  takesMs = 3_000
  const { run } = await mesh.call(mesh.leader!, 'startRun', { body: { workflow } })
  await mesh.world.runFor(1_000)
  const query = { stage: 'work' }
  const asked = { parameters: { run: run.id }, query }
  const { stages } = await mesh.call(mesh.follower, 'explainRun', asked)
  const told = stages[0]?.hosts?.map(({ reasons }) => {
    return reasons.find(({ factor }) => factor === 'expectedEnd')?.message
  })
  assert.equal(told?.length, 3)
  for (const message of told ?? []) assert.match(message ?? '', /^done in about .* such work t/)
})

test('a quiet mesh warns of nothing, and says that it does not know yet what is usual', async () => {
  const mesh = await meshThatDid('quiet', 3)
  await mesh.world.runFor(40 * 60_000)
  for (const { agent } of mesh.members) {
    const { warnings, unjudged } = await mesh.call(mesh.leader!, 'node', {
      parameters: { node: agent.id },
      query: { minutes: 1 },
    })
    assert.deepEqual(warnings, [])
    assert.match(unjudged ?? '', /unknown/)
    assert.equal(
      agent.journal.past(0, 1_000).filter(({ kind }) => kind === 'host.warning').length,
      0,
    )
  }
})

test('a disk that fills is warned of by its host, and seen from every other', async () => {
  const mesh = await meshThatDid('fills', 1)
  const { agent, host } = mesh.leader!
  const name = agent.settings.name
  host.platter.usedBytes = 40e9
  for (let minute = 0; minute < 40; minute++) {
    host.platter.usedBytes += 1e9
    await mesh.world.runFor(60_000)
  }
  const seen = async () => {
    const { nodes } = await mesh.call(mesh.follower, 'nodes', {})
    return nodes.flatMap(({ name: of, load }) => (load?.warnings ?? []).map((kind) => [of, kind]))
  }
  assert.deepEqual(await seen(), [[name, 'diskFull']])
  const { checks } = await mesh.call(mesh.follower, 'health', {})
  const check = checks.find((each) => each.check === `forecast of ${name}`)
  assert.equal(check?.state, 'degraded')
  const detail = await mesh.call(mesh.follower, 'node', {
    parameters: { node: agent.id },
    query: { minutes: 1 },
  })
  // Twenty are left, at one a minute.
  assert.match(detail.warnings?.[0]?.text ?? '', /is full in (19|2\d)m \(.*nine chances in ten\)/)
  await mesh.world.runFor(30 * 60_000)
  assert.deepEqual(await seen(), [])
  const events = agent.journal.past(0, 1_000).filter(({ kind }) => kind.startsWith('host.warning'))
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['host.warning', 'host.warningOver'],
  )
})
