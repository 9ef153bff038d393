/** Who serves others keeps within its limits, and everybody gets their share. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveLimits } from '../../agent/artifacts/limits.ts'
import { forAll, Locks } from '../../agent/artifacts/locks.ts'
import { ArtifactFrame, artifactPurpose } from '../../protocol/artifacts/messages.ts'
import type { Stream } from '../../protocol/ports/network.ts'
import { Turns } from '../../protocol/turns.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import { assertSame, type Bird, fetching, filesAt, madeBytes, mib, Stage } from './stage.ts'

const files = { one: madeBytes(2 * mib, 1) }

async function opened(stage: Stage, asker: Bird, holder: Bird): Promise<Stream> {
  const { network } = asker.host
  const signal = new AbortController().signal
  return await stage.outcome(network!.open(holder.host.id, artifactPurpose, signal))
}

const greeting = encode(Hello, helloOf('0', 'by hand'))

test('a peer with too many streams is told to wait, and another peer is served meanwhile', async () => {
  const stage = new Stage('busy')
  const [maker, greedy, modest] = [
    await stage.add('maker'),
    await stage.add('greedy'),
    await stage.add('modest'),
  ]
  const made = await stage.collect(maker, files)
  const streams: Stream[] = []
  for (let i = 0; i < serveLimits.streamsPerPeerMax; i++) {
    const stream = await opened(stage, greedy, maker)
    stream.onFrame = () => {}
    stream.send(greeting)
    streams.push(stream)
  }
  await stage.world.runFor(100)
  const error = await stage.failure(fetching(greedy, made.manifest, [maker]))
  assert.deepEqual([error.code, error.errorClass], ['unreachable', 'transient'])
  assert.match(error.message, /busy/)
  await stage.fetch(modest, made.manifest, [maker])
  for (const stream of streams) stream.close()
  await stage.fetch(greedy, made.manifest, [maker])
  assertSame(filesAt(greedy), files)
})

test('a stream on which nothing is asked, and one that is not read, are ended', async () => {
  const stage = new Stage('idle')
  const [maker, idler] = [await stage.add('maker'), await stage.add('idler')]
  const made = await stage.collect(maker, { large: madeBytes(40 * mib, 2) })
  await stage.fetch(idler, made.manifest, [maker])
  const [blob] = [...idler.host.blobs.kept.keys()]
  const ended: string[] = []
  const silent = await opened(stage, idler, maker)
  silent.onClose = () => void ended.push('silent')
  const deaf = await opened(stage, idler, maker)
  deaf.onClose = () => void ended.push('deaf')
  deaf.send(greeting)
  for (let index = 0; index < 40; index++) {
    const value = { serial: index + 1, blob: blob!, index }
    deaf.send(encode(ArtifactFrame, { kind: 'askChunk', value }))
  }
  deaf.pause()
  await stage.until('both to be ended', () => ended.length === 2)
  assert.deepEqual(ended.sort(), ['deaf', 'silent'])
  assert.ok(maker.store.usage().servedBytes < 60 * mib, 'no more was read than could be sent')
})

test('a stream whose asks make no sense is ended and counted, whether greeted or not', async () => {
  const stage = new Stage('garbled')
  const [maker, asker] = [await stage.add('maker'), await stage.add('asker')]
  const garbage = Uint8Array.of(255, 255, 255)
  const answer = encode(ArtifactFrame, { kind: 'refused', value: { serial: 1, code: 'notHeld' } })
  let ended = 0
  for (const frames of [[garbage], [greeting, garbage], [greeting, answer]]) {
    const stream = await opened(stage, asker, maker)
    stream.onClose = () => ended++
    for (const frame of frames) stream.send(frame)
  }
  await stage.until('all to be ended', () => ended === 3)
  assert.deepEqual(maker.store.refusals(), { artifactsServedWrong: 0, artifactsAskedWrong: 3 })
})

test('a small fetch does not wait for a large one', async () => {
  const stage = new Stage('share', { bytesPerSecond: 20e6 })
  const [maker, large, small] = [
    await stage.add('maker'),
    await stage.add('large'),
    await stage.add('small'),
  ]
  const much = await stage.collect(maker, { much: madeBytes(48 * mib, 3) }, 'r1')
  const little = await stage.collect(maker, { little: madeBytes(1_000, 4) }, 'r2')
  let largeDone = false
  const fetch = fetching(large, much.manifest, [maker]).then(() => (largeDone = true))
  await stage.world.runFor(200)
  await stage.fetch(small, little.manifest, [maker])
  assert.equal(largeDone, false)
  await stage.outcome(fetch)
})

test('what is asked for and never was here is refused, and the stream lives on', async () => {
  const stage = new Stage('refusals')
  const [maker, asker] = [await stage.add('maker'), await stage.add('asker')]
  const made = await stage.collect(maker, files)
  const stream = await opened(stage, asker, maker)
  const answers: string[] = []
  stream.onFrame = (bytes) => {
    const frame = decode(ArtifactFrame, bytes)
    if (!frame.ok || frame.value.kind === 'askChunk') return
    const { kind, value } = frame.value
    if (kind === 'refused') answers.push(`${value.serial}: ${value.code}`)
    else if (kind === 'piece' && value.last) answers.push(`${value.serial}: last`)
  }
  const [blob] = [...maker.host.blobs.kept.keys()]
  stream.send(greeting)
  const nobody = '0'.repeat(64) as typeof made.manifest
  stream.send(
    encode(ArtifactFrame, { kind: 'askManifest', value: { serial: 1, manifest: nobody } }),
  )
  stream.send(
    encode(ArtifactFrame, { kind: 'askChunk', value: { serial: 2, blob: nobody, index: 0 } }),
  )
  stream.send(
    encode(ArtifactFrame, { kind: 'askChunk', value: { serial: 3, blob: blob!, index: 9 } }),
  )
  stream.send(
    encode(ArtifactFrame, { kind: 'askChunk', value: { serial: 4, blob: blob!, index: 1 } }),
  )
  await stage.until('four answers', () => answers.length === 4)
  assert.deepEqual(answers, ['1: notHeld', '2: notHeld', '3: notHeld', '4: last'])
})

test('locks let in one at a time, in the order asked; turns so many', async () => {
  const [locks, turns, order] = [new Locks(), new Turns(2), [] as string[]]
  const step = async (name: string) => {
    order.push(`${name} in`)
    await Promise.resolve()
    await Promise.resolve()
    order.push(`${name} out`)
  }
  await Promise.all(['a', 'b', 'c'].map((name) => locks.with('x', () => step(name))))
  assert.deepEqual(order.splice(0), ['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  let [inside, most] = [0, 0]
  await Promise.all(
    Array.from({ length: 6 }, () =>
      turns.with(async () => {
        most = Math.max(most, ++inside)
        await Promise.resolve()
        inside--
      }),
    ),
  )
  assert.equal(most, 2)
})

test('after a failure nothing new begins, and what had begun is waited for', async () => {
  const begun: number[] = []
  let ended = 0
  const work = forAll([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item)
    await Promise.resolve()
    ended++
    if (item === 2) throw new Error('two')
  })
  await assert.rejects(work, /two/)
  assert.equal(ended, begun.length)
  assert.ok(begun.length < 6)
})
