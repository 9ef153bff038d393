/** Peers that have the swarm key and break the rules of our streams. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Unreachable } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { withHostile } from './hostile.ts'
import { soon, withHosts } from './hosts.ts'
import { muxerHeader, prefixed, sendAll, sendBelowMuxer, varint } from './raw-bytes.ts'

const { until } = realPassage
const purpose = '/skein/test-frames/1'
const kib = 1024
const limits = { purposeDefault: { frameBytesMax: 4 * kib, streamsInboundMax: 3 } }

for (const [what, bytes, reason, code] of [
  ['a frame over the limit', varint(4 * kib + 1), 'frameTooLarge', 'frameTooLarge'],
  ['a length without end', new Uint8Array(16).fill(0xff), 'frameTooLarge', 'frameTooLarge'],
  ['a frame of nothing', Uint8Array.of(0), 'garbageFrame', 'garbage'],
] as const) {
  test(`${what} ends the stream, is counted, and leaves other streams alone`, async () => {
    await withHosts([{ limits }], async ([host]) => {
      const frames: number[] = []
      const closed: string[] = []
      host!.accept(purpose, (stream) => {
        stream.onFrame = (frame) => void frames.push(frame.length)
        stream.onClose = (why) => void closed.push(why)
      })
      await withHostile(host!.addresses()[0]!, async (connection) => {
        const good = await connection.newStream(purpose)
        const bad = await connection.newStream(purpose)
        await sendAll(bad, [prefixed(new Uint8Array(7)), bytes])
        await until('the end', () => closed.length === 1)
        assert.deepEqual([frames, closed, host!.refusals()[reason]], [[7], [code], 1])
        await until('the far end', () => bad.status !== 'open')
        await sendAll(good, [prefixed(new Uint8Array(9))])
        await until('the good frame', () => frames.length === 2)
      })
    })
  })
}

test('a frame announced and never sent holds no memory for it', async () => {
  const roomy = { purposeDefault: { frameBytesMax: 8 * kib * kib } }
  await withHosts([{ limits: roomy }], async ([host]) => {
    let opened = 0
    host!.accept(purpose, (stream) => {
      opened += 1
      stream.onFrame = () => {}
    })
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const before = process.memoryUsage().arrayBuffers
      for (let n = 0; n < 8; n++) {
        const stream = await connection.newStream(purpose)
        await sendAll(stream, [varint(8 * kib * kib), new Uint8Array(10)])
      }
      await until('all streams', () => opened === 8)
      const grown = process.memoryUsage().arrayBuffers - before
      assert.ok(grown < 8 * kib * kib, `${grown} bytes for 80`)
    })
  })
})

test('a peer may not open more streams of a purpose than allowed', async () => {
  await withHosts([{ limits }], async ([host]) => {
    let opened = 0
    host!.accept(purpose, (stream) => {
      opened += 1
      stream.onFrame = () => {}
    })
    await withHostile(host!.addresses()[0]!, async (connection) => {
      for (let n = 0; n < 10; n++) await connection.newStream(purpose).catch(() => {})
      await until('the refusals', () => host!.refusals().tooManyStreams === 7)
      assert.equal(opened, 3)
      await until('the resets', () => ours(connection.streams).length === 3)
    })
  })
})

test('a peer may not open more streams of all kinds than allowed', async () => {
  const tight = { ...limits, streamsPerConnectionMax: 8 }
  await withHosts([{ limits: tight }, {}], async ([host, friend]) => {
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const attempts = Array.from({ length: 60 }, (_, n) => connection.newStream(`/guess/${n}`))
      const outcomes = await Promise.allSettled(attempts)
      assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    })
    assert.ok((host!.refusals().unknownPurpose ?? 0) <= 60)
    assert.equal(await friend!.dial(host!.addresses()[0]!, soon()), host!.self)
  })
})

test('asking for an unknown purpose is counted', async () => {
  await withHosts([{}, {}], async ([a, b]) => {
    a!.learn(b!.self, b!.addresses())
    await assert.rejects(a!.open(b!.self, purpose, soon()), Unreachable)
    await until('the refusal', () => b!.refusals().unknownPurpose === 1)
  })
})

test('a muxer frame that claims gigabytes costs the peer its connection before any of it comes', async () => {
  await withHosts([{}], async ([host]) => {
    host!.accept(purpose, (stream) => {
      stream.onFrame = () => {}
    })
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const stream = await connection.newStream(purpose)
      sendBelowMuxer(connection, muxerHeader(Number(stream.id), 0xffffffff))
      await until('the end', () => connection.status !== 'open')
      assert.equal(host!.refusals().muxerFrameTooLarge, 1)
      assert.deepEqual(host!.connected(), [])
    })
  })
})

const garbage: Readonly<Record<string, Uint8Array>> = {
  'no frame at all': new Uint8Array(40).fill(0x5a),
  'another version': Uint8Array.of(1, ...new Uint8Array(11)),
  'a kind that there is none of': Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
  'data on no stream': new Uint8Array(12),
  'a stream opened under a number of ours': Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0),
}

for (const [what, bytes] of Object.entries(garbage)) {
  test(`a muxer that is sent ${what} ends the connection, and only that`, async () => {
    await withHosts([{}, {}], async ([host, friend]) => {
      await friend!.dial(host!.addresses()[0]!, soon())
      host!.accept(purpose, (stream) => {
        stream.onFrame = () => {}
      })
      await withHostile(host!.addresses()[0]!, async (connection) => {
        // What comes first comes with other things.
        await connection.newStream(purpose)
        sendBelowMuxer(connection, bytes)
        await until('the end', () => connection.status !== 'open')
        await until('the peer to be gone', () => host!.connected().length === 1)
        assert.deepEqual(host!.connected(), [friend!.self])
        assert.equal(host!.refusals().muxerGarbage, 1)
      })
    })
  })
}

function ours(streams: readonly { protocol: string }[]): unknown[] {
  return streams.filter(({ protocol }) => protocol === purpose)
}
