/**
 * Has what frames leave behind collected while they come. A byte from the network is copied up to
 * three times on its way (from the socket, out of a cipher where its message is long or came in
 * pieces, and into its frame); all of it is garbage at once, outside of the heap. V8 lets 32 MiB of
 * that gather before it looks, whatever the size of its young generation, and what the C library has
 * once got for it stays with the process: a few long frames of strangers, at once, made an agent
 * larger by 30 MiB for good.
 */
import { getHeapStatistics } from 'node:v8'
import { bufferReliefLimits as limits } from './limits.ts'

export interface Buffers {
  /** Of buffers that hang on the heap, garbage included. */
  heldBytes(): number
  /** The young ones that nobody holds. They are let go of after the call, not in it. */
  collect(): void
}

export class BufferRelief {
  readonly #buffers: Buffers
  #receivedBytes = 0
  /** The least that was held, as far as is known: what is above it may be garbage. */
  #floorBytes = Number.POSITIVE_INFINITY
  #hasCollected = false

  constructor(buffers: Buffers) {
    this.#buffers = buffers
  }

  /** So much has come over the network. */
  received(bytes: number): void {
    this.#receivedBytes += bytes
    if (this.#receivedBytes < limits.lookBytes) return
    this.#receivedBytes = 0
    const heldBytes = this.#buffers.heldBytes()
    this.#floorBytes = this.#hasCollected ? heldBytes : Math.min(this.#floorBytes, heldBytes)
    this.#hasCollected = heldBytes - this.#floorBytes >= limits.garbageBytesMax
    if (this.#hasCollected) this.#buffers.collect()
  }
}

/** Of this process, which was started with `--expose-gc`. Without it, V8 does as it likes. */
export function systemBuffers(): Buffers {
  const collector = globalThis.gc as ((options: { type: 'minor' }) => void) | undefined
  return {
    heldBytes: () => getHeapStatistics().external_memory,
    collect: () => collector?.({ type: 'minor' }),
  }
}
