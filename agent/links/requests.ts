/**
 * Questions asked and not yet answered. Each ends exactly once: with its answer, at its deadline,
 * or when what carried it is lost.
 *
 * Ids count up from a random start, so that an answer meant for this host's former life matches
 * none of them.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { lateAnswersMax } from './limits.ts'

export type RequestFailure =
  /** The peer could not be reached, or we are waiting before trying again. */
  | 'unreachable'
  /** No answer by the deadline; the request may have taken effect. */
  | 'timedOut'
  /** The link broke after sending; the request may have taken effect. */
  | 'linkLost'
  /** The peer answered that it does not serve this, or will not speak with us. */
  | 'refused'
  /** Too many requests, or frames, wait already. */
  | 'overloaded'
  /** The answer made no sense. */
  | 'badAnswer'

export type Result<F> = { ok: true; value: F } | { ok: false; code: RequestFailure; why: string }

interface Pending<F> {
  peer: PeerId
  timer: Timer
  sent: boolean
  resolve: (result: Result<F>) => void
}

export interface RequestLimits {
  requestsPerPeerMax: number
  requestsMax: number
}

export class Requests<F> {
  readonly #clock: Clock
  readonly #limits: RequestLimits
  readonly #pending = new Map<number, Pending<F>>()
  readonly #perPeer = new Map<PeerId, number>()
  /** Ids given up at their deadline, oldest first, with the peer that may still answer. */
  readonly #late = new Map<number, PeerId>()
  #nextId: number

  constructor(clock: Clock, entropy: Entropy, limits: RequestLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#nextId = entropy.uint32() + 1
  }

  full(peer: PeerId): boolean {
    return (
      this.#pending.size >= this.#limits.requestsMax ||
      this.waitingFor(peer) >= this.#limits.requestsPerPeerMax
    )
  }

  waitingFor(peer: PeerId): number {
    return this.#perPeer.get(peer) ?? 0
  }

  open(peer: PeerId, deadlineMs: number, resolve: (result: Result<F>) => void): number {
    const id = this.#nextId++
    const timer = this.#clock.after(deadlineMs, () => {
      this.#late.set(id, peer)
      if (this.#late.size > lateAnswersMax) {
        this.#late.delete(this.#late.keys().next().value as number)
      }
      this.fail(id, 'timedOut', `no answer within ${deadlineMs} ms`)
    })
    this.#pending.set(id, { peer, timer, sent: false, resolve })
    this.#perPeer.set(peer, this.waitingFor(peer) + 1)
    return id
  }

  /** From here on a broken link means that the request may have taken effect. */
  sent(id: number): void {
    const pending = this.#pending.get(id)
    if (pending !== undefined) pending.sent = true
  }

  /** Whether `peer` owes this answer; `late` when its deadline has passed. */
  owed(peer: PeerId, id: number): 'owed' | 'late' | 'unasked' {
    if (this.#pending.get(id)?.peer === peer) return 'owed'
    if (this.#late.get(id) !== peer) return 'unasked'
    this.#late.delete(id)
    return 'late'
  }

  answer(id: number, value: F): void {
    this.#end(id)?.resolve({ ok: true, value })
  }

  fail(id: number, code: RequestFailure, why: string): void {
    this.#end(id)?.resolve({ ok: false, code, why })
  }

  /** Fails what was handed to a link that broke. What still waits in its queue lives on. */
  linkLost(peer: PeerId, why: string): void {
    if (this.waitingFor(peer) === 0) return
    for (const [id, pending] of this.#pending) {
      if (pending.peer === peer && pending.sent) this.fail(id, 'linkLost', why)
    }
  }

  close(): void {
    for (const id of [...this.#pending.keys()]) this.fail(id, 'linkLost', 'closed here')
    this.#late.clear()
  }

  #end(id: number): Pending<F> | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    pending.timer.cancel()
    const left = this.waitingFor(pending.peer) - 1
    if (left > 0) this.#perPeer.set(pending.peer, left)
    else this.#perPeer.delete(pending.peer)
    return pending
  }
}
