/**
 * What a connection sends: gathered until the turn ends, then encrypted and written in one piece, for
 * all its streams together. libp2p does this for each frame by itself, in four streams on top of each
 * other, and on the way makes ten lists and five buffers of it.
 *
 * Where anything waits below, or is about to end, what was gathered goes libp2p's way.
 */
import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import { brieflyCopy } from '../../protocol/wire/slab.ts'
import type { Cipher } from './cipher-memory.ts'
import { sendOff } from './turn-end.ts'

type Bytes = Uint8Array | Uint8ArrayList

/** What we take hold of in each stream of libp2p that lies below. */
interface Layer {
  status: string
  writeStatus: string
  writeBuffer: Uint8ArrayList
  sendingData: boolean
  writableNeedsDrain: boolean
  abort(error: unknown): void
}

/** Of Noise, of the swarm key, and of TCP: each holds the one below it. */
interface Encrypted extends Layer {
  handshake: { encrypt(plain: Uint8Array): Bytes }
  stream: Protected
}
interface Protected extends Layer {
  outboundXor: Cipher
  maConn: Raw
}
interface Raw extends Layer {
  sendData(pieces: Iterable<Uint8Array>): { canSendMore: boolean }
}

/** The muxer: what it does when its connection takes nothing more, and its own way to send. */
export interface Departing {
  send(data: Bytes): boolean
  saturated(): void
}

/** A Noise message holds so much, and says its own length in two bytes. */
const tagBytes = 16
const messageBytesMax = 65_535 - tagBytes
const lengthBytes = 2

/** Nothing stays in it: what is gathered is encrypted at once, and copied out. One is enough for all. */
const gathered = new Uint8Array(lengthBytes + messageBytesMax + tagBytes)

export class Departures {
  readonly #encrypted: Encrypted
  readonly #protected: Protected
  readonly #raw: Raw
  readonly #muxer: Departing
  #parts: Bytes[] = []
  #bytes = 0

  constructor(connection: MessageStream, muxer: Departing) {
    this.#encrypted = connection as unknown as Encrypted
    this.#protected = this.#encrypted.stream
    this.#raw = this.#protected?.maConn
    this.#muxer = muxer
    assert(typeof this.#encrypted.handshake?.encrypt === 'function', 'noise encrypts in one place')
    assert(typeof this.#protected?.outboundXor?.update === 'function', 'pnet lies below noise')
    assert(typeof this.#raw?.sendData === 'function', 'TCP lies below pnet')
  }

  /** False when nothing more should come for now. */
  add(header: Uint8Array, data: Bytes): boolean {
    const bytes = header.length + data.byteLength
    if (this.#bytes + bytes > messageBytesMax) this.flush()
    if (bytes > messageBytesMax) return this.#muxer.send(new Uint8ArrayList(header, data))
    if (this.#bytes === 0) sendOff(this.flush)
    this.#parts.push(header, data)
    this.#bytes += bytes
    return true
  }

  /** Before anything that must not overtake. Whatever goes wrong ends the connection, and is told by that. */
  flush = (): void => {
    if (this.#bytes === 0) return
    const parts = this.#parts
    this.#parts = []
    this.#bytes = 0
    if (this.#encrypted.status !== 'open') return
    try {
      if (!this.#allFree()) this.#muxer.send(new Uint8ArrayList(...parts))
      else if (!this.#sendNow(gather(parts))) this.#saturated()
    } catch (error) {
      this.#encrypted.abort(error)
    }
  }

  #allFree(): boolean {
    return isFree(this.#encrypted) && isFree(this.#protected) && isFree(this.#raw)
  }

  #sendNow(plain: Uint8Array): boolean {
    const sealed = this.#encrypted.handshake.encrypt(plain)
    const { byteLength } = sealed
    gathered[0] = byteLength >>> 8
    gathered[1] = byteLength
    gathered.set(sealed.subarray(), lengthBytes)
    const message = brieflyCopy(gathered.subarray(0, lengthBytes + byteLength))
    return this.#raw.sendData([this.#protected.outboundXor.update(message, message)]).canSendMore
  }

  /** As each of them would, had it been asked itself. What drains tells the one above it. */
  #saturated(): void {
    this.#raw.writableNeedsDrain = true
    this.#protected.writableNeedsDrain = true
    this.#encrypted.writableNeedsDrain = true
    this.#muxer.saturated()
  }
}

function isFree({ sendingData, writableNeedsDrain, writeStatus, writeBuffer }: Layer): boolean {
  const isQuiet = !sendingData && !writableNeedsDrain
  return isQuiet && writeStatus === 'writable' && writeBuffer.byteLength === 0
}

function gather(parts: readonly Bytes[]): Uint8Array {
  let at = 0
  for (const part of parts) {
    if (part instanceof Uint8Array) at = put(part, at)
    else for (const piece of part) at = put(piece, at)
  }
  return gathered.subarray(0, at)
}

function put(piece: Uint8Array, at: number): number {
  gathered.set(piece, at)
  return at + piece.length
}
