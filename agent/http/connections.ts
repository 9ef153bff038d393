/**
 * Who is connected, and what each of them waits for. One connection may wait for several answers
 * (HTTP pipelining); when it breaks, so do all of them.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Turn } from './turn.ts'

export class Connections {
  readonly #turns = new Map<Duplex, Set<Turn>>()
  /** Those that lie under a connection with TLS, or are still to become one. */
  readonly #carriers = new Set<Socket>()
  #closing = false

  get size(): number {
    return this.#turns.size
  }

  add(socket: Socket): void {
    this.#turns.set(socket, new Set())
    socket.once('close', () => {
      const turns = this.#turns.get(socket)
      this.#turns.delete(socket)
      for (const turn of turns ?? []) turn.break()
    })
  }

  carry(socket: Socket): void {
    this.#carriers.add(socket)
    socket.once('close', () => this.#carriers.delete(socket))
  }

  /** Closes the connection that has been silent for longest, to make room. False where none is. */
  evict(): boolean {
    for (const [socket, turns] of this.#turns) {
      if (turns.size > 0) continue
      this.#turns.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  begin(turn: Turn): void {
    const turns = this.#turns.get(turn.request.socket)
    if (turns === undefined) turn.break()
    else turns.add(turn)
  }

  end(turn: Turn): void {
    const { socket } = turn.request
    const turns = this.#turns.get(socket)
    turns?.delete(turn)
    // Its answer had promised to keep the connection, when nobody thought of closing.
    if (this.#closing && turns?.size === 0) socket.end()
  }

  /** True when bytes written now would not land in the middle of, or before, another answer. */
  isFree(socket: Duplex): boolean {
    const [first, ...others] = this.#turns.get(socket) ?? []
    return first === undefined || (others.length === 0 && first.arriving)
  }

  /** No connection outlives its answers now. Requests end by themselves; streams have to be told. */
  finishUp(): void {
    this.#closing = true
    for (const turns of this.#turns.values()) {
      for (const turn of turns) if (turn.streams) turn.abandon()
    }
  }

  destroyAll(): void {
    for (const socket of this.#turns.keys()) socket.destroy()
    for (const socket of this.#carriers) socket.destroy()
  }
}
