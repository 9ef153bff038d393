/** Tells coordinators in which ranges attempts lay here, and asks other hosts the same. */
import type { AllTold } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import { tellingLimits } from './limits.ts'
import type { OwnHistory } from './own-history.ts'
import { believed, LEARNING_SERVICE, RangesAsked, RangesTold, rangesFor } from './wire.ts'

export interface TellingParts {
  readonly calls: Calls
  readonly own: OwnHistory
  readonly isCoordinator: (peer: PeerId) => boolean
  /** Other agents that are alive. */
  readonly peers: () => readonly PeerId[]
}

export class Telling {
  readonly #parts: TellingParts

  constructor(parts: TellingParts) {
    this.#parts = parts
    parts.calls.serve(LEARNING_SERVICE, (from, body) => this.#answer(from, body))
  }

  /** By key, what each host says, this one included. Never later than its deadline allows. */
  async gathered(keys: readonly string[]): Promise<AllTold> {
    const { own, peers } = this.#parts
    const asked = [...new Set(keys)].slice(0, tellingLimits.keysAskedMax)
    const all = new Map<string, Told[]>()
    const take = (key: string, told: Told): void => {
      const others = all.get(key)
      if (others === undefined) all.set(key, [told])
      else others.push(told)
    }
    for (const key of asked) {
      const told = own.told(key)
      if (told !== undefined) take(key, told)
    }
    const asking = peers()
      .slice(0, tellingLimits.hostsMax)
      .map(async (peer) => {
        for (const [key, told] of await this.#ask(peer, asked)) take(key, told)
      })
    await Promise.all(asking)
    return all
  }

  async #ask(peer: PeerId, keys: readonly string[]): Promise<ReadonlyMap<string, Told>> {
    const { keysMax, answerMs } = tellingLimits
    const pages: (readonly string[])[] = []
    for (let from = 0; from < keys.length; from += keysMax) {
      pages.push(keys.slice(from, from + keysMax))
    }
    const answers = await Promise.all(
      pages.map(async (page) => {
        const body = encode(RangesAsked, { keys: [...page] })
        const result = await this.#parts.calls.ask(peer, LEARNING_SERVICE, body, answerMs)
        const answer = result.ok ? decode(RangesTold, result.body) : undefined
        return answer?.ok ? [...believed(page, answer.value)] : []
      }),
    )
    return new Map(answers.flat())
  }

  async #answer(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const asked = decode(RangesAsked, body)
    if (!asked.ok) throw new BadQuestion(`no question about ranges: ${asked.why}`)
    if (!this.#parts.isCoordinator(from)) throw new BadQuestion('only coordinators ask for ranges')
    return encode(
      RangesTold,
      rangesFor(asked.value.keys, (key) => this.#parts.own.told(key)),
    )
  }
}
