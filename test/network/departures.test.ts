/** What several streams of a connection say in one turn leaves in one piece, and in order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import type { Purpose, Stream } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { withHostile } from './hostile.ts'
import { soon, withHosts } from './hosts.ts'
import { prefixed, sendAll } from './raw-bytes.ts'

const { until } = realPassage
const purposes = ['/skein/test-one/1', '/skein/test-other/1'] as const satisfies Purpose[]
const kib = 1024

/** How many Noise messages come in on this connection, and how long they are. */
function countMessages(connection: Connection): number[] {
  const { muxer } = connection as unknown as {
    muxer: { maConn: { decrypt(chunk: { byteLength: number }): unknown } }
  }
  const lengths: number[] = []
  const decrypt = muxer.maConn.decrypt.bind(muxer.maConn)
  muxer.maConn.decrypt = (chunk) => {
    lengths.push(chunk.byteLength)
    return decrypt(chunk)
  }
  return lengths
}

/** A host that was spoken to on one stream of each purpose, by a peer that hears what it answers. */
async function withStreams(
  use: (streams: Stream[], messages: number[], heard: Buffer[]) => Promise<void>,
): Promise<void> {
  await withHosts([{}], async ([host]) => {
    const streams: Stream[] = []
    for (const purpose of purposes) {
      host!.accept(purpose, (stream) => {
        stream.onFrame = () => streams.push(stream)
      })
    }
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const heard: Buffer[] = purposes.map(() => Buffer.alloc(0))
      for (const [at, purpose] of purposes.entries()) {
        const stream = await connection.newStream(purpose, { signal: soon() })
        stream.addEventListener('message', ({ data }) => {
          heard[at] = Buffer.concat([heard[at] as Buffer, data.subarray()])
        })
        await sendAll(stream, [prefixed(new Uint8Array(1))])
        await until('the host to hear it', () => streams.length === at + 1)
      }
      await use(streams, countMessages(connection), heard)
    })
  })
}

test('frames of several streams that are sent in one turn travel in one encrypted message', async () => {
  await withStreams(async ([one, other], messages, heard) => {
    const said = [0, 1, 2, 3].map((n) => new Uint8Array(10 * kib).fill(n))
    one!.send(said[0]!)
    other!.send(said[1]!)
    one!.send(said[2]!)
    other!.send(said[3]!)
    const bytes = 2 * (10 * kib + 2)
    await until('all of it', () => heard.every(({ length }) => length === bytes))
    assert.deepEqual(heard[0], Buffer.concat([prefixed(said[0]!), prefixed(said[2]!)]))
    assert.deepEqual(heard[1], Buffer.concat([prefixed(said[1]!), prefixed(said[3]!)]))
    assert.equal(messages.length, 1)
  })
})

test('more than one message holds is split, and nothing overtakes', async () => {
  await withStreams(async ([one, other], messages, heard) => {
    const short = new Uint8Array(30 * kib).fill(1)
    const long = new Uint8Array(100 * kib).fill(2)
    one!.send(short)
    other!.send(long)
    one!.send(long)
    other!.send(short)
    const bytes = 30 * kib + 100 * kib + 6
    await until('all of it', () => heard.every(({ length }) => length === bytes))
    assert.deepEqual(heard[0], Buffer.concat([prefixed(short), prefixed(long)]))
    assert.deepEqual(heard[1], Buffer.concat([prefixed(long), prefixed(short)]))
    assert.ok(messages.every((length) => length <= 65_535))
    assert.ok(messages.length > 4, 'four messages of Noise do not hold it')
  })
})

test('what was said before a stream is closed arrives before its end', async () => {
  await withStreams(async ([one, other], messages, heard) => {
    const said = new Uint8Array(100).fill(3)
    other!.send(said)
    one!.send(said)
    one!.close()
    await until('both', () => heard.every(({ length }) => length === 101))
    assert.deepEqual(heard, [prefixed(said), prefixed(said)])
    assert.ok(messages.length >= 1)
  })
})
