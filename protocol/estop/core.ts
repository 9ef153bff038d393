/**
 * The emergency stop of one host as a state machine: words, answers and peers in; what is to be
 * written down, what is to be said, and whether anything new is to be obeyed, out. No promise, timer
 * or disk; whoever drives it (1) takes `takeReady()` after whatever it has told, (2) syncs `records`
 * to the disk, (3) only then obeys `obey` and (4) tells `done` when that has come about; `say` may
 * go out at any time, since others judge by themselves.
 */
import { createHash } from 'node:crypto'
import type { Trust } from '../identity/credential.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { Answers, type OwnAnswer, type PeerAnswer, refusal, settled } from './answers.ts'
import { type Judged, judgeWord, type Rules } from './judge.ts'
import { Latch } from './latch.ts'
import { estopLimits as limits } from './limits.ts'
import type { AnswerState, EstopFrame, StopAnswer } from './messages.ts'
import { type StopScope, scopeText } from './scope.ts'
import { Spreading } from './spreading.ts'
import { type StopSaying, type StopWord, wordId } from './word.ts'

/** A word that is to be obeyed, once it is written down. */
export interface Obeyed {
  id: string
  saying: StopSaying
  by: string
}

export interface EstopReady {
  /** Scopes, as they are to be kept. */
  records: { scope: string; record: Uint8Array }[]
  obey: Obeyed[]
  say: { to: PeerId; frame: EstopFrame }[]
  /** To everybody, by whatever way there is beside. */
  publish: StopWord[]
  /** Words that were not believed, for the log. */
  refused: { from: PeerId | undefined; why: string }[]
}

export interface EstopOptions {
  self: PeerId
  trust: Trust
  rules: Rules
}

export class EstopCore {
  readonly latch: Latch
  readonly #options: EstopOptions
  readonly #spreading = new Spreading()
  readonly #answers = new Answers()
  /** Releases that are believed and wait for more people. */
  readonly #proposals = new Map<string, { word: StopWord; saying: StopSaying; by: string }>()
  /** Peers that have said what they know, since they can be reached. */
  readonly #heardOf = new Set<PeerId>()
  #print: Uint8Array
  #ready: EstopReady = nothing()

  constructor(options: EstopOptions, restored: Iterable<Uint8Array>, nowMs: number) {
    this.#options = options
    this.latch = new Latch(restored)
    for (const { id } of this.latch.inForce()) this.#answers.begin(id, 'latched', nowMs)
    for (const { id, saying } of this.latch.words()) {
      if (saying.act === 'release') this.#answers.begin(id, 'done', nowMs)
    }
    this.#print = this.#printed()
    this.#spreading.words(this.#wordIds(), nowMs)
  }

  /** What an earlier life has left in force; it is to be obeyed before anything begins. */
  leftInForce(): Obeyed[] {
    return this.latch.inForce().map(({ id, saying, by }) => ({ id, saying, by }))
  }

  takeReady(): EstopReady | undefined {
    const ready = this.#ready
    const isAny = Object.values(ready).some((list) => list.length > 0)
    if (!isAny) return undefined
    this.#ready = nothing()
    return ready
  }

  /** By a person, here; `undefined` where it was believed. */
  said(word: StopWord, nowMs: number, wallMs: number): Heard {
    return this.#hear(word, undefined, nowMs, wallMs)
  }

