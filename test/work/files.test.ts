/** Files of attempts on one host, and from another: in before they begin, and taken in after. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { ArtifactStore } from '../../agent/artifacts/store.ts'
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import { ArtifactSource, type Assignment, type Finished } from '../../protocol/work/attempt.ts'
import { artifactSourceBytesMax, workLimits } from '../../protocol/work/limits.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import { partition } from '../../simulations/world/faults.ts'
import type { Host } from '../../simulations/world/host.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { Stage, type StageOptions } from './stage.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Writes what its arguments say into its directory: PATH=TEXT, or PATH=@LENGTH. */
const make: Program = (self) => {
  for (const each of self.argv.slice(1)) {
    const [path = '', text = ''] = each.split('=')
    self.writeFile(
      `${self.cwd}/${path}`,
      text.startsWith('@') ? 'x'.repeat(Number(text.slice(1))) : text,
    )
  }
  self.writeFile(self.env.SKEIN_OUTPUT ?? '', '{"made":true}')
  self.writeFile(self.env.SKEIN_PROGRESS ?? '', 'made')
  self.exit(0)
}

/** Says what is in a file, or that it is not there. */
const show: Program = (self) => {
  for (const path of self.argv.slice(1)) {
    self.stdout(`${path}: ${self.readFile(`${self.cwd}/${path}`) ?? 'none'}\n`)
  }
  self.exit(0)
}

const programs = { make, show }

interface Other {
  host: Host
  store: ArtifactStore
}

/** Another host, with files of its own. */
async function otherWith(stage: Stage, files: Record<string, Uint8Array>) {
  const host = stage.world.addHost(`other-${stage.world.hosts.length}`)
  let store: ArtifactStore | undefined
  let manifest: ContentHash | undefined
  host.boot(async (ports) => {
    ports.network.learn(stage.host.id, [stage.host.address])
    store = new ArtifactStore(ports, {
      hello: helloOf('test', host.name),
      limits: storeLimits,
      onWarning: () => {},
      onVerdict: () => {},
    })
    await store.start()
    host.processTable.files.set('/made', new Map(Object.entries(files)))
    const made = { run: 'r1', directory: '/made', patterns: ['**'] }
    manifest = (await store.collect(made)).manifest
  })
  stage.ports?.network.learn(host.id, [host.address])
  await stage.until(() => manifest !== undefined, 'the other host has its files')
  return { host, store, manifest } as Other & { manifest: ContentHash }
}

function failureOf({ outcome }: Finished) {
  assert.equal(outcome.kind, 'failed')
  return outcome.kind === 'failed' ? outcome.value : assert.fail()
}

async function open(options: StageOptions = {}): Promise<Stage> {
  const stage = await new Stage({ programs, ...options }).ready()
  await stage.talking()
  return stage
}

test('files that a stage has made are handed on by their name, and what the agent keeps is not', async () => {
  const stage = await open()
  const of = stage.assignment(['make', 'dist/a=one', 'dist/b/c=two', 'rest=three'], {
    artifacts: ['dist/**', '*'],
  })
  stage.leader.assign(of)
  const { outcome } = await stage.over(of)
  assert.equal(outcome.kind, 'succeeded')
  const { artifacts } = outcome.kind === 'succeeded' ? outcome.value : assert.fail()
  assert.deepEqual({ ...artifacts, manifest: '' }, { manifest: '', files: 3, bytes: 11 })
  assert.equal(stage.artifacts?.has(artifacts!.manifest), true)
  assert.deepEqual(stage.artifacts?.pinnedRuns(), ['r1'])
})

test('a pattern that takes nothing is told in the log, and is no failure', async () => {
  const stage = await open()
  const of = stage.assignment(['make', 'a=one'], { artifacts: ['dist/**'] })
  stage.leader.assign(of)
  const { outcome, logTail } = await stage.over(of)
  assert.equal(outcome.kind, 'succeeded')
  assert.match(logTail ?? '', /dist\/\*\* takes no file/)
})

