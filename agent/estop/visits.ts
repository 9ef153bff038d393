/**
 * Stops that are brought by somebody who is no peer, for when the gateways are down: a person's
 * `skein`, with the swarm key and a signed word. Who brings a word that is not believed hears
 * nothing at all. Only a raise is taken: releasing is not done in haste.
 */
import {
  type VisitAnswer as Answer,
  VisitAnswer,
  type VisitNode,
  visitPurpose,
} from '../../protocol/estop/visit.ts'
import { readWord, sayingIn } from '../../protocol/estop/word.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Network, Stream } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { TokenBucket } from '../token-bucket.ts'
import { estopDriverLimits as limits } from './limits.ts'
import type { EmergencyStop } from './service.ts'

export interface VisitParts {
  estop: EmergencyStop
  /** What this host shows. */
  credential(): Credential
  /** All that are known, this host included. */
  nodes(): readonly { id: PeerId; name: string; state: string }[]
  self: PeerId
}

export class Visits {
  readonly #ports: { clock: Clock; network: Network }
  readonly #parts: VisitParts
  /** Of all visitors together: each word may cost a signature. */
  readonly #allowance: TokenBucket
  /** In the order in which they came, and whether they have brought a word that was believed. */
  readonly #open = new Map<Stream, 'silent' | 'believed'>()

  constructor(ports: { clock: Clock; network: Network }, parts: VisitParts) {
    this.#ports = ports
    this.#parts = parts
    const { visitWordsPerSecond: rate, visitWordsBurst: burst } = limits
    this.#allowance = new TokenBucket(rate, burst, ports.clock.now())
  }

  open(): void {
    this.#ports.network.accept(visitPurpose, (stream) => this.#receive(stream))
  }

  close(): void {
    this.#ports.network.refuse(visitPurpose)
    for (const stream of this.#open.keys()) stream.abort('shutdown')
  }

  #receive(stream: Stream): void {
    const { clock } = this.#ports
    stream.onFrame = () => {}
    if (!this.#makesRoom()) return stream.abort('closedHere')
    this.#open.set(stream, 'silent')
    const end = clock.after(limits.visitMsMax, () => stream.abort('closedHere'))
    const over = () => {
      end.cancel()
      this.#open.delete(stream)
    }
    stream.onClose = over
    stream.onFrame = (frame) => {
      const answer = this.#allowance.take(1, clock.now()) ? this.#heard(frame) : undefined
      if (answer === undefined) {
        over()
        return this.#turnAway(stream)
      }
      this.#open.set(stream, 'believed')
      if (stream.open) stream.send(encode(VisitAnswer, answer))
    }
  }

  /** Whoever holds a place and brings nothing keeps nobody out who does. */
  #makesRoom(): boolean {
    if (this.#open.size < limits.visitsMax) return true
    for (const [stream, state] of this.#open) {
      if (state === 'believed') continue
      this.#open.delete(stream)
      stream.abort('closedHere')
      return true
    }
    return false
  }

  /** With the connection: one word of those that are not believed is all that a visitor has. */
  #turnAway(stream: Stream): void {
    stream.abort('closedHere')
    this.#ports.network.disconnect(stream.peer)
  }

  #heard(frame: Uint8Array): Answer | undefined {
    const word = readWord(frame)
    const saying = word && sayingIn(word.body)
    if (word === undefined || saying?.act !== 'raise') return undefined
    const { estop, credential } = this.#parts
    const heard = estop.said(word)
    if (heard.kind === 'refused') return undefined
    return {
      credential: credential(),
      outcome: heard.kind,
      nextEpoch: estop.core.latch.nextEpoch(saying.scope),
      nodes: this.#answersTo(heard.id),
    }
  }

  #answersTo(word: string): VisitNode[] {
    const { estop, nodes, self } = this.#parts
    const answers = estop.core.answersFor(word)
    return nodes().map(({ id, name, state }) => {
      const answer = id === self ? estop.core.own(word) : answers.get(id)
      const { killed = 0, tookMs = 0, why = '' } = answer ?? {}
      return {
        id,
        name,
        state,
        answer: answer?.state ?? 'silent',
        killed,
        tookMs: Math.round(tookMs),
        why,
      }
    })
  }
}
