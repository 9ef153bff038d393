/**
 * Bytes over the wire. Counted by the kernel's socket handles as Node reports them, so swarm key,
 * Noise, Yamux, negotiation and failed handshakes are included, TCP and IP headers are not, and
 * counting costs nothing per message.
 */
import type { Socket } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'

export class Traffic {
  readonly #live = new Set<Socket>()
  #sentBytes = 0
  #receivedBytes = 0

  /** Returns whether the other side has said anything so far, for as long as one cares to ask. */
  watch(raw: MultiaddrConnection): () => boolean {
    // The TCP transport keeps its socket in a field that TypeScript calls private. Our versions
    // are pinned exactly, and if the field is ever gone nothing connects and every test says so.
    const socket = (raw as unknown as { socket?: Socket }).socket
    assert(socket !== undefined, 'a TCP connection of libp2p holds its socket')
    this.#live.add(socket)
    socket.once('close', () => {
      this.#live.delete(socket)
      this.#sentBytes += socket.bytesWritten
      this.#receivedBytes += socket.bytesRead
    })
    return () => socket.bytesRead > 0
  }

  total(): { sentBytes: number; receivedBytes: number } {
    let sentBytes = this.#sentBytes
    let receivedBytes = this.#receivedBytes
    for (const socket of this.#live) {
      sentBytes += socket.bytesWritten
      receivedBytes += socket.bytesRead
    }
    return { sentBytes, receivedBytes }
  }
}
