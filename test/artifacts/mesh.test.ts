/** Files from stage to stage in a mesh of whole agents, whatever becomes of the hosts they lie on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partition } from '../../simulations/world/faults.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { type Member, Mesh, type MeshOptions } from '../history/stage.ts'

const bigBytes = 3 * 1024 * 1024 + 5

const build: Program = (self) => {
  const at = self.cwd
  self.writeFile(`${at}/dist/a`, 'one')
  self.writeFile(`${at}/dist/sub/b`, `two of ${self.env.SKEIN_RUN}`)
  self.writeFile(`${at}/dist/big`, 'x'.repeat(bigBytes))
  self.writeFile(`${at}/left`, 'behind')
  self.exit(0)
}

const check: Program = (self) => {
  const of = (path: string) => self.readFile(`${self.cwd}/${path}`)
  const said = {
    a: of('dist/a'),
    b: of('dist/sub/b'),
    big: of('dist/big')?.length,
    left: of('left'),
  }
  self.writeFile(self.env.SKEIN_OUTPUT ?? '', JSON.stringify(said))
  self.exit(0)
}

const apart = (rest: string) => `apiVersion: skein/v1
kind: Workflow
name: handing
stages:
  build: { run: [build], artifacts: [dist/**] }
${rest}  check:
    needs: [build${rest === '' ? '' : ', pause'}]
    where: { antiAffinity: { stages: [build], required: true } }
    artifactsFrom: [build]
    run: [check]
    retry: { per: { lost: { attempts: 2 } } }
`
const pause = '  pause: { needs: [build], wait: 20s }\n'

async function meshOf(seed: string, options: MeshOptions = {}): Promise<Mesh> {
  return Mesh.of(seed, 3, { schedules: true, programs: { build, check }, ...options })
}

async function start(mesh: Mesh, workflow: string): Promise<string> {
  const body = { workflow }
  return (await mesh.call(mesh.leader!, 'startRun', { body })).run.id
}

const unitOf = (mesh: Mesh, run: string, stage: string) =>
  mesh.hot(run)?.units.find((unit) => unit.stage === stage)

async function ended(mesh: Mesh, run: string, withinMs = 300_000): Promise<string | undefined> {
  const isOver = () => {
    const state = mesh.leader && mesh.hot(run)?.head.state
    return state !== undefined && state !== 'running' && state !== 'queued'
  }
  await mesh.until(isOver, 'the run ends', withinMs)
  return mesh.hot(run)?.head.state
}

/** The member that has made the files, once they are there. */
async function maker(mesh: Mesh, run: string): Promise<Member> {
  await mesh.until(() => unitOf(mesh, run, 'build')?.state === 'succeeded', 'the files are made')
  const node = unitOf(mesh, run, 'build')?.node
  return mesh.members.find(({ host }) => host.id === node) ?? assert.fail()
}

function outputsOf(mesh: Mesh, run: string) {
  return JSON.parse(unitOf(mesh, run, 'check')?.outputs ?? 'null') as unknown
}

test('a stage on another host finds all files that the one before has made, and no others', async () => {
  const mesh = await meshOf('apart')
  const run = await start(mesh, apart(''))
  assert.equal(await ended(mesh, run), 'succeeded')
  assert.deepEqual(outputsOf(mesh, run), { a: 'one', b: `two of ${run}`, big: bigBytes })
  const { lists } = await mesh.call(mesh.follower, 'runArtifacts', { parameters: { run } })
  assert.deepEqual(
    lists.map(({ stage, files, hosts }) => [stage, files, hosts.map(({ node }) => node)]),
    [['build', 3, [unitOf(mesh, run, 'build')?.node, unitOf(mesh, run, 'check')?.node]]],
  )
  // Whoever is asked reads them from the host that has them.
  for (const member of mesh.members) {
    const { manifest, node } = lists[0]!
    const parameters = { node, manifest }
    const page = await mesh.call(member, 'artifactFiles', { parameters, query: { limit: 2 } })
    assert.deepEqual(
      page.files.map(({ path }) => path),
      ['dist/a', 'dist/big'],
    )
    const rest = await mesh.call(member, 'artifactFiles', {
      parameters,
      query: { after: page.next },
    })
    assert.deepEqual(
      rest.files.map(({ path }) => path),
      ['dist/sub/b'],
    )
    const { content } = page.files[0]!
    const piece = await mesh.call(member, 'artifactPiece', { parameters: { node, content } })
    assert.equal(Buffer.from(piece.base64, 'base64').toString(), 'one')
  }
})

