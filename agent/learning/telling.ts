/** Tells coordinators in which ranges attempts lay here, and asks other hosts the same. */
import { type AllTold, toldTogether } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import { tellingLimits } from './limits.ts'
import type { OwnHistory } from './own-history.ts'
import { believed, LEARNING_SERVICE, RangesAsked, RangesTold, rangesFor } from './wire.ts'

export interface TellingParts {
  readonly self: PeerId
  readonly calls: Pick<Calls, 'serve' | 'ask'>
  readonly own: OwnHistory
  readonly isCoordinator: (peer: PeerId) => boolean
  /** Whether this agent is one: others are told nothing by hosts. */
  readonly mayAsk: () => boolean
  /** Other agents that are alive. */
  readonly peers: () => readonly PeerId[]
}

export class Telling {
  readonly #parts: TellingParts
  #forOthers = 0

  constructor(parts: TellingParts) {
    this.#parts = parts
    parts.calls.serve(LEARNING_SERVICE, (from, body) => this.#answer(from, body))
  }

  /**
   * By key, what each host says, this one included, or what a coordinator says for all. Never later
   * than its deadline allows.
   */
  async gathered(keys: readonly string[]): Promise<AllTold> {
    const asked = [...new Set(keys)].slice(0, tellingLimits.keysAskedMax)
    return this.#parts.mayAsk() ? this.#ofHosts(asked) : this.#ofCoordinator(asked)
  }

  /** Of the first coordinator that is known; of none, this host alone speaks. */
  async #ofCoordinator(asked: readonly string[]): Promise<AllTold> {
    const { own, peers, isCoordinator } = this.#parts
    const coordinator = peers().find((peer) => isCoordinator(peer))
    const found =
      coordinator === undefined
        ? []
        : [...(await this.#ask(coordinator, asked, { ofAll: true }))].map(
            ([key, told]) => [key, [told]] as const,
          )
    if (found.length > 0) return new Map(found)
    return new Map(
      asked.flatMap((key) => {
        const told = own.told(key)
        return told === undefined ? [] : [[key, [told]] as const]
      }),
    )
  }

  async #ofHosts(asked: readonly string[]): Promise<AllTold> {
    const { self, own, peers } = this.#parts
    const all = new Map<string, Told[]>()
    const take = (host: PeerId, key: string, told: Told): void => {
      const others = all.get(key)
      const by = { ...told, host }
      if (others === undefined) all.set(key, [by])
      else others.push(by)
    }
    for (const key of asked) {
      const told = own.told(key)
      if (told !== undefined) take(self, key, told)
    }
    const asking = peers()
      .slice(0, tellingLimits.hostsMax)
      .map(async (peer) => {
        const answered = await this.#ask(peer, asked, { ofAll: false })
        for (const [key, told] of answered) take(peer, key, told)
      })
    await Promise.all(asking)
    return all
  }

  async #ask(
    peer: PeerId,
    keys: readonly string[],
    { ofAll }: { ofAll: boolean },
  ): Promise<ReadonlyMap<string, Told>> {
    const { keysMax, answerMs, forOthersMs, hostsMax } = tellingLimits
    const deadlineMs = ofAll ? forOthersMs : answerMs
    const pages: (readonly string[])[] = []
    for (let from = 0; from < keys.length; from += keysMax) {
      pages.push(keys.slice(from, from + keysMax))
    }
    const answers = await Promise.all(
      pages.map(async (page) => {
        const body = encode(RangesAsked, { keys: [...page], ...(ofAll ? { ofAll } : {}) })
        const result = await this.#parts.calls.ask(peer, LEARNING_SERVICE, body, deadlineMs)
        const answer = result.ok ? decode(RangesTold, result.body) : undefined
        return answer?.ok ? [...believed(page, answer.value, ofAll ? hostsMax + 1 : 1)] : []
      }),
    )
    return new Map(answers.flat())
  }

  async #answer(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const asked = decode(RangesAsked, body)
    if (!asked.ok) throw new BadQuestion(`no question about ranges: ${asked.why}`)
    const { keys, ofAll = false } = asked.value
    if (ofAll) return encode(RangesTold, await this.#forOther(keys))
    if (!this.#parts.isCoordinator(from)) throw new BadQuestion('only coordinators ask for ranges')
    return encode(
      RangesTold,
      rangesFor(keys, (key) => this.#parts.own.told(key)),
    )
  }

  /** Any agent may show a plan to a person. It is told what all hosts say together. */
  async #forOther(keys: readonly string[]): Promise<RangesTold> {
    if (!this.#parts.mayAsk() || this.#forOthers >= tellingLimits.forOthersMax) return { told: [] }
    this.#forOthers++
    try {
      const all = await this.#ofHosts([...new Set(keys)])
      return rangesFor(keys, (key) => {
        const told = all.get(key)
        return told === undefined ? undefined : toldTogether(told)
      })
    } finally {
      this.#forOthers--
    }
  }
}
