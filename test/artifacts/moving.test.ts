/** Artifacts from host to host in a virtual world: whole, or a clear error. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mend, partition } from '../../simulations/world/faults.ts'
import { assertSame, fetching, filesAt, madeBytes, mib, Stage } from './stage.ts'

const files = {
  'dist/app.js': madeBytes(3 * mib + 17, 1),
  'dist/empty': new Uint8Array(0),
  'dist/lib/one.js': madeBytes(100, 2),
  readme: madeBytes(mib, 3),
}

test('what one stage leaves is where the next one looks for it, byte by byte', async () => {
  const stage = new Stage('moving')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  maker.host.blobs.executables.add('/work/r1/dist/lib/one.js')
  const made = await stage.collect(maker, files)
  assert.deepEqual([made.files, made.bytes], [4, 4 * mib + 117])
  assert.equal(taker.store.has(made.manifest), false)
  const fetched = await stage.fetch(taker, made.manifest, [maker])
  assertSame(filesAt(taker), files)
  assert.ok(taker.host.blobs.executables.has('/work/in/dist/lib/one.js'))
  assert.equal(taker.host.blobs.executables.has('/work/in/readme'), false)
  assert.deepEqual(fetched.from, [maker.host.id])
  assert.equal(fetched.receivedBytes, made.bytes)
  assert.equal(taker.store.has(made.manifest), true)
  assert.equal(taker.store.bytesHeld([made.manifest]), made.bytes)
})

test('what is here already is not asked for again', async () => {
  const stage = new Stage('again')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const one = await stage.collect(maker, files, 'r1')
  await stage.fetch(taker, one.manifest, [maker])
  const again = await stage.fetch(taker, one.manifest, [maker], '/work/elsewhere')
  assert.equal(again.receivedBytes, 0)
  assertSame(filesAt(taker, '/work/elsewhere'), files)
  const more = { ...files, 'dist/app.map': madeBytes(5_000, 4) }
  const other = await stage.collect(maker, more, 'r2')
  assert.equal((await stage.fetch(taker, other.manifest, [maker])).receivedBytes, 5_000)
  assertSame(filesAt(taker), more)
})

test('who made it needs nobody to have it', async () => {
  const stage = new Stage('alone')
  const maker = await stage.add('maker')
  const made = await stage.collect(maker, files)
  await stage.fetch(maker, made.manifest, [])
  assertSame(filesAt(maker), files)
  await stage.fetch(maker, made.manifest, [maker], '/work/other')
  assertSame(filesAt(maker, '/work/other'), files)
})

test('the same files have the same name, whoever has made them', async () => {
  const stage = new Stage('names')
  const [one, other] = [await stage.add('one'), await stage.add('other')]
  const a = await stage.collect(one, files)
  const reversed = Object.fromEntries(Object.entries(files).reverse())
  assert.equal((await stage.collect(other, reversed)).manifest, a.manifest)
  const changed = { ...files, readme: madeBytes(mib, 4) }
  assert.notEqual((await stage.collect(other, changed)).manifest, a.manifest)
})

test('a holder that can serve again later serves others who fetched from it', async () => {
  const stage = new Stage('chain')
  const [maker, second, third] = [
    await stage.add('maker'),
    await stage.add('second'),
    await stage.add('third'),
  ]
  const made = await stage.collect(maker, files)
  await stage.fetch(second, made.manifest, [maker])
  maker.host.crash('kill')
  const fetched = await stage.fetch(third, made.manifest, [maker, second])
  assert.deepEqual(fetched.from, [second.host.id])
  assertSame(filesAt(third), files)
})

test('loss slows a fetch down and changes nothing', async () => {
  const stage = new Stage('loss', { loss: 0.05, latencyMs: 20, jitterMs: 10 })
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const made = await stage.collect(maker, files)
  await stage.fetch(taker, made.manifest, [maker])
  assertSame(filesAt(taker), files)
  assert.deepEqual(taker.verdicts, [])
})

test('a partition in the middle of a transfer costs what was under way, and another holder goes on', async () => {
  const stage = new Stage('partition', { bytesPerSecond: 4e6 })
  const [maker, other, taker] = [
    await stage.add('maker'),
    await stage.add('other'),
    await stage.add('taker'),
  ]
  const large = { large: madeBytes(24 * mib, 5) }
  const made = await stage.collect(maker, large)
  await stage.collect(other, large)
  const fetch = fetching(taker, made.manifest, [maker])
  await stage.world.runFor(3_000)
  partition(stage.world, [maker.host], [taker.host])
  const error = await stage.failure(fetch)
  assert.deepEqual([error.code, error.errorClass], ['unreachable', 'transient'])
  const fetched = await stage.fetch(taker, made.manifest, [maker, other])
  assertSame(filesAt(taker), large)
  assert.deepEqual(fetched.from, [other.host.id])
  assert.ok(fetched.receivedBytes < 20 * mib, `${fetched.receivedBytes} bytes came again`)
})

test('a partition that mends before patience ends is only a delay', async () => {
  const stage = new Stage('mend', { bytesPerSecond: 4e6 })
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const large = { large: madeBytes(24 * mib, 6) }
  const made = await stage.collect(maker, large)
  const fetch = fetching(taker, made.manifest, [maker])
  await stage.world.runFor(3_000)
  partition(stage.world, [maker.host], [taker.host])
  await stage.world.runFor(10_000)
  mend(stage.world, [maker.host], [taker.host])
  const fetched = await stage.outcome(fetch)
  assertSame(filesAt(taker), large)
  assert.ok(fetched.receivedBytes < 24 * mib + 5 * mib)
})

test('what nobody has is lost, and the error says so', async () => {
  const stage = new Stage('lost')
  const [maker, other, taker] = [
    await stage.add('maker'),
    await stage.add('other'),
    await stage.add('taker'),
  ]
  const made = await stage.collect(maker, files)
  for (const holders of [[other], []]) {
    const error = await stage.failure(fetching(taker, made.manifest, holders))
    assert.deepEqual([error.code, error.errorClass], ['lost', 'lost'])
    assert.match(error.message, /run the stage again/)
  }
})

test('a fetch that is called off ends at once, and what came is used by the next', async () => {
  const stage = new Stage('abort', { bytesPerSecond: 4e6 })
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const large = { large: madeBytes(24 * mib, 7) }
  const made = await stage.collect(maker, large)
  const calling = new AbortController()
  const fetch = fetching(taker, made.manifest, [maker], '/work/in', calling.signal)
  await stage.world.runFor(3_000)
  const calledOffMs = stage.world.nowMs
  calling.abort()
  assert.equal((await stage.failure(fetch)).code, 'aborted')
  assert.ok(stage.world.nowMs - calledOffMs < 1_000)
  assert.deepEqual(filesAt(taker), {})
  const fetched = await stage.fetch(taker, made.manifest, [maker])
  assert.ok(fetched.receivedBytes < 20 * mib)
})

test('many fetches of the same and of overlapping artifacts all end, and each chunk comes once or little more', async () => {
  const stage = new Stage('crowd')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const shared = { a: madeBytes(2 * mib, 8), b: madeBytes(mib + 1_500, 9), c: madeBytes(50, 10) }
  const sets = await stage.outcome(
    Promise.all(
      [0, 1, 2, 3, 4, 5].map((i) =>
        stage.collecting(maker, { ...shared, own: madeBytes(10 + i, 20 + i) }, `r${i}`),
      ),
    ),
  )
  const fetches = sets.flatMap(({ manifest }, i) => [
    fetching(taker, manifest, [maker], `/work/x${i}`),
    fetching(taker, manifest, [maker], `/work/y${i}`),
  ])
  const all = await stage.outcome(Promise.all(fetches))
  for (let i = 0; i < 6; i++) {
    const expected = { ...shared, own: madeBytes(10 + i, 20 + i) }
    assertSame(filesAt(taker, `/work/x${i}`), expected)
    assertSame(filesAt(taker, `/work/y${i}`), expected)
  }
  const received = all.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0)
  assert.equal(received, 3 * mib + 1_500 + 50 + 10 + 11 + 12 + 13 + 14 + 15)
})