  hear(from: PeerId, frame: EstopFrame, nowMs: number, wallMs: number): void {
    switch (frame.kind) {
      case 'words':
        this.#heardOf.add(from)
        for (const word of frame.value.words) this.#hear(word, from, nowMs, wallMs)
        return
      case 'answers':
        for (const answer of frame.value.answers) this.#answered(from, answer, nowMs)
        return
      case 'print': {
        const { print, asks } = frame.value
        this.#heardOf.add(from)
        const isSame = Buffer.compare(print, this.#print) === 0
        // What is on its way to it comes by itself.
        if (!isSame && !this.#spreading.owes(from)) this.#tellAll(from)
        if (asks) this.#say(from, this.#printFrame(false))
      }
    }
  }

  connected(peer: PeerId, nowMs: number): void {
    this.#heardOf.delete(peer)
    this.#spreading.reachable(peer, nowMs)
    this.#say(peer, this.#printFrame(true))
    this.tick(nowMs)
  }

  disconnected(peer: PeerId): void {
    this.#heardOf.delete(peer)
    this.#spreading.unreachable(peer)
  }

  /** Somebody who is not connected, and can be told all the same. */
  alsoTell(peer: PeerId, nowMs: number): void {
    if (!this.#spreading.isReachable(peer)) this.#spreading.reachable(peer, nowMs)
  }

  /** What is due by the clock. */
  tick(nowMs: number): void {
    let last: { words: string; frame: EstopFrame } | undefined
    for (const { peer, words } of this.#spreading.due(nowMs)) {
      // Mostly all are told the same, and one frame for all of them is put into bytes once.
      const wanted = words.join()
      if (last?.words !== wanted) last = { words: wanted, frame: this.#wordsFrame(words) }
      this.#ready.say.push({ to: peer, frame: last.frame })
    }
  }

  nextDueMs(): number | undefined {
    return this.#spreading.nextDueMs()
  }

  /** One that was told nothing lately may have missed something: what is known here, as a hash. */
  compareWith(peer: PeerId, asks: boolean): void {
    if (asks || !this.latch.isEmpty) this.#say(peer, this.#printFrame(asks))
  }

  /** Whether it has said what it knows, since it can be reached. */
  hasHeardOf(peer: PeerId): boolean {
    return peer === this.#options.self || this.#heardOf.has(peer)
  }

  /**
   * It is on the disk, and what it means is not gone yet. Worth saying where that takes a while: of
   * most stops nothing is left soon after, and hosts have better to do until then.
   */
  latched(id: string, nowMs: number): void {
    this.#come(id, 'latched', 0, nowMs)
  }

  /** And everything in scope was seen to be gone. */
  done(id: string, killed: number, nowMs: number): void {
    this.#come(id, 'done', killed, nowMs)
  }

  own(id: string): OwnAnswer | undefined {
    return this.#answers.own(id)
  }

  answersFor(id: string): ReadonlyMap<PeerId, PeerAnswer> {
    return this.#answers.others(id)
  }

  /** Releases of the scope that wait for another person. */
  proposals(scope: StopScope): { id: string; word: StopWord; saying: StopSaying; by: string }[] {
    const wanted = scopeText(scope)
    return [...this.#proposals]
      .map(([id, proposal]) => ({ id, ...proposal }))
      .filter(({ saying }) => scopeText(saying.scope) === wanted)
  }

  #hear(word: StopWord, from: PeerId | undefined, nowMs: number, wallMs: number): Heard {
    const { trust, rules } = this.#options
    const id = wordId(word.body)
    if (this.latch.isKnown(id)) {
      this.#known(id, from, nowMs)
      return { kind: 'known', id }
    }
    const whole = withHands(word, this.#proposals.get(id)?.word)
    const judged = judgeWord(whole, trust, wallMs, rules)
    if (!judged.ok) {
      this.#ready.refused.push({ from, why: judged.why })
      if (from !== undefined) this.#answer(from, id, refusal(judged.why))
      return { kind: 'refused', why: judged.why }
    }
    return judged.isWhole ? this.#take(id, judged, from, nowMs) : this.#propose(id, judged, from)
  }

  #take(
    id: string,
    { judged }: Extract<Judged, { ok: true }>,
    from: PeerId | undefined,
    nowMs: number,
  ): Heard {
    const heard = this.latch.hear(judged)
    if (heard !== 'news') {
      if (from !== undefined) this.#answer(from, id, settled)
      return { kind: heard === 'full' ? 'full' : 'known', id }
    }
    const { saying, people } = judged
    this.#proposals.delete(id)
    this.#answers.begin(id, 'latched', nowMs)
    this.#forgetAnswers()
    const record = this.latch.record(saying.scope)
    if (record !== undefined) this.#ready.records.push({ scope: scopeText(saying.scope), record })
    this.#ready.obey.push({ id, saying, by: people.join(' and ') })
    this.#ready.publish.push(judged.word)
    this.#print = this.#printed()
    this.#spreading.words(this.#wordIds(), nowMs)
    this.tick(nowMs)
    if (from !== undefined) {
      this.#answers.owe(id, from)
      this.#spreading.knows(from, id, nowMs)
    }
    return { kind: 'news', id }
  }

  /** Known to all who can be reached, so that the next person may sign anywhere. */
  #propose(id: string, { judged }: Extract<Judged, { ok: true }>, from: PeerId | undefined): Heard {
    const before = this.#proposals.get(id)
    const isMore = (before?.word.hands.length ?? 0) < judged.word.hands.length
    if (from !== undefined) this.#answer(from, id, refusal('needsAnotherPerson'))
    if (!isMore) return { kind: 'proposed', id }
    const { word, saying, people } = judged
    this.#proposals.delete(id)
    if (this.#proposals.size >= limits.proposalsMax) {
      this.#proposals.delete(this.#proposals.keys().next().value as string)
    }
    this.#proposals.set(id, { word, saying, by: people.join(' and ') })
    this.#ready.publish.push(word)
    for (const peer of this.#heardOf) {
      if (peer !== from) this.#say(peer, { kind: 'words', value: { words: [word] } })
    }
    return { kind: 'proposed', id }
  }

  #known(id: string, from: PeerId | undefined, nowMs: number): void {
    if (from === undefined) return
    const own = this.#answers.ownNow(id, nowMs)
    this.#spreading.knows(from, id, nowMs)
    // It hears of the end by itself; one that asks again wants to know now.
    if (own?.state === 'latched' && this.#answers.owe(id, from)) return
    this.#answer(from, id, own ?? settled)
  }

  #come(id: string, state: AnswerState, killed: number, nowMs: number): void {
    const come = this.#answers.come(id, state, killed, nowMs)
    if (come === undefined) return
    for (const peer of come.to) this.#answer(peer, id, come.answer)
  }

  #answer(to: PeerId, id: string, { state, killed, tookMs, why }: OwnAnswer): void {
    const word = new Uint8Array(Buffer.from(id, 'hex'))
    const answers = [{ word, state, killed, tookMs, why }]
    this.#say(to, { kind: 'answers', value: { answers } })
  }

  #answered(from: PeerId, answer: StopAnswer, nowMs: number): void {
    const id = this.#answers.heard(from, answer, nowMs)
    if (id === undefined) return
    if (answer.state === 'latched') this.#spreading.knows(from, id, nowMs)
    else this.#spreading.answered(from, id)
  }