test('files whose host is gone for good are lost, and the run says how to make them again', async () => {
  const mesh = await meshOf('gone')
  const run = await start(mesh, apart(pause))
  const { host } = await maker(mesh, run)
  host.crash('kill')
  assert.equal(await ended(mesh, run), 'failed')
  const { errorClass, why, attempt } = unitOf(mesh, run, 'check')!
  assert.equal(errorClass, 'lost')
  assert.equal(attempt, 2)
  assert.ok(why?.includes(`were on ${host.name}, which is gone`), why)
  assert.ok(why?.includes(`skein runs retry ${run} --from build`), why)
})

test('files whose host is back in time are had from it', async () => {
  const mesh = await meshOf('back')
  const run = await start(mesh, apart(pause))
  const { host } = await maker(mesh, run)
  host.crash('powerLoss')
  await mesh.world.runFor(15_000)
  host.restart()
  assert.equal(await ended(mesh, run), 'succeeded')
  assert.deepEqual(outputsOf(mesh, run), { a: 'one', b: `two of ${run}`, big: bigBytes })
})

test('a partition while files are on their way is got over', async () => {
  const mesh = await meshOf('split')
  const run = await start(mesh, apart(pause))
  const { host } = await maker(mesh, run)
  await mesh.until(
    () => unitOf(mesh, run, 'check')?.state === 'assigned',
    'the other begins',
    60_000,
  )
  const node = unitOf(mesh, run, 'check')?.node
  const taker = mesh.members.find((member) => member.host.id === node)
  assert.ok(taker)
  partition(mesh.world, [host], [taker.host])
  await mesh.world.runFor(2_500)
  mesh.world.wires.healAll()
  assert.equal(await ended(mesh, run), 'succeeded')
  assert.deepEqual(outputsOf(mesh, run), { a: 'one', b: `two of ${run}`, big: bigBytes })
})

test('a host without room for files fails their stage for want of resources', async () => {
  const mesh = await meshOf('full', { store: { quotaBytes: 1_000 } })
  const run = await start(mesh, apart(''))
  assert.equal(await ended(mesh, run), 'failed')
  assert.equal(unitOf(mesh, run, 'build')?.errorClass, 'resource')
})

test('files stay as long as a run is there that needs them, and not longer', async () => {
  const mesh = await meshOf('kept', { afterMs: 60_000 })
  const first = await start(mesh, apart(''))
  assert.equal(await ended(mesh, first), 'succeeded')
  const { agent } = await maker(mesh, first)
  assert.deepEqual(agent.artifacts.pinnedRuns(), [first])
  await mesh.world.runFor(40_000)
  const again = await mesh.call(mesh.follower, 'retryRun', {
    parameters: { run: first },
    body: { from: ['check'] },
  })
  const second = again.run.id
  assert.equal(await ended(mesh, second), 'succeeded')
  assert.deepEqual(outputsOf(mesh, second), { a: 'one', b: `two of ${first}`, big: bigBytes })
  assert.deepEqual(agent.artifacts.pinnedRuns(), [first, second])
  await mesh.archived(first, 120_000)
  await mesh.until(() => agent.artifacts.pinnedRuns().length === 1, 'one lets go', 60_000)
  assert.deepEqual(agent.artifacts.pinnedRuns(), [second])
  const asked = { parameters: { run: first } }
  const { lists } = await mesh.call(mesh.follower, 'runArtifacts', asked)
  assert.equal(lists[0]?.files, 3, 'what was handed on is still known')
  await mesh.archived(second, 120_000)
  await mesh.until(() => agent.artifacts.pinnedRuns().length === 0, 'both have let go', 60_000)
})

test('a new leader knows which files there are and who has them', async () => {
  const mesh = await meshOf('led')
  const run = await start(mesh, apart(pause))
  const made = await maker(mesh, run)
  const before = mesh.leader
  assert.ok(before)
  before.host.crash('kill')
  await mesh.world.runFor(5_000)
  if (before === made) before.host.restart()
  assert.equal(await ended(mesh, run), 'succeeded')
  assert.deepEqual(outputsOf(mesh, run), { a: 'one', b: `two of ${run}`, big: bigBytes })
})
