/**
 * Carries the words by which keys were taken back to those who do not hear the ledger: what is new is
 * passed on to a few, each of whom does the same, and what somebody missed is found when two compare
 * what they know. Where nothing was taken back, nothing is said.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { type Entropy, pick, shuffle } from '../../protocol/ports/entropy.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { BadQuestion, type CallResult, type Service } from '../requests/calls.ts'
import { Tally } from '../tally.ts'
import { trustLimits } from './limits.ts'
import { SpreadAnswer, SpreadQuestion, type SpreadSaying } from './revocation-wire.ts'
import type { HeardRevocation, Revocations } from './revocations.ts'

export const revocationService = 'revocations'

export interface SpreadParts {
  clock: Clock
  entropy: Entropy
  calls: {
    serve(name: string, service: Service): void
    ask(to: PeerId, service: string, body: Uint8Array, deadlineMs: number): Promise<CallResult>
  }
  /** With an open connection. */
  connected(): readonly PeerId[]
}

export class RevocationSpread {
  readonly #parts: SpreadParts
  readonly #revocations: Revocations
  readonly #entropy: Entropy
  readonly #refused = new Tally<Exclude<HeardRevocation, 'news' | 'known'>>()
  #timer: Timer | undefined

  constructor(parts: SpreadParts, revocations: Revocations) {
    this.#parts = parts
    this.#revocations = revocations
    this.#entropy = parts.entropy.stream('revocations')
    parts.calls.serve(revocationService, async (_from, body) => this.#answer(body))
  }

  start(): void {
    if (this.#revocations.words.length > 0) this.#compareNowAndThen()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Something is known here that may be known nowhere else. */
  news(what: string): void {
    const word = this.#revocations.wordOf(what)
    if (word === undefined) return
    this.#compareNowAndThen()
    const peers = shuffle(this.#entropy, [...this.#parts.connected()])
    for (const peer of peers.slice(0, trustLimits.tellAtOnce)) void this.#give(peer, [word])
  }

  connected(peer: PeerId): void {
    if (this.#revocations.words.length > 0) void this.#compare(peer)
  }

  /** What was told here and not believed, by reason. */
  refusals(): Readonly<Record<string, number>> {
    return this.#refused.counts()
  }

  #compareNowAndThen(): void {
    this.#timer ??= this.#parts.clock.every(trustLimits.compareMs, () => {
      const peer = pick(this.#entropy, this.#parts.connected())
      if (peer !== undefined) void this.#compare(peer)
    })
  }

  async #compare(peer: PeerId): Promise<void> {
    const { fingerprint } = this.#revocations
    const answer = await this.#ask(peer, { kind: 'compare', value: { fingerprint } })
    if (answer === undefined || answer.isSame === true) return
    const theirs = new Set(answer.known)
    const ours = new Set(this.#revocations.words)
    await this.#give(peer, this.#wordsFor([...ours].filter((what) => !theirs.has(what))))
    const wanted = answer.known.filter((what) => !ours.has(what))
    for (let at = 0; at < wanted.length; at += trustLimits.wordsPerCallMax) {
      const whats = wanted.slice(at, at + trustLimits.wordsPerCallMax)
      const told = await this.#ask(peer, { kind: 'want', value: { whats } })
      if (told === undefined) return
      this.#hear(told.words)
    }
  }

  async #give(peer: PeerId, words: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < words.length; at += trustLimits.wordsPerCallMax) {
      const some = words.slice(at, at + trustLimits.wordsPerCallMax)
      if ((await this.#ask(peer, { kind: 'give', value: { words: some } })) === undefined) return
    }
  }

  async #ask(peer: PeerId, question: SpreadSaying): Promise<SpreadAnswer | undefined> {
    const body = encode(SpreadQuestion, { question })
    const { askMs } = trustLimits
    const asked = await this.#parts.calls.ask(peer, revocationService, body, askMs)
    const read = asked.ok ? decode(SpreadAnswer, asked.body) : undefined
    return read?.ok ? read.value : undefined
  }

  #answer(body: Uint8Array): Uint8Array {
    const read = decode(SpreadQuestion, body)
    if (!read.ok) throw new BadQuestion(`no question about what was taken back: ${read.why}`)
    return encode(SpreadAnswer, this.#answerTo(read.value.question))
  }

  #answerTo(question: SpreadSaying): SpreadAnswer {
    switch (question.kind) {
      case 'compare': {
        const { fingerprint, words } = this.#revocations
        if (Buffer.compare(question.value.fingerprint, fingerprint) === 0) {
          return { ...nothing, isSame: true }
        }
        return { ...nothing, known: [...words] }
      }
      case 'want':
        return { ...nothing, words: this.#wordsFor(question.value.whats) }
      case 'give':
        this.#hear(question.value.words)
        return nothing
    }
  }

  #hear(words: readonly Uint8Array[]): void {
    for (const word of words) {
      const heard = this.#revocations.heard(word)
      if (heard !== 'news' && heard !== 'known') this.#refused.add(heard)
    }
  }

  #wordsFor(whats: readonly string[]): Uint8Array[] {
    return whats.flatMap((what) => this.#revocations.wordOf(what) ?? [])
  }
}

const nothing: SpreadAnswer = { known: [], words: [] }