test('files of others are there before a stage begins, the later ones in place of the earlier', async () => {
  const stage = await open()
  const first = await otherWith(stage, { 'dist/a': bytes('old'), 'dist/b': bytes('kept') })
  const second = await otherWith(stage, { 'dist/a': bytes('new') })
  const from = [first, second].map(({ host, manifest }, i) => ({
    stage: `s${i}`,
    manifest,
    holders: [host.id],
  }))
  const of = stage.assignment(['show', 'dist/a', 'dist/b'], { artifactsFrom: from })
  stage.leader.assign(of)
  const { outcome, logTail } = await stage.over(of)
  assert.equal(outcome.kind, 'succeeded')
  assert.match(logTail ?? '', /dist\/a: new\ndist\/b: kept/)
})

test('an attempt without the files that it needs does not begin, and says how to make them again', async () => {
  const stage = await open()
  const { host, manifest } = await otherWith(stage, { a: bytes('one') })
  host.crash('powerLoss')
  const from = [{ stage: 'build', manifest, holders: [host.id] }]
  const of = stage.assignment(['show', 'a'], { artifactsFrom: from })
  stage.leader.assign(of)
  const failure = failureOf(await stage.over(of))
  assert.equal(failure.errorClass, 'transient')
  assert.equal(failure.code, 'unreachable')
  assert.match(failure.message, new RegExp(`files of build \\(${manifest}\\)`))
  assert.match(failure.message, /skein runs retry r1 --from build/)
  assert.equal(stage.started('show', 'a'), 0)
})

test('files that their host has no more are lost', async () => {
  const stage = await open()
  const { host } = await otherWith(stage, { a: bytes('one') })
  const from = [{ stage: 'build', manifest: '0'.repeat(64) as ContentHash, holders: [host.id] }]
  const of = stage.assignment(['show', 'a'], { artifactsFrom: from })
  stage.leader.assign(of)
  assert.equal(failureOf(await stage.over(of)).errorClass, 'lost')
})

test('a partition while files are on their way is waited out', async () => {
  const stage = await open()
  const many = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`f${i}`, new Uint8Array(1 << 20).fill(i + 1)]),
  )
  const { host, manifest } = await otherWith(stage, many)
  const of = stage.assignment(['show', 'none'], {
    artifactsFrom: [{ stage: 'build', manifest, holders: [host.id] }],
  })
  stage.leader.assign(of)
  await stage.until(() => (stage.artifacts?.usage().usedBytes ?? 0) > 0, 'some of it is here')
  partition(stage.world, [host], [stage.host])
  await stage.world.runFor(1_500)
  stage.world.wires.healAll()
  assert.equal((await stage.over(of)).outcome.kind, 'succeeded')
})

test('an attempt that is cancelled while its files come does not begin', async () => {
  const stage = await open()
  const { host, manifest } = await otherWith(stage, { a: bytes('one') })
  host.crash('powerLoss')
  const of = stage.assignment(['show', 'a'], {
    artifactsFrom: [{ stage: 'build', manifest, holders: [host.id] }],
  })
  stage.leader.assign(of)
  await stage.until(() => stage.leader.kindsOf(of).includes('accepted'), 'it is accepted')
  stage.leader.cancel(of)
  assert.equal((await stage.over(of)).outcome.kind, 'cancelled')
  assert.equal(stage.started('show', 'a'), 0)
})

test('the time of an attempt counts while its files come', async () => {
  const stage = await open()
  const { host, manifest } = await otherWith(stage, { a: bytes('one') })
  host.crash('powerLoss')
  const of = stage.assignment(['show', 'a'], {
    artifactsFrom: [{ stage: 'build', manifest, holders: [host.id] }],
    timeouts: { startToCloseMs: 700 },
  })
  stage.leader.assign(of)
  assert.deepEqual((await stage.over(of)).outcome, {
    kind: 'timedOut',
    value: { which: 'startToClose', afterMs: 700 },
  })
})

test('a host without room for the files of a stage fails it for want of resources', async () => {
  const stage = await open({ store: { quotaBytes: 4 } })
  const of = stage.assignment(['make', 'a=12345'], { artifacts: ['**'] })
  stage.leader.assign(of)
  const failure = failureOf(await stage.over(of))
  assert.equal(failure.errorClass, 'resource')
  assert.equal(failure.code, 'quotaFull')
})

