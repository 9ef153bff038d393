/** Bytes as a hostile peer writes them: on our own streams, on the muxer, and on gossip. */
import type { Connection, Stream } from '@libp2p/interface'
import { putVarint, varintLength } from '../../protocol/wire/varint.ts'

export const meshsub = '/meshsub/1.2.0'

export function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  putVarint(bytes, 0, value)
  return bytes
}

/** With its length before it. */
export function prefixed(body: Uint8Array): Uint8Array {
  return Buffer.concat([varint(body.length), body])
}

/** Sends, waiting as a polite sender would; false as soon as the other side has had enough. */
export async function sendAll(stream: Stream, chunks: Iterable<Uint8Array>): Promise<boolean> {
  for (const chunk of chunks) {
    if (stream.status !== 'open') return false
    try {
      if (!stream.send(chunk)) await drainedOrClosed(stream)
    } catch {
      return false
    }
  }
  return stream.status === 'open'
}

function drainedOrClosed(stream: Stream): Promise<void> {
  if (!stream.writableNeedsDrain || stream.status !== 'open') return Promise.resolve()
  return new Promise((resolve) => {
    stream.addEventListener('drain', () => resolve(), { once: true })
    stream.addEventListener('close', () => resolve(), { once: true })
  })
}

/** One gossip RPC that subscribes to so many topics of 64 letters, no two alike. */
export function subscriptionsRpc(count: number, first = 0): Uint8Array {
  const entries: Uint8Array[] = []
  for (let at = 0; at < count; at++) {
    const topic = Buffer.from(`flood ${first + at} `.padEnd(64, 'x'))
    const entry = Buffer.concat([Uint8Array.of(0x08, 1, 0x12), varint(topic.length), topic])
    entries.push(Uint8Array.of(0x0a), varint(entry.length), entry)
  }
  return Buffer.concat(entries)
}

/** One gossip RPC with one message that claims to be from whom it likes. */
export function messageRpc(fields: {
  from?: Uint8Array
  topic: string
  data: Uint8Array
}): Uint8Array {
  const topic = Buffer.from(fields.topic)
  const parts: [number, Uint8Array][] = [
    ...(fields.from ? ([[1, fields.from]] as [number, Uint8Array][]) : []),
    [2, fields.data],
    [3, new Uint8Array(8)],
    [4, topic],
    [5, new Uint8Array(64)],
  ]
  const message = Buffer.concat(
    parts.flatMap(([field, bytes]) => [varint((field << 3) | 2), varint(bytes.length), bytes]),
  )
  return Buffer.concat([Uint8Array.of(0x12), varint(message.length), message])
}

/** A muxer frame that announces so many bytes on an open stream, as libp2p would never send it. */
export function muxerHeader(streamId: number, length: number): Uint8Array {
  const header = Buffer.alloc(12)
  header.writeUInt32BE(streamId, 4)
  header.writeUInt32BE(length, 8)
  return header
}

/** Writes below the muxer, inside the encryption. */
export function sendBelowMuxer(connection: Connection, bytes: Uint8Array): void {
  const { muxer } = connection as unknown as { muxer: { send(bytes: Uint8Array): boolean } }
  muxer.send(bytes)
}

/** A muxer frame that opens a stream and says nothing on it, not even what it is for. */
export function muxerOpening(streamId: number): Uint8Array {
  const windowUpdate = 1
  const syn = 1
  const header = Buffer.alloc(12)
  header.writeUInt8(windowUpdate, 1)
  header.writeUInt16BE(syn, 2)
  header.writeUInt32BE(streamId, 4)
  return header
}
