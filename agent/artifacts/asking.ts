/**
 * One holder, asked over a stream of its own. What it answers is handed on as it is: whether it is
 * right is judged by whoever asked. Any error ends the stream.
 */
import type { Blob, ContentHash } from '../../protocol/artifacts/hashes.ts'
import { chunkLength } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import {
  ArtifactFrame,
  type Ask,
  artifactPurpose,
  type RefusalCode,
  refusalCodes,
} from '../../protocol/artifacts/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Network } from '../../protocol/ports/network.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { agree, Hello } from '../../protocol/wire/versions.ts'
import { Frames } from './frames.ts'
import { fetchLimits as limits, serveLimits } from './limits.ts'

export interface Want {
  blob: Blob
  index: number
}

export interface Got extends Want {
  bytes: Uint8Array
}

/** The holder does not give what was asked. */
export class HolderRefused extends Error {
  readonly code: RefusalCode
  constructor(code: RefusalCode) {
    super(`the holder refused: ${code}`)
    this.name = 'HolderRefused'
    this.code = code
  }
}

/** What the holder said is no answer: it is at fault. */
export class HolderWrong extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'HolderWrong'
  }
}

export interface AskingPorts {
  clock: Clock
  network: Network
}

export class Holder {
  readonly #frames: Frames
  #serial = 0

  private constructor(frames: Frames) {
    this.#frames = frames
  }

  /** Rejects with `Unreachable`, `StreamOver` or `HolderWrong`. */
  static async open(
    { clock, network }: AskingPorts,
    peer: PeerId,
    hello: Hello,
    signal: AbortSignal,
  ): Promise<Holder> {
    const inTime = new AbortController()
    const timer = clock.after(limits.openTimeoutMs, () => inTime.abort())
    try {
      const either = AbortSignal.any([inTime.signal, signal])
      const stream = await network.open(peer, artifactPurpose, either)
      const patience = { waitMs: limits.stallMs, framesWaitingMax: serveLimits.framesWaitingMax }
      const holder = new Holder(new Frames(clock, stream, patience))
      await holder.#greet(hello, signal)
      return holder
    } finally {
      timer.cancel()
    }
  }

  async #greet(hello: Hello, signal: AbortSignal): Promise<void> {
    const abort = () => this.abort()
    signal.addEventListener('abort', abort)
    try {
      await this.#frames.send(encode(Hello, hello))
      const theirs = decode(Hello, await this.#frames.next())
      if (theirs.ok && agree(hello, theirs.value).ok) return
      this.abort()
      throw new HolderWrong('its greeting was not understood')
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  close(): void {
    this.#frames.stream.close()
  }

  abort(): void {
    this.#frames.stream.abort('closedHere')
  }

  async manifest(manifest: ContentHash): Promise<Uint8Array> {
    const serial = ++this.#serial
    await this.#ask({ kind: 'askManifest', value: { serial, manifest } })
    return await this.#answer(serial, artifactLimits.manifestBytesMax)
  }

  /** A transform: chunks in the order wanted, so many asked for ahead as the window holds. */
  async *chunks(wants: AsyncIterable<Want>): AsyncGenerator<Got> {
    const source = wants[Symbol.asyncIterator]()
    const asked: { serial: number; want: Want }[] = []
    let askedBytes = 0
    let more = true
    try {
      for (;;) {
        while (more && askedBytes < limits.windowBytes && asked.length < limits.windowAsks) {
          const next = await source.next()
          if (next.done === true) {
            more = false
            break
          }
          const { blob, index } = next.value
          const serial = ++this.#serial
          await this.#ask({ kind: 'askChunk', value: { serial, blob: blob.hash, index } })
          asked.push({ serial, want: next.value })
          askedBytes += lengthOf(next.value)
        }
        const first = asked.shift()
        if (first === undefined) return
        const length = lengthOf(first.want)
        const bytes = await this.#answer(first.serial, length)
        if (bytes.length !== length) throw new HolderWrong('its answer is too short')
        askedBytes -= length
        yield { ...first.want, bytes }
      }
    } finally {
      await source.return?.()
    }
  }

  #ask(ask: Ask): Promise<void> {
    return this.#frames.send(encode(ArtifactFrame, ask))
  }

  async #answer(serial: number, bytesMax: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let length = 0
    for (;;) {
      const frame = decode(ArtifactFrame, await this.#frames.next())
      if (!frame.ok) throw new HolderWrong(`its answer cannot be read (${frame.why})`)
      const { kind, value } = frame.value
      if (kind === 'askManifest' || kind === 'askChunk') throw new HolderWrong('it asks back')
      if (value.serial !== serial) throw new HolderWrong('it answers what was not asked')
      if (kind === 'refused') {
        throw new HolderRefused(refusalCodes.find((code) => code === value.code) ?? 'notHeld')
      }
      length += value.bytes.length
      if (length > bytesMax) throw new HolderWrong('its answer is too long')
      pieces.push(value.bytes)
      if (value.last) return joined(pieces, length)
    }
  }
}

function lengthOf({ blob, index }: Want): number {
  return chunkLength(blob.sizeBytes, index)
}

/** Always a buffer of its own, which may change hands. */
function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
