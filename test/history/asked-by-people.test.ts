/** Runs as the command line asks about them: by names that may be slips, with values that are texts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { isVouchedFor } from '../../coordinator/audit/hearsay.ts'
import { read } from '../../protocol/ledger/read.ts'
import { Mesh } from './stage.ts'

const workflow = `
apiVersion: skein/v1
kind: Workflow
name: release
inputs:
  version: { type: string }
  percent: { type: integer, default: 1 }
  token: { type: string, default: very-private, secret: true }
stages:
  may-fail: { function: { module: 'skein:fail' }, optional: true }
  build: { function: { module: 'skein:noop' } }
  after: { needs: [may-fail, build], function: { module: 'skein:noop' } }
`

async function ended(mesh: Mesh, id: string): Promise<void> {
  const isOver = () => mesh.hot(id)?.head.endedMs !== undefined
  await mesh.until(isOver, 'the run ends', 120_000)
}

async function started(seed: string) {
  const mesh = await Mesh.of(seed, 3, { schedules: true })
  const body = { workflow, texts: { version: '1.10', percent: '7' } }
  const { run } = await mesh.call(mesh.follower, 'startRun', { body })
  return { mesh, run: run.id, parameters: { run: run.id } }
}

test('values that are texts are what their inputs take, also in a run that is done again', async () => {
  const { mesh, run, parameters } = await started('texts')
  const { inputs } = await mesh.call(mesh.follower, 'run', { parameters })
  assert.deepEqual([inputs.version, inputs.percent], ['1.10', 7])
  await ended(mesh, run)
  const body = { from: ['build'], texts: { version: '2' } }
  const again = await mesh.call(mesh.follower, 'retryRun', { parameters, body })
  const shown = await mesh.call(mesh.follower, 'run', { parameters: { run: again.run.id } })
  assert.deepEqual([shown.inputs.version, shown.inputs.percent], ['2', 7])
})

test('a secret input is shown to nobody, and yet is what a run that is done again has', async () => {
  const { mesh, run, parameters } = await started('masked')
  const shown = await mesh.call(mesh.follower, 'run', { parameters })
  assert.equal(shown.inputs.token, '***')
  assert.ok(!JSON.stringify(shown).includes('very-private'))
  await ended(mesh, run)
  const again = await mesh.call(mesh.follower, 'retryRun', {
    parameters,
    body: { from: ['build'] },
  })
  assert.match(mesh.hot(again.run.id)?.spec.inputs ?? '', /very-private/)
})

test('a run that is done again, by way of any host, is the deed of whoever signed for that run', async () => {
  const { mesh, run, parameters } = await started('deed')
  await ended(mesh, run)
  const body = { from: ['build'] }
  const again = await mesh.call(mesh.follower, 'retryRun', { parameters, body })
  const { items } = read(mesh.leader!.agent.ledger.state, { kind: 'auditList' }).value
  const entry = items.find(({ verb }) => verb === 'run.retry') ?? assert.fail('an entry')
  assert.equal(entry.object, `run ${again.run.id}, again ${run}`)
  const { host, agent } = mesh.follower
  const signed = {
    name: 'ada',
    verb: 'run.retry',
    object: run,
    issuedMs: 0,
    isFresh: true,
  } as const
  const note = { ...signed, actor: 'ada', object: entry.object }
  assert.ok(isVouchedFor(note, { id: agent.id, name: host.name }, signed))
})

test('a stage that the workflow does not have is a slip, told with the nearest name', async () => {
  const { mesh, run, parameters } = await started('slips')
  const isSlip = ({ code, why, fix }: { code: string; why: string; fix: string }) => {
    assert.deepEqual([code, fix], ['notFound', 'did you mean build?'])
    assert.match(why, /no stage "biuld"/)
    return true
  }
  const slip = (error: unknown) => isSlip(error as ApiRefusal)
  const isBroken = ([only, ...more]: object[]) => {
    assert.deepEqual(more, [], 'it would wait for it in vain')
    isSlip((only as { error: ApiRefusal }).error)
  }
  const explaining = () =>
    mesh.call(mesh.follower, 'explainRun', { parameters, query: { stage: 'biuld' } })
  const reading = (follow: boolean) =>
    mesh.lines(mesh.follower, 'runLogs', {
      parameters,
      query: { stage: 'biuld', follow: String(follow) },
    })
  await assert.rejects(explaining(), slip)
  isBroken(await reading(true))
  await ended(mesh, run)
  await assert.rejects(explaining(), slip)
  isBroken(await reading(false))
})

test('a stage that failed is explained when its run is over, with its tries', async () => {
  const { mesh, run, parameters } = await started('explained')
  await ended(mesh, run)
  const { why, stages } = await mesh.call(mesh.follower, 'explainRun', { parameters, query: {} })
  assert.match(why ?? '', /^it has succeeded/)
  assert.deepEqual(
    stages.map(({ stage, state }) => [stage, state]),
    [['may-fail', 'failed']],
  )
  assert.match(
    stages[0]?.why ?? '',
    /^it was asked to fail \(an error of class bug\); try 1 on n\d failed/,
  )
})

test('what an optional stage has left behind is ground enough to do again what comes after it', async () => {
  const { mesh, run, parameters } = await started('ground')
  await ended(mesh, run)
  const again = await mesh.call(mesh.follower, 'retryRun', {
    parameters,
    body: { only: ['after'] },
  })
  await ended(mesh, again.run.id)
  assert.equal(mesh.hot(again.run.id)?.head.state, 'succeeded')
})

test('what was undone when the run failed is done again, and nothing stands on it', async () => {
  const text = `
apiVersion: skein/v1
kind: Workflow
name: undone
stages:
  sure: { function: { module: 'skein:noop' } }
  make: { function: { module: 'skein:noop' }, compensate: unmake }
  unmake: { function: { module: 'skein:noop' } }
  use: { needs: [make, sure], function: { module: 'skein:fail' } }
`
  const mesh = await Mesh.of('undone', 3, { schedules: true })
  const { run } = await mesh.call(mesh.follower, 'startRun', { body: { workflow: text } })
  await ended(mesh, run.id)
  assert.ok(mesh.hot(run.id)?.units.some(({ stage }) => stage === 'unmake'))
  const parameters = { run: run.id }
  const again = (body: object) => mesh.call(mesh.follower, 'retryRun', { parameters, body })
  await assert.rejects(again({ only: ['use'] }), /use needs make, which was undone/)
  const { id } = (await again({ failed: true })).run
  await ended(mesh, id)
  const { kept } = await mesh.call(mesh.follower, 'run', { parameters: { run: id } })
  assert.deepEqual(kept, ['sure'])
})
