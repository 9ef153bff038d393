/** Tells coordinators in which ranges attempts lay here, and asks other hosts the same. */
import { levelsOf } from '../../models/profiles/levels.ts'
import { profileLimits } from '../../models/profiles/limits.ts'
import { type AllTold, toldTogether } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import type { Advisor, Ground } from './advisor.ts'
import { tellingLimits } from './limits.ts'
import type { Kind } from './oracle.ts'
import type { OwnHistory } from './own-history.ts'
import { believed, LEARNING_SERVICE, RangesAsked, RangesTold, rangesFor } from './wire.ts'

export interface TellingParts {
  readonly self: PeerId
  readonly calls: Pick<Calls, 'serve' | 'ask'>
  readonly own: Pick<OwnHistory, 'told'>
  /** What models say here; without, history alone speaks. */
  readonly advisor?: Pick<Advisor, 'prepare' | 'advice'>
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
    const { peers, isCoordinator } = this.#parts
    const coordinator = peers().find((peer) => isCoordinator(peer))
    const found =
      coordinator === undefined
        ? []
        : [...(await this.#ask(coordinator, asked, { ofAll: true }))].map(
            ([key, told]) => [key, [told]] as const,
          )
    if (found.length > 0) return new Map(found)
    await this.#prepare(asked)
    return new Map(
      asked.flatMap((key) => {
        const told = this.#own(key)
        return told === undefined ? [] : [[key, [told]] as const]
      }),
    )
  }

  async #ofHosts(asked: readonly string[]): Promise<AllTold> {
    const { self, peers } = this.#parts
    const all = new Map<string, Told[]>()
    const take = (host: PeerId, key: string, told: Told): void => {
      const others = all.get(key)
      const by = { ...told, host }
      if (others === undefined) all.set(key, [by])
      else others.push(by)
    }
    const others = peers().slice(0, tellingLimits.hostsMax)
    const asking = others.map((peer) => this.#ask(peer, asked, { ofAll: false }))
    const [answers] = await Promise.all([Promise.all(asking), this.#prepare(asked)])
    for (const key of asked) {
      const told = this.#own(key)
      if (told !== undefined) take(self, key, told)
    }
    for (const [i, answered] of answers.entries()) {
      for (const [key, told] of answered) take(others[i] as PeerId, key, told)
    }
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
    await this.#prepare(keys)
    return encode(
      RangesTold,
      rangesFor(keys, (key) => this.#own(key)),
    )
  }

  // ── Of this host ──────────────────────────────────────────────────────────────────────────────

  /** What models say is worked out, as far as it is in time: a plan waits no longer for it. */
  async #prepare(keys: readonly string[]): Promise<void> {
    const kinds = keys.flatMap((key) => kindIn(key) ?? [])
    await this.#parts.advisor?.prepare(kinds.filter((kind) => this.#attempts(kind).n > 0))
  }

  #own(key: string): Told | undefined {
    const { own, advisor } = this.#parts
    const told = own.told(key)
    const kind = kindIn(key)
    if (advisor === undefined || kind === undefined) return told
    const { n, ground } = this.#attempts(kind)
    // Who has never done anything like it leaves the word to others.
    const advised = n === 0 ? undefined : advisor.advice(kind, n, ground)
    if (advised === undefined) return told
    return { ...(told ?? { succeeded: 0, tried: 0 }), advised }
  }

  /** Of the likest that this host has done, and on what there are enough of to stand. */
  #attempts({ group, task }: Kind): { n: number; ground: Ground } {
    const counts = levelsOf(group, task).map(({ key }) => this.#parts.own.told(key)?.tookMs?.n ?? 0)
    const likest = counts.findIndex((count) => count >= profileLimits.groundMin)
    return {
      n: counts.find((count) => count > 0) ?? 0,
      ground: likest < 0 ? 'none' : likest === 0 ? 'kind' : 'similar',
    }
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

/** Of the keys of a task, one names it: see `historyKey`. No fingerprint has a blank. */
function kindIn(key: string): Kind | undefined {
  const blank = key.lastIndexOf(' ')
  return blank < 0 ? undefined : { group: key.slice(0, blank), task: key.slice(blank + 1) }
}
