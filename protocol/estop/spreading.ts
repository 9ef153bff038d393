/**
 * Who is still to be told what: every word, to every peer that can be reached, at once and then ever
 * more seldom until it has answered for good. Those that come later are told when they come.
 *
 * Invariant: a peer that can be reached and has not answered for a word is told it again.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { estopLimits as limits } from './limits.ts'

interface Told {
  dueMs: number
  waitMs: number
}

export interface Telling {
  peer: PeerId
  words: string[]
}

export class Spreading {
  /** Names of words, in the order in which they came. */
  #words: string[] = []
  /** By peer that can be reached: what it is yet to answer for. */
  readonly #peers = new Map<PeerId, Map<string, Told>>()

  /** All words that count now; this replaces the last set. */
  words(ids: readonly string[], nowMs: number): void {
    const before = new Set(this.#words)
    const after = new Set(ids)
    this.#words = [...ids]
    for (const left of this.#peers.values()) {
      for (const id of left.keys()) if (!after.has(id)) left.delete(id)
      for (const id of ids) if (!before.has(id)) left.set(id, first(nowMs))
    }
  }

  /** It can be told; what it was told before, it may have forgotten. False when there is no room. */
  reachable(peer: PeerId, nowMs: number): boolean {
    if (!this.#peers.has(peer) && this.#peers.size >= limits.peersMax) return false
    this.#peers.set(peer, new Map(this.#words.map((id) => [id, first(nowMs)])))
    return true
  }

  unreachable(peer: PeerId): void {
    this.#peers.delete(peer)
  }

  isReachable(peer: PeerId): boolean {
    return this.#peers.has(peer)
  }

  /** It can be reached, and has something left to answer for. */
  owes(peer: PeerId): boolean {
    return (this.#peers.get(peer)?.size ?? 0) > 0
  }

  /** It has heard the word, whoever told it: it was told once by this host, and that will do for now. */
  knows(peer: PeerId, id: string, nowMs: number): void {
    const told = this.#peers.get(peer)?.get(id)
    if (told === undefined || told.dueMs <= nowMs) return
    told.dueMs = Math.max(told.dueMs, nowMs + limits.againKnownMs)
  }

  answered(peer: PeerId, id: string): void {
    this.#peers.get(peer)?.delete(id)
  }

  /** What is to be said now. It counts as said. */
  due(nowMs: number): Telling[] {
    const tellings: Telling[] = []
    for (const [peer, left] of this.#peers) {
      const words: string[] = []
      for (const [id, told] of left) {
        if (told.dueMs > nowMs) continue
        told.dueMs = nowMs + told.waitMs
        told.waitMs = Math.min(2 * told.waitMs, limits.againMostMs)
        words.push(id)
      }
      for (let from = 0; from < words.length; from += limits.wordsPerFrameMax) {
        tellings.push({ peer, words: words.slice(from, from + limits.wordsPerFrameMax) })
      }
    }
    return tellings
  }

  /** When something is due again; undefined when everybody has answered. */
  nextDueMs(): number | undefined {
    let next: number | undefined
    for (const left of this.#peers.values()) {
      for (const { dueMs } of left.values()) if (next === undefined || dueMs < next) next = dueMs
    }
    return next
  }

  /** Peers that can be reached and have not answered for the word. */
  waitingFor(id: string): PeerId[] {
    return [...this.#peers].filter(([, left]) => left.has(id)).map(([peer]) => peer)
  }
}

function first(nowMs: number): Told {
  return { dueMs: nowMs, waitMs: limits.againFirstMs }
}
