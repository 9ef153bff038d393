/**
 * What has come of each word: at this host, and at others as they have said. Whoever told this host
 * of a word is owed its answer until that is final.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { estopLimits as limits } from './limits.ts'
import type { AnswerState, StopAnswer } from './messages.ts'

export interface OwnAnswer {
  state: AnswerState
  killed: number
  tookMs: number
  why: string
}

export interface PeerAnswer extends OwnAnswer {
  atMs: number
}

/** It changes nothing here, because what it says is known or past. */
export const settled: OwnAnswer = { state: 'done', killed: 0, tookMs: 0, why: '' }

export function refusal(why: string): OwnAnswer {
  return { state: 'refused', killed: 0, tookMs: 0, why }
}

export class Answers {
  readonly #own = new Map<string, OwnAnswer & { sinceMs: number }>()
  readonly #others = new Map<string, Map<PeerId, PeerAnswer>>()
  readonly #owed = new Map<string, Set<PeerId>>()

  /** A word that is believed here from now on. */
  begin(id: string, state: 'latched' | 'done', nowMs: number): void {
    this.#own.set(id, { ...settled, state, sinceMs: nowMs })
  }

  own(id: string): OwnAnswer | undefined {
    return this.#own.get(id)
  }

  /** As it stands, with the time that it has taken so far. */
  ownNow(id: string, nowMs: number): OwnAnswer | undefined {
    const own = this.#own.get(id)
    return own && { ...own, tookMs: Math.round(nowMs - own.sinceMs) }
  }

  others(id: string): ReadonlyMap<PeerId, PeerAnswer> {
    return this.#others.get(id) ?? new Map()
  }

  /** False where it was owed to that peer before, which has asked again. */
  owe(id: string, peer: PeerId): boolean {
    const owed = this.#owed.get(id) ?? new Set()
    this.#owed.set(id, owed)
    if (owed.has(peer)) return false
    if (owed.size < limits.peersMax) owed.add(peer)
    return true
  }

  /** How far it has come here. Returns to whom that is owed, and what they are to hear. */
  come(
    id: string,
    state: AnswerState,
    killed: number,
    nowMs: number,
  ): { to: readonly PeerId[]; answer: OwnAnswer } | undefined {
    const own = this.#own.get(id)
    if (own === undefined) return undefined
    own.state = state
    own.killed = Math.max(own.killed, killed)
    own.tookMs = Math.max(0, Math.round(nowMs - own.sinceMs))
    const to = [...(this.#owed.get(id) ?? [])]
    if (state === 'done') this.#owed.delete(id)
    return { to, answer: own }
  }

  /** Of another host. Only of words that are believed here. */
  heard(
    from: PeerId,
    { word, state, killed, tookMs, why }: StopAnswer,
    nowMs: number,
  ): string | undefined {
    const id = Buffer.from(word).toString('hex')
    if (!this.#own.has(id)) return undefined
    const answers = this.#others.get(id) ?? new Map<PeerId, PeerAnswer>()
    this.#others.set(id, answers)
    if (answers.size >= limits.peersMax && !answers.has(from)) return undefined
    answers.set(from, { state, killed, tookMs, why, atMs: nowMs })
    return id
  }

  /** Words that were released keep their table until much has gone by since. */
  forget(isKnown: (id: string) => boolean, isCurrent: (id: string) => boolean): void {
    for (const id of [...this.#own.keys()]) if (!isKnown(id)) this.#drop(id)
    while (this.#own.size > limits.coveredMax + limits.raisesMax) {
      const id = [...this.#own.keys()].find((one) => !isCurrent(one))
      if (id === undefined) return
      this.#drop(id)
    }
  }

  #drop(id: string): void {
    this.#own.delete(id)
    this.#others.delete(id)
    this.#owed.delete(id)
  }
}
