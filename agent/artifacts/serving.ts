/**
 * Answers those who ask for what lies here: one pipeline for each stream, from its asks through
 * reading and hashing to pieces, no faster than the other side reads. Streams take turns at reading,
 * so that a fetch of many gigabytes and one of a few bytes both get on.
 */
import { pipe } from 'it-pipe'
import type { Blob, ContentHash } from '../../protocol/artifacts/hashes.ts'
import { chunkCount } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import {
  ArtifactFrame,
  type Ask,
  artifactPurpose,
  type RefusalCode,
} from '../../protocol/artifacts/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { BlobError } from '../../protocol/ports/blobs.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import type { Network, Stream } from '../../protocol/ports/network.ts'
import { Turns } from '../../protocol/turns.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { agree, Hello } from '../../protocol/wire/versions.ts'
import { Frames, StreamOver } from './frames.ts'
import { serveLimits as limits } from './limits.ts'

/** What is served, and read in such a way that only what is right comes out. */
export interface Served {
  manifest(hash: ContentHash): Promise<Uint8Array | RefusalCode>
  blob(hash: ContentHash): Blob | undefined
  chunk(blob: Blob, index: number): Promise<Uint8Array | RefusalCode>
}

/** Its asks make no sense: the stream is ended. */
class AskerWrong extends Error {}

export class Serving {
  readonly #clock: Clock
  readonly #network: Network
  readonly #served: Served
  readonly #hello: Hello
  readonly #streams = new Map<Stream, PeerId>()
  readonly #turns = new Turns(limits.readsAtOnce)
  sentBytes = 0
  /** Streams that were ended because their asks made no sense, since the start. */
  garbled = 0

  constructor(clock: Clock, network: Network, hello: Hello, served: Served) {
    this.#clock = clock
    this.#network = network
    this.#hello = hello
    this.#served = served
  }

  start(): void {
    this.#network.accept(artifactPurpose, (stream) => {
      const patience = { waitMs: limits.idleMs, framesWaitingMax: limits.framesWaitingMax }
      const frames = new Frames(this.#clock, stream, patience)
      void this.#serve(frames)
    })
  }

  stop(): void {
    this.#network.refuse(artifactPurpose)
    for (const stream of this.#streams.keys()) stream.abort('shutdown')
  }

  async #serve(frames: Frames): Promise<void> {
    const { stream } = frames
    const busy = this.#busyFor(stream.peer)
    this.#streams.set(stream, stream.peer)
    try {
      if (!(await this.#greet(frames))) return
      await pipe(
        frames.source(),
        (source) => asksIn(source),
        (asks) => this.#answers(asks, busy),
        frames.sink,
      )
      stream.close()
    } catch (error) {
      const isWrong = error instanceof AskerWrong
      if (isWrong) this.garbled++
      stream.abort(isWrong ? 'garbage' : 'closedHere')
      if (!isWrong && !(error instanceof StreamOver)) throw error
    } finally {
      this.#streams.delete(stream)
    }
  }

  #busyFor(peer: PeerId): boolean {
    if (this.#streams.size >= limits.streamsMax) return true
    let ofPeer = 0
    for (const other of this.#streams.values()) if (other === peer) ofPeer++
    return ofPeer >= limits.streamsPerPeerMax
  }

  async #greet(frames: Frames): Promise<boolean> {
    const theirs = decode(Hello, await frames.next())
    if (!theirs.ok) throw new AskerWrong('no greeting')
    // Sent in disagreement too, so that the peer learns why it was turned away.
    await frames.send(encode(Hello, this.#hello))
    if (agree(this.#hello, theirs.value).ok) return true
    frames.stream.close()
    return false
  }

  async *#answers(asks: AsyncIterable<Ask>, busy: boolean): AsyncGenerator<Uint8Array> {
    for await (const ask of asks) {
      const { serial } = ask.value
      const answer = busy ? 'busy' : await this.#turns.with(() => this.#tryToAnswer(ask))
      if (typeof answer === 'string') {
        yield encode(ArtifactFrame, { kind: 'refused', value: { serial, code: answer } })
        continue
      }
      let at = 0
      do {
        const bytes = answer.subarray(at, at + artifactLimits.pieceBytesMax)
        at += bytes.length
        this.sentBytes += bytes.length
        const last = at === answer.length
        yield encode(ArtifactFrame, { kind: 'piece', value: { serial, bytes, last } })
      } while (at < answer.length)
    }
  }

  async #tryToAnswer(ask: Ask): Promise<Uint8Array | RefusalCode> {
    try {
      return await this.#answer(ask)
    } catch (error) {
      // A disk that cannot be read now may be readable later.
      if (error instanceof BlobError || error instanceof DiskError) return 'busy'
      throw error
    }
  }

  async #answer(ask: Ask): Promise<Uint8Array | RefusalCode> {
    if (ask.kind === 'askManifest') return await this.#served.manifest(ask.value.manifest)
    const blob = this.#served.blob(ask.value.blob)
    if (blob === undefined || ask.value.index >= chunkCount(blob.sizeBytes)) return 'notHeld'
    return await this.#served.chunk(blob, ask.value.index)
  }
}

async function* asksIn(source: AsyncIterable<Uint8Array>): AsyncGenerator<Ask> {
  for await (const bytes of source) {
    const frame = decode(ArtifactFrame, bytes)
    if (!frame.ok) throw new AskerWrong(frame.why)
    const { kind } = frame.value
    if (kind !== 'askManifest' && kind !== 'askChunk') throw new AskerWrong('it answers')
    yield frame.value
  }
}
