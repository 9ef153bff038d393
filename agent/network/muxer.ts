/**
 * Yamux with two things that it does not do itself: it bounds what it gathers for one frame (a
 * header may claim 4 GiB, and the window is only looked at once all of it is there), and it tells
 * why streams that a peer opened came to nothing.
 */
import type { Stream, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import type { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import type { NetworkLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'

/** What we need of the muxer beyond its interface; the versions are pinned exactly. */
interface Innards {
  decoder: { buffer: { byteLength: number } }
  onData(data: Uint8Array | Uint8ArrayList): void
  onRemoteStream(stream: Stream): void
}

/** Keeps the round trip known, by which yamux widens windows on long links. */
const pingIntervalMs = 30_000

/** A chunk that completes a frame may carry the beginning of the next: one Noise message's worth. */
const chunkBytesMax = 64 * 1024

export function guardedYamux(
  limits: NetworkLimits,
  refusals: Refusals,
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
      const muxer = createStreamMuxer(connection)
      guard(muxer as unknown as Innards, limits, refusals)
      return muxer
    }
    return factory
  }
}

function guard(muxer: Innards, limits: NetworkLimits, refusals: Refusals): void {
  assert(typeof muxer.decoder?.buffer?.byteLength === 'number', 'yamux gathers in decoder.buffer')
  const onData = muxer.onData.bind(muxer)
  const gatheredBytesMax = limits.streamWindowBytesMax + chunkBytesMax
  muxer.onData = (data) => {
    onData(data)
    if (muxer.decoder.buffer.byteLength > gatheredBytesMax) {
      refusals.count('muxerFrameTooLarge')
      // The caller aborts the connection on anything thrown here.
      throw new Error('a muxer frame is longer than any window')
    }
  }
  const onRemoteStream = muxer.onRemoteStream.bind(muxer)
  muxer.onRemoteStream = (stream) => {
    stream.addEventListener('close', (event) => {
      if (event.error?.name === 'TooManyInboundProtocolStreamsError') refusals.count('tooManyStreams')
      else if (stream.protocol === '') refusals.count('unknownPurpose')
    })
    onRemoteStream(stream)
  }
}
