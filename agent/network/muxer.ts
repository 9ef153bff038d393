/**
 * Yamux, with a few things that it does not do itself. It refuses a frame by its header: that may
 * claim 4 GiB, and the window is only looked at once all of it is there. It tells why
 * streams that a peer opened came to nothing. And it widens a window when half of it is used, as
 * the reference implementation does, instead of answering every frame with one of its own, which
 * doubles the cost of small frames for both ends.
 */
import type { MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import type { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import { takeWhole } from './arrivals.ts'
import { Departures } from './departures.ts'
import type { NetworkLimits } from './limits.ts'
import type { RefusalReason, Refusals } from './refusals.ts'
import { straighten } from './straight.ts'
import type { StreamOpenings } from './stream-openings.ts'

/**
 * What we take hold of beyond the muxer's interface. The versions are pinned exactly, the places
 * are asserted to be there, and tests fail when they no longer do what is said here.
 */
interface MuxerInnards {
  decoder: {
    buffer: { byteLength: number; get(at: number): number; getUint32(at: number): number }
  }
  streams: (Stream & StreamInnards)[]
  maxInboundStreams: number
  numInboundStreams: number
  onData(data: Uint8Array | Uint8ArrayList): void
  incomingStream(id: number): void
  handleFrame(frame: Frame): void
  handleStreamMessage(frame: Frame): void
  sendFrame(header: FrameHeader, data?: Uint8Array | Uint8ArrayList): boolean
  send(data: Uint8Array | Uint8ArrayList): boolean
  abort(error: Error): void
  _newStream(id: number, state: number, direction: 'inbound' | 'outbound'): Stream & StreamInnards
}

interface FrameHeader {
  type: number
  flag: number
  streamID: number
  length: number
}

interface Frame {
  header: FrameHeader
  data?: Uint8Array
}

interface CipherInnards {
  decrypt(data: Uint8Array | Uint8ArrayList): Uint8Array | Uint8ArrayList
}

interface StreamInnards {
  streamId: number
  state: number
  sendWindowCapacity: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
  getSendFlags(): number
  handleData(frame: Frame): void
  onMuxerNeedsDrain(): void
}

/** States in which a window update also opens or accepts the stream, and so cannot be saved. */
const opening: ReadonlySet<number> = new Set([0, 2])

const frameType = { data: 0, windowUpdate: 1 } as const

/**
 * Keeps the round trip known, by which yamux widens windows on long links. It is asked for when a
 * connection opens, and then seldom: each time wakes both ends, and a path hardly ever changes.
 */
const pingIntervalMs = 10 * 60_000

/** Read beyond a window by one Noise message's worth, before anybody looks. */
const chunkBytesMax = 64 * 1024

/** Of a frame, in bytes. */
const headerLength = 12
const lengthAt = 8
const typeAt = 1

export function guardedYamux(
  limits: NetworkLimits,
  refusals: Refusals,
  openings: StreamOpenings,
  onReceived: (bytes: number) => void,
): () => StreamMuxerFactory {
  return () => {
    const factory = yamux({
      enableKeepAlive: true,
      keepAliveInterval: pingIntervalMs,
      maxInboundStreams: limits.streamsPerConnectionMax,
      maxOutboundStreams: limits.streamsPerConnectionMax,
      streamOptions: {
        maxStreamWindowSize: limits.streamWindowBytesMax,
        // A paused stream may be sent a whole window; libp2p aborts it above this figure.
        maxReadBufferLength: limits.streamWindowBytesMax + chunkBytesMax,
      },
    })()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      watchDecrypted(connection as unknown as CipherInnards, refusals, onReceived)
      const muxer = createStreamMuxer(connection)
      const innards = muxer as unknown as MuxerInnards
      boundFrames(innards, limits, refusals)
      tendStreams(innards, refusals, openings)
      sayNothingOfFrames(innards)
      sendTogether(innards, connection)
      return muxer
    }
    return factory
  }
}

/** What cannot be decrypted ends the connection, and whoever sent it had the swarm key. */
function watchDecrypted(
  connection: CipherInnards,
  refusals: Refusals,
  onReceived: (bytes: number) => void,
): void {
  assert(typeof connection.decrypt === 'function', 'noise decrypts in one place')
  const decrypt = connection.decrypt.bind(connection)
  connection.decrypt = (data) => {
    onReceived(data.byteLength)
    try {
      return decrypt(data)
    } catch (error) {
      refusals.count('cipherGarbage')
      throw error
    }
  }
}

function boundFrames(muxer: MuxerInnards, limits: NetworkLimits, refusals: Refusals): void {
  const { decoder } = muxer
  assert(typeof decoder?.buffer?.getUint32 === 'function', 'yamux gathers in decoder.buffer')
  const onData = muxer.onData.bind(muxer)
  muxer.onData = (data) => {
    try {
      const rest =
        data instanceof Uint8Array ? takeWhole(muxer, data, limits.streamWindowBytesMax) : data
      if (rest.byteLength > 0) onData(rest)
    } catch (error) {
      refusals.count('muxerGarbage')
      throw error
    }
    // What is left begins with the header of a frame of which the rest is yet to come.
    const { buffer } = decoder
    if (buffer.byteLength < headerLength || buffer.get(typeAt) !== frameType.data) return
    if (buffer.getUint32(lengthAt) <= limits.streamWindowBytesMax) return
    refusals.count('muxerFrameTooLarge')
    // The caller aborts the connection on anything thrown here.
    throw new Error('a muxer frame is longer than any window')
  }
}

/** Yamux describes each frame to its log, whether anybody listens or not. Those of streams are many. */
function sayNothingOfFrames(muxer: MuxerInnards): void {
  assert(typeof muxer.handleStreamMessage === 'function', 'yamux takes frames in one place')
  assert(typeof muxer.sendFrame === 'function', 'yamux sends frames in one place')
  const handleFrame = muxer.handleFrame.bind(muxer)
  muxer.handleFrame = (frame) => {
    const { streamID, type } = frame.header
    if (streamID === 0 || type > frameType.windowUpdate) handleFrame(frame)
    else muxer.handleStreamMessage(frame)
  }
}

/** Data of all streams together; before all else that is sent goes what was to go before it. */
function sendTogether(muxer: MuxerInnards, connection: MessageStream): void {
  const departures = new Departures(connection, {
    send: (data) => muxer.send(data),
    saturated: () => {
      for (const stream of muxer.streams) stream.onMuxerNeedsDrain()
    },
  })
  const sendFrame = muxer.sendFrame.bind(muxer)
  muxer.sendFrame = (header, data) => {
    if (header.type === frameType.data && data !== undefined)
      return departures.add(headerBytes(header), data)
    departures.flush()
    return sendFrame(header, data)
  }
}

/** As in the specification of yamux: version 0, then what it is, in network order. */
function headerBytes({ type, flag, streamID, length }: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes[1] = type
  bytes[2] = flag >>> 8
  bytes[3] = flag
  bytes[4] = streamID >>> 24
  bytes[5] = streamID >>> 16
  bytes[6] = streamID >>> 8
  bytes[7] = streamID
  bytes[8] = length >>> 24
  bytes[9] = length >>> 16
  bytes[10] = length >>> 8
  bytes[11] = length
  return bytes
}

function tendStreams(muxer: MuxerInnards, refusals: Refusals, openings: StreamOpenings): void {
  assert(typeof muxer._newStream === 'function', 'yamux makes all its streams in one place')
  assert(typeof muxer.incomingStream === 'function', 'yamux opens what peers open in one place')
  const newStream = muxer._newStream.bind(muxer)
  const incomingStream = muxer.incomingStream.bind(muxer)
  muxer.incomingStream = (id) => {
    if (muxer.numInboundStreams >= muxer.maxInboundStreams) refusals.count('tooManyStreams')
    if (openings.begins(muxer)) incomingStream(id)
  }
  const abort = muxer.abort.bind(muxer)
  muxer.abort = (error) => {
    // Opened before this end was ready to take any.
    if (error.name === 'MaxEarlyStreamsError') refusals.count('tooManyStreams')
    abort(error)
  }
  muxer._newStream = (id, state, direction) => {
    const stream = newStream(id, state, direction)
    straighten(stream, (data) => sendWhole(muxer, stream, data))
    saveWindowUpdates(stream)
    if (direction === 'inbound') {
      stream.addEventListener('close', ({ error }) => {
        const refusal = refusalOf(stream, error)
        if (refusal !== undefined) refusals.count(refusal)
        // Whoever found it of no use has counted it.
        else if (error?.name !== 'OpenedInVain') openings.wasOfUse(muxer)
      })
    }
    return stream
  }
}

/** Undefined where the window does not hold it. */
function sendWhole(
  muxer: MuxerInnards,
  stream: StreamInnards,
  data: Uint8Array | Uint8ArrayList,
): boolean | undefined {
  const { byteLength: length } = data
  if (length > stream.sendWindowCapacity) return undefined
  const header = {
    type: frameType.data,
    flag: stream.getSendFlags(),
    streamID: stream.streamId,
    length,
  }
  stream.sendWindowCapacity -= length
  return muxer.sendFrame(header, data)
}

function saveWindowUpdates(stream: StreamInnards): void {
  assert(stream.recvWindowCapacity === stream.recvWindow, 'a new yamux stream has a whole window')
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    if (stream.recvWindowCapacity > stream.recvWindow / 2 && !opening.has(stream.state)) return
    sendWindowUpdate()
  }
}

function refusalOf(stream: Stream, error: Error | undefined): RefusalReason | undefined {
  if (error?.name === 'TooManyInboundProtocolStreamsError') return 'tooManyStreams'
  if (error?.name === 'OpenedTooOften') return 'streamRate'
  // Only a stream whose purpose was never agreed on has no name when it ends.
  return stream.protocol === '' ? 'unknownPurpose' : undefined
}
