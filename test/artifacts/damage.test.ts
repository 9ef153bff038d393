/** Crashes, dying disks and wrong peers: nothing wrong is ever put before a stage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blobOf, type ContentHash } from '../../protocol/artifacts/hashes.ts'
import { ArtifactFrame, artifactPurpose } from '../../protocol/artifacts/messages.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import type { CrashKind } from '../../simulations/world/host.ts'
import { assertSame, type Bird, fetching, filesAt, madeBytes, mib, put, Stage } from './stage.ts'

const files = { one: madeBytes(2 * mib + 9, 1), two: madeBytes(40, 2), three: madeBytes(mib, 3) }

const contentsOf = (bird: Bird): ContentHash[] => [...bird.host.blobs.kept.keys()]

test('a flipped bit at the holder is found before it is sent, and another holder is asked', async () => {
  const stage = new Stage('flip at holder')
  const [bad, good, taker] = [
    await stage.add('bad'),
    await stage.add('good'),
    await stage.add('taker'),
  ]
  const made = await stage.collect(bad, files)
  await stage.collect(good, files)
  for (const hash of contentsOf(bad)) bad.host.blobs.flipBit(hash)
  assert.deepEqual((await stage.failure(fetching(taker, made.manifest, [bad]))).code, 'lost')
  assert.equal(bad.store.has(made.manifest), false)
  await stage.fetch(taker, made.manifest, [bad, good])
  assertSame(filesAt(taker), files)
  assert.deepEqual(taker.verdicts, [], 'who says that it is damaged is honest')
})

test('a flipped bit here is found before a stage sees it, and only its chunk is fetched again', async () => {
  const stage = new Stage('flip here')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const large = { large: madeBytes(8 * mib, 4) }
  const made = await stage.collect(maker, large)
  await stage.fetch(taker, made.manifest, [maker])
  for (const hash of contentsOf(taker)) taker.host.blobs.flipBit(hash)
  const fetched = await stage.fetch(taker, made.manifest, [maker], '/work/again')
  assertSame(filesAt(taker, '/work/again'), large)
  assert.equal(fetched.receivedBytes, mib)
})

test('damage that nobody can mend is an error, never a wrong file', async () => {
  const stage = new Stage('flip, no mending')
  const maker = await stage.add('maker')
  const made = await stage.collect(maker, files)
  for (const hash of contentsOf(maker)) maker.host.blobs.flipBit(hash)
  assert.equal((await stage.failure(fetching(maker, made.manifest, [maker]))).code, 'lost')
  for (const [path, bytes] of Object.entries(filesAt(maker))) {
    assert.equal(Buffer.compare(bytes, files[path as keyof typeof files]), 0)
  }
})

test('collecting the same content once more mends what was damaged', async () => {
  const stage = new Stage('mend by collecting')
  const maker = await stage.add('maker')
  const made = await stage.collect(maker, files)
  for (const hash of contentsOf(maker)) maker.host.blobs.flipBit(hash)
  await stage.collect(maker, files, 'r2')
  await stage.fetch(maker, made.manifest, [])
  assertSame(filesAt(maker), files)
})

test('a peer that serves wrong bytes is told of, nothing of it is kept, and another is asked', async () => {
  const stage = new Stage('liar')
  const [maker, liar, taker] = [
    await stage.add('maker'),
    await stage.add('liar'),
    await stage.add('taker'),
  ]
  const made = await stage.collect(maker, files)
  await stage.fetch(liar, made.manifest, [maker])
  liar.store.stop()
  lie(liar, (asked) => asked.fill(7))
  const error = await stage.failure(fetching(taker, made.manifest, [liar]))
  assert.equal(error.code, 'lost')
  assert.deepEqual(
    taker.verdicts.map(({ peer }) => peer),
    [liar.host.id],
  )
  assert.match(taker.verdicts[0]!.why, /served something else/)
  assert.equal(taker.store.refusals().artifactsServedWrong, 1)
  const fetched = await stage.fetch(taker, made.manifest, [liar, maker])
  assert.deepEqual(fetched.from, [maker.host.id])
  assertSame(filesAt(taker), files)
})

test('wrong bytes for a chunk are told of as well', async () => {
  const stage = new Stage('liar about chunks')
  const [maker, liar, taker] = [
    await stage.add('maker'),
    await stage.add('liar'),
    await stage.add('taker'),
  ]
  const made = await stage.collect(maker, { one: madeBytes(500, 5) })
  await stage.fetch(taker, made.manifest, [maker])
  const [hash] = contentsOf(taker)
  taker.host.blobs.flipBit(hash!)
  lie(liar, (asked) => asked.fill(7), 500)
  assert.equal((await stage.failure(fetching(taker, made.manifest, [liar]))).code, 'lost')
  assert.match(taker.verdicts[0]!.why, /wrong bytes for chunk 0/)
  await stage.fetch(taker, made.manifest, [liar, maker])
  assertSame(filesAt(taker), { one: madeBytes(500, 5) })
})

for (const [name, answer] of Object.entries({
  'that says nothing after its greeting': undefined,
  'whose answer is too long': { kind: 'piece', bytes: 10 * mib, last: false },
  'whose answer is too short': { kind: 'piece', bytes: 3, last: true },
} as const)) {
  test(`a holder ${name} is given up for another`, async () => {
    const stage = new Stage(name)
    const [maker, odd, taker] = [
      await stage.add('maker'),
      await stage.add('odd'),
      await stage.add('taker'),
    ]
    const made = await stage.collect(maker, files)
    await stage.fetch(taker, made.manifest, [maker])
    for (const hash of contentsOf(taker)) taker.host.blobs.flipBit(hash)
    odd.store.stop()
    if (answer === undefined) lie(odd, () => undefined)
    else lie(odd, (asked) => asked.fill(1), Math.min(answer.bytes, 1e5), answer.last)
    await stage.fetch(taker, made.manifest, [odd, maker], '/work/again')
    assertSame(filesAt(taker, '/work/again'), files)
  })
}

for (const kind of ['kill', 'powerLoss'] satisfies CrashKind[]) {
  test(`a crash (${kind}) at any moment of a fetch leaves nothing wrong, and the next life goes on`, async () => {
    for (let step = 0; step < 12; step++) {
      const stage = new Stage(`${kind} ${step}`, { bytesPerSecond: 20e6 })
      const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
      const made = await stage.collect(maker, files)
      void fetching(taker, made.manifest, [maker]).catch(() => {})
      await stage.world.runFor(step * 25)
      taker.host.crash(kind)
      await stage.restart(taker)
      const has = taker.store.has(made.manifest)
      const fetched = await stage.fetch(taker, made.manifest, [maker], '/work/again')
      assertSame(filesAt(taker, '/work/again'), files)
      if (has && kind === 'kill') assert.equal(fetched.receivedBytes, 0)
    }
  })

  test(`a crash (${kind}) at any moment of collecting leaves all of it or none`, async () => {
    let survived = 0
    for (let step = 0; step < 16; step++) {
      const stage = new Stage(`collect ${kind} ${step}`)
      const maker = await stage.add('maker')
      const before = await stage.collect(maker, { old: madeBytes(99, 9) }, 'r0')
      let done: ContentHash | undefined
      void stage.collecting(maker, files).then(({ manifest }) => (done = manifest))
      await stage.world.runFor(step)
      maker.host.crash(kind)
      await stage.restart(maker)
      assert.equal(maker.store.has(before.manifest), true)
      if (done !== undefined) {
        survived++
        assert.equal(maker.store.has(done), true, 'what was promised is kept')
        assert.deepEqual(maker.store.pinnedRuns().sort(), ['r0', 'r1'])
      }
      const again = await stage.collect(maker, files)
      await stage.fetch(maker, again.manifest, [])
      assertSame(filesAt(maker), files)
    }
    assert.ok(survived > 0 && survived < 16, 'some crashes came before the end, and some after')
  })
}

test('a full disk fails a collect and a fetch with class resource, and both work when there is room', async () => {
  const stage = new Stage('full')
  const [maker, taker] = [await stage.add('maker'), await stage.add('taker')]
  const made = await stage.collect(maker, files)
  for (const bird of [maker, taker]) bird.host.blobs.capacityBytes = bird.host.blobs.usedBytes + mib
  put(maker, '/work/r2', { other: madeBytes(2 * mib, 6) })
  const request = { run: 'r2', directory: '/work/r2', patterns: ['**'] }
  for (const failing of [maker.store.collect(request), fetching(taker, made.manifest, [maker])]) {
    const error = await stage.failure(failing)
    assert.deepEqual([error.code, error.errorClass], ['diskFull', 'resource'])
  }
  for (const bird of [maker, taker]) bird.host.blobs.capacityBytes = 1e9
  await stage.outcome(maker.store.collect(request))
  await stage.fetch(taker, made.manifest, [maker])
  assertSame(filesAt(taker), files)
})

test('asks that make no sense end the stream, and the others are served', async () => {
  const stage = new Stage('hostile asker')
  const [maker, hostile, taker] = [
    await stage.add('maker'),
    await stage.add('hostile'),
    await stage.add('taker'),
  ]
  const made = await stage.collect(maker, files)
  const strange = [
    Uint8Array.of(1, 2, 3),
    encode(ArtifactFrame, {
      kind: 'piece',
      value: { serial: 1, bytes: new Uint8Array(1), last: true },
    }),
  ]
  const closed: string[] = []
  for (const frame of strange) {
    const { network } = hostile.host
    const opening = network!.open(maker.host.id, artifactPurpose, new AbortController().signal)
    const stream = await stage.outcome(opening)
    stream.onClose = (reason) => void closed.push(reason)
    stream.send(encode(Hello, helloOf('0', 'hostile')))
    stream.send(frame)
  }
  await stage.until('both streams to be closed', () => closed.length === 2)
  await stage.fetch(taker, made.manifest, [maker])
  assertSame(filesAt(taker), files)
})

/** Serves whatever is asked with as many bytes as are wanted here, changed. */
function lie(
  bird: Bird,
  change: (bytes: Uint8Array) => Uint8Array | undefined,
  length = 64,
  last = true,
): void {
  bird.host.network!.refuse(artifactPurpose)
  bird.host.network!.accept(artifactPurpose, (stream) => {
    stream.onFrame = (bytes) => {
      const ask = decode(ArtifactFrame, bytes)
      if (!ask.ok || !('serial' in ask.value.value)) {
        stream.send(encode(Hello, helloOf('0', 'liar')))
        return
      }
      const answer = change(new Uint8Array(length))
      if (answer === undefined) return
      const { serial } = ask.value.value
      stream.send(encode(ArtifactFrame, { kind: 'piece', value: { serial, bytes: answer, last } }))
    }
  })
}

test('a name of content stands for its chunks and its size', () => {
  const chunk = new Uint8Array(32).fill(1)
  assert.notEqual(blobOf(5, chunk).hash, blobOf(6, chunk).hash)
  assert.notEqual(blobOf(5, chunk).hash, blobOf(5, new Uint8Array(32)).hash)
})