test('a stage with a directory of its own finds and hands on files there', async () => {
  const stage = await open()
  stage.host.processTable.files.set('/srv/app', new Map([['old', bytes('stays')]]))
  const { host, manifest } = await otherWith(stage, { a: bytes('one') })
  const of = stage.assignment(['make', 'b=two'], {
    directory: '/srv/app',
    artifacts: ['**'],
    artifactsFrom: [{ stage: 'build', manifest, holders: [host.id] }],
  })
  stage.leader.assign(of)
  const { outcome } = await stage.over(of)
  assert.equal(outcome.kind === 'succeeded' && outcome.value.artifacts?.files, 3)
  assert.deepEqual([...(stage.host.processTable.files.get('/srv/app')?.keys() ?? [])].sort(), [
    'a',
    'b',
    'old',
  ])
})

test('files are taken in again when the agent dies while it takes them in', async () => {
  const stage = await open()
  const big = `@${3 << 20}`
  const of = stage.assignment(['make', `a=${big}`], { artifacts: ['**'] })
  stage.leader.assign(of)
  await stage.until(() => stage.started('make', `a=${big}`) === 1, 'it has started')
  await stage.world.runFor(3)
  await stage.again('kill')
  await stage.talking()
  const { outcome } = await stage.over(of)
  assert.equal(stage.started('make', `a=${big}`), 1)
  assert.equal(outcome.kind === 'succeeded' && outcome.value.artifacts?.bytes, 3 << 20)
})

test('a function is told where its files are, and nothing of the directory stays', async () => {
  const step: AttemptStep = {
    kind: 'function',
    value: { module: 'skein:noop', export: 'default' },
  }
  const stage = await open()
  const of: Assignment = stage.assignment(step, { artifacts: ['**'] })
  stage.leader.assign(of)
  const { outcome } = await stage.over(of)
  assert.equal(outcome.kind === 'succeeded' && outcome.value.artifacts?.files, 0)
  await stage.world.runFor(1_000)
  assert.deepEqual(
    [...stage.host.processTable.files.keys()].filter((path) => !path.includes('log')),
    [],
  )
})

test('the largest source of files takes no more than what is reckoned for it', () => {
  const { stageNameBytesMax, contentHashBytesMax, artifactHoldersMax, holderBytesMax } = workLimits
  const largest = encode(ArtifactSource, {
    stage: 's'.repeat(stageNameBytesMax),
    manifest: 'f'.repeat(contentHashBytesMax) as ContentHash,
    holders: Array.from({ length: artifactHoldersMax }, () => 'p'.repeat(holderBytesMax) as PeerId),
  })
  // With its own tag and length among others.
  assert.ok(largest.length + 4 <= artifactSourceBytesMax)
})

test('an agent that is stopped while files come gives the attempt up, and starts nothing', async () => {
  const stage = await open()
  const { host, manifest } = await otherWith(stage, { a: bytes('one') })
  host.crash('powerLoss')
  const of = stage.assignment(['show', 'a'], {
    artifactsFrom: [{ stage: 'build', manifest, holders: [host.id] }],
  })
  stage.leader.assign(of)
  await stage.until(() => stage.leader.kindsOf(of).includes('accepted'), 'it is accepted')
  const stopped = stage.stopDesk()
  await stage.until(stopped, 'the desk has stopped')
  await stage.again('kill')
  await stage.talking()
  assert.equal(failureOf(await stage.over(of)).errorClass, 'lost')
  assert.equal(stage.started('show', 'a'), 0)
})

test('a stage has not to give signs of life while its files are taken in', async () => {
  const stage = await open()
  const of = stage.assignment(['make', `a=@${64 << 20}`], {
    artifacts: ['**'],
    timeouts: { heartbeatMs: 20 },
  })
  stage.leader.assign(of)
  const { outcome, usage } = await stage.over(of)
  assert.equal(outcome.kind, 'succeeded')
  assert.ok(usage.wallMs! > 20, 'it takes longer than that')
})
