/** What was learned is used on a mesh: where work goes, what is late, what a host warns of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Program } from '../../simulations/world/programs.ts'
import { Mesh } from '../history/stage.ts'

let takesMs = 1_000
const work: Program = (self) => self.after(takesMs, () => self.exit(0))

const workflow = `apiVersion: skein/v1
kind: Workflow
name: used
stages:
  work: { run: [work] }
`

async function meshThatDid(seed: string, count: number): Promise<Mesh> {
  takesMs = 1_000
  const mesh = await Mesh.of(seed, 3, { schedules: true, programs: { work } })
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