  #forgetAnswers(): void {
    this.#answers.forget(
      (id) => this.latch.isKnown(id),
      (id) => this.#isCurrent(id),
    )
  }

  #isCurrent(id: string): boolean {
    return this.latch.words().some((word) => word.id === id)
  }

  #tellAll(to: PeerId): void {
    const words = this.latch.words().map(({ word }) => word)
    for (let from = 0; from < words.length; from += limits.wordsPerFrameMax) {
      const value = { words: words.slice(from, from + limits.wordsPerFrameMax) }
      this.#say(to, { kind: 'words', value })
    }
  }

  #wordsFrame(ids: readonly string[]): EstopFrame {
    const found = this.latch.words().filter(({ id }) => ids.includes(id))
    return { kind: 'words', value: { words: found.map(({ word }) => word) } }
  }

  #printFrame(asks: boolean): EstopFrame {
    return { kind: 'print', value: { print: this.#print, asks } }
  }

  #say(to: PeerId, frame: EstopFrame): void {
    this.#ready.say.push({ to, frame })
  }

  #wordIds(): string[] {
    return this.latch.words().map(({ id }) => id)
  }

  #printed(): Uint8Array {
    const hash = createHash('sha256')
    for (const id of this.#wordIds().sort()) hash.update(id)
    return new Uint8Array(hash.digest().subarray(0, 16))
  }
}

export type Heard =
  | { kind: 'news' | 'known' | 'full' | 'proposed'; id: string }
  | { kind: 'refused'; why: string }

function nothing(): EstopReady {
  return { records: [], obey: [], say: [], publish: [], refused: [] }
}

function withHands(word: StopWord, before: StopWord | undefined): StopWord {
  if (before === undefined) return word
  const seen = new Set(before.hands.map((hand) => Buffer.from(hand.signature).toString('hex')))
  const more = word.hands.filter(
    ({ signature }) => !seen.has(Buffer.from(signature).toString('hex')),
  )
  return { body: word.body, hands: [...before.hands, ...more].slice(0, limits.handsMax) }
}
