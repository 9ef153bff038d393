/** Quotas, pins and limits: what is needed stays, what is not makes way, and nobody is surprised. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Catalogue } from '../../agent/artifacts/catalogue.ts'
import { warning } from '../../agent/artifacts/collecting.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { assertSame, type Bird, fetching, filesAt, madeBytes, mib, put, Stage } from './stage.ts'

const quota = { quotaBytes: 10 * mib }

const set = (salt: number, mibs = 3) => ({ file: madeBytes(mibs * mib, salt) })

test('what no run pins makes way, least recently used first', async () => {
  const stage = new Stage('lru')
  const maker = await stage.add('maker', quota)
  const made = []
  for (const i of [1, 2, 3]) {
    made.push(await stage.collect(maker, set(i), `r${i}`))
    await stage.outcome(maker.store.unpin(`r${i}`))
  }
  await stage.fetch(maker, made[0]!.manifest, [])
  await stage.collect(maker, set(4), 'r4')
  assert.deepEqual(
    made.map(({ manifest }) => maker.store.has(manifest)),
    [true, false, true],
  )
  assert.ok(maker.store.usage().usedBytes <= quota.quotaBytes)
  assert.equal(maker.host.blobs.usedBytes, maker.store.usage().usedBytes)
})

test('the order of use survives a restart', async () => {
  const stage = new Stage('lru after restart')
  const maker = await stage.add('maker', quota)
  const made = []
  for (const i of [1, 2, 3]) {
    made.push(await stage.collect(maker, set(i), `r${i}`))
    await stage.outcome(maker.store.unpin(`r${i}`))
  }
  await stage.fetch(maker, made[0]!.manifest, [])
  await stage.world.runFor(1_000)
  maker.host.crash('kill')
  await stage.restart(maker)
  await stage.collect(maker, set(4), 'r4')
  assert.deepEqual(
    made.map(({ manifest }) => maker.store.has(manifest)),
    [true, false, true],
  )
})

test('what a run pins is never removed: a full quota refuses, with class resource, and removes nothing', async () => {
  const stage = new Stage('full quota')
  const maker = await stage.add('maker', quota)
  const pinned = await stage.collect(maker, set(1, 6), 'r1')
  const loose = await stage.collect(maker, set(2, 2), 'r2')
  await stage.outcome(maker.store.unpin('r2'))
  put(maker, '/work/r3', set(3, 5))
  const request = { run: 'r3', directory: '/work/r3', patterns: ['**'] }
  const error = await stage.failure(maker.store.collect(request))
  assert.deepEqual([error.code, error.errorClass], ['quotaFull', 'resource'])
  assert.match(error.message, /archive runs/)
  assert.ok(maker.store.has(pinned.manifest))
  assert.ok(maker.store.has(loose.manifest))
  await stage.outcome(maker.store.unpin('r1'))
  await stage.outcome(maker.store.collect(request))
  assert.deepEqual(maker.store.pinnedRuns(), ['r3'])
})

test('a full quota refuses a fetch likewise', async () => {
  const stage = new Stage('full quota, fetch')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker', quota)]
  await stage.collect(taker, set(1, 6), 'r1')
  const made = await stage.collect(maker, set(2, 6), 'r2')
  const error = await stage.failure(fetching(taker, made.manifest, [maker]))
  assert.deepEqual([error.code, error.errorClass], ['quotaFull', 'resource'])
  await stage.outcome(taker.store.unpin('r1'))
  await stage.fetch(taker, made.manifest, [maker])
})

test('what is fetched is pinned by nobody, unless somebody does', async () => {
  const stage = new Stage('pin')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker', quota)]
  const one = await stage.collect(maker, set(1, 4), 'r1')
  const two = await stage.collect(maker, set(2, 4), 'r2')
  const three = await stage.collect(maker, set(3, 4), 'r3')
  await stage.fetch(taker, one.manifest, [maker])
  assert.equal(await stage.outcome(taker.store.pin('r1', one.manifest)), true)
  assert.equal(await stage.outcome(taker.store.pin('r1', two.manifest)), false)
  await stage.fetch(taker, two.manifest, [maker])
  await stage.fetch(taker, three.manifest, [maker])
  assert.deepEqual(
    [one, two, three].map(({ manifest }) => taker.store.has(manifest)),
    [true, false, true],
  )
})

test('contents that two sets share are kept once, and as long as one of them needs them', async () => {
  const stage = new Stage('shared')
  const maker = await stage.add('maker', { quotaBytes: 16 * mib + 2 })
  const shared = madeBytes(4 * mib, 1)
  const a = await stage.collect(maker, { shared, a: madeBytes(1, 2) }, 'a')
  const b = await stage.collect(maker, { shared, copy: shared, b: madeBytes(2, 3) }, 'b')
  assert.equal(maker.store.usage().usedBytes, 4 * mib + 3)
  assert.equal(maker.host.blobs.usedBytes, 4 * mib + 3)
  await stage.outcome(maker.store.unpin('a'))
  await stage.collect(maker, set(9, 12), 'c')
  assert.deepEqual([maker.store.has(a.manifest), maker.store.has(b.manifest)], [false, true])
  assert.equal(maker.store.bytesHeld([a.manifest, b.manifest]), 4 * mib + 2)
  assert.equal(maker.host.blobs.usedBytes, 16 * mib + 2)
})

test('a fetch never makes room by removing what it is about to put in place', async () => {
  const stage = new Stage('own victim')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker', quota)]
  const shared = madeBytes(4 * mib, 1)
  const old = await stage.collect(maker, { shared, old: madeBytes(3 * mib, 2) }, 'r1')
  const young = await stage.collect(maker, { shared, young: madeBytes(5 * mib, 3) }, 'r2')
  await stage.fetch(taker, old.manifest, [maker])
  const fetched = await stage.fetch(taker, young.manifest, [maker])
  assert.equal(fetched.receivedBytes, 5 * mib)
  assert.deepEqual([taker.store.has(old.manifest), taker.store.has(young.manifest)], [false, true])
  assert.equal(taker.store.usage().usedBytes, 9 * mib)
  assert.equal(taker.host.blobs.usedBytes, 9 * mib)
  maker.host.crash('kill')
  await stage.fetch(taker, young.manifest, [maker], '/work/again')
})

test('too many contents make way as too many bytes do', async () => {
  const stage = new Stage('contents')
  const maker = await stage.add('maker', { blobsMax: 5, manifestsMax: 3 })
  const few = (salt: number) => ({ a: madeBytes(10, salt), b: madeBytes(11, salt) })
  for (let i = 0; i < 8; i++) {
    await stage.collect(maker, few(i + 1), `r${i}`)
    await stage.outcome(maker.store.unpin(`r${i}`))
    assert.ok(maker.store.usage().contents <= 5)
    assert.ok(maker.store.usage().manifests <= 3)
  }
})

test('a quota that fills is announced once, until it has emptied', async () => {
  const stage = new Stage('announced')
  const maker = await stage.add('maker', quota)
  const quotaWarnings = () => maker.warnings.filter(({ limit }) => limit === 'quota').length
  await stage.collect(maker, set(1, 7), 'r1')
  assert.equal(quotaWarnings(), 0)
  await stage.collect(maker, set(2, 1), 'r2')
  assert.equal(quotaWarnings(), 1)
  await stage.collect(maker, set(3, 1), 'r3')
  assert.equal(quotaWarnings(), 1)
  await stage.outcome(maker.store.unpin('r1'))
  await stage.collect(maker, set(4, 7), 'r4')
  assert.equal(quotaWarnings(), 2)
})

test('limits of a stage are announced at four fifths, with figures', () => {
  assert.equal(warning('filesPerStage', 7_999, 10_000, 'files'), undefined)
  assert.equal(
    warning('filesPerStage', 8_000, 10_000, 'files of one stage')?.message,
    '8000 of at most 10000 files of one stage (80%)',
  )
})

test('more files than a stage may hand on are refused before anything is copied', async () => {
  const stage = new Stage('many files')
  const maker = await stage.add('maker')
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, new Uint8Array(0)]))
  const { filesPerStageMax } = artifactLimits
  const error = await failing(stage, maker, many(filesPerStageMax + 1))
  assert.deepEqual([error.code, error.errorClass], ['tooManyFiles', 'input'])
  assert.equal(maker.store.usage().contents, 0)
  const made = await stage.collect(maker, many(filesPerStageMax), 'r2')
  assert.equal(made.files, filesPerStageMax)
  assert.deepEqual(
    made.warnings.map(({ limit }) => limit),
    ['filesPerStage'],
  )
})

test('patterns that take nothing are named; those that are none are refused', async () => {
  const stage = new Stage('patterns')
  const maker = await stage.add('maker')
  const files = { 'dist/a': madeBytes(1), 'b.txt': madeBytes(2) }
  const made = await stage.collect(maker, files, 'r1', ['dist/**', 'nothing/*', '!dist/b', '*.md'])
  assert.deepEqual([made.files, made.unmatched], [1, ['nothing/*', '*.md']])
  const none = await stage.collect(maker, files, 'r1', ['nothing/*'])
  assert.deepEqual([none.files, none.bytes], [0, 0])
  await stage.fetch(maker, none.manifest, [])
  for (const pattern of ['/etc/*', '../up', 'a{b', '']) {
    put(maker, '/work/r2', files)
    const request = { run: 'r2', directory: '/work/r2', patterns: [pattern] }
    const error = await stage.failure(maker.store.collect(request))
    assert.deepEqual([error.code, error.errorClass], ['badPattern', 'input'], pattern)
  }
  const gone = { run: 'r3', directory: '/work/none', patterns: ['**'] }
  assert.equal((await stage.failure(maker.store.collect(gone))).code, 'notFound')
})

test('a name that cannot be handed on is refused, and named', async () => {
  const stage = new Stage('names')
  const maker = await stage.add('maker')
  const error = await failing(stage, maker, { 'a\nb': madeBytes(1) })
  assert.deepEqual([error.code, error.errorClass], ['badPath', 'input'])
  assert.match(error.message, /"a\\nb" cannot be handed on: it has a control character/)
})

test('pins are there after a restart, and only those that were let go are gone', async () => {
  const stage = new Stage('pins')
  const maker = await stage.add('maker', quota)
  const one = await stage.collect(maker, set(1, 3), 'r1')
  await stage.collect(maker, set(2, 3), 'r2')
  await stage.outcome(maker.store.unpin('r2'))
  maker.host.crash('kill')
  await stage.restart(maker)
  assert.deepEqual(maker.store.pinnedRuns(), ['r1'])
  await stage.collect(maker, set(3, 6), 'r3')
  await stage.fetch(maker, one.manifest, [])
  assertSame(filesAt(maker), set(1, 3))
})

test('the catalogue refuses to forget what is held', () => {
  const catalogue = new Catalogue()
  const known = catalogue.add('a' as never, [])
  catalogue.pin(known, 'r1')
  assert.equal(catalogue.victim(), undefined)
  assert.throws(() => catalogue.forgetManifest(known), /stays/)
})

function failing(stage: Stage, bird: Bird, files: Record<string, Uint8Array>) {
  return stage.failure(stage.collecting(bird, files, 'r1'))
}
