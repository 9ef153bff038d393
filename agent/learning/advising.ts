/**
 * What hosts tell each other of versions: how each has done there, and what it says of some work, with
 * its reasons. Only coordinators ask hosts; any other agent asks a coordinator, which asks them all.
 */
import type { Plain } from '../../models/profiles/profiles.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import {
  ADVICE_SERVICE,
  AdviceAsked,
  AdviceTold,
  believedHost,
  type HostAdvice,
} from './advice-wire.ts'
import type { Advisor } from './advisor.ts'
import { tellingLimits } from './limits.ts'
import type { Kind } from './oracle.ts'

export interface AdvisingParts {
  readonly calls: Pick<Calls, 'serve' | 'ask'>
  readonly self: PeerId
  readonly advisor: Pick<Advisor, 'standings' | 'explained'>
  /** What history says here. */
  readonly plain: (kind: Kind) => Plain
  readonly isCoordinator: (peer: PeerId) => boolean
  /** Whether this agent is one. */
  readonly mayAsk: () => boolean
  /** Other agents that are alive. */
  readonly peers: () => readonly PeerId[]
}

export class Advising {
  readonly #parts: AdvisingParts
  #forOthers = 0

  constructor(parts: AdvisingParts) {
    this.#parts = parts
    parts.calls.serve(ADVICE_SERVICE, (from, body) => this.#answer(from, body))
  }

  /** How versions have done, host by host; `kind`: and what is said of it there. */
  async gathered(kind?: Kind): Promise<readonly HostAdvice[]> {
    const { mayAsk, peers, isCoordinator } = this.#parts
    if (mayAsk()) return this.#ofHosts(kind)
    const coordinator = peers().find((peer) => isCoordinator(peer))
    const told = coordinator === undefined ? [] : await this.#ask(coordinator, kind, true)
    return told.length > 0 ? told : [await this.#own(kind)]
  }

  async #ofHosts(kind: Kind | undefined): Promise<HostAdvice[]> {
    const peers = this.#parts.peers().slice(0, tellingLimits.hostsMax - 1)
    const asking = peers.map(async (peer) => {
      const [told] = await this.#ask(peer, kind, false)
      // It speaks for itself, whatever it says.
      return told === undefined ? [] : [{ ...told, id: peer }]
    })
    const [own, ...others] = await Promise.all([this.#own(kind), ...asking])
    return [own, ...others.flat()]
  }

  async #own(kind: Kind | undefined): Promise<HostAdvice> {
    const { self, advisor, plain } = this.#parts
    const standings = advisor.standings()
    if (kind === undefined) return { id: self, standings }
    const { range: history, isOfKind } = plain(kind)
    const explained = await advisor.explained(kind, isOfKind).catch(() => undefined)
    return {
      id: self,
      standings,
      ...(history === undefined ? {} : { plain: history }),
      ...(explained === undefined
        ? {}
        : { explained: { ...explained, factors: [...explained.factors] } }),
    }
  }

  async #ask(peer: PeerId, kind: Kind | undefined, ofAll: boolean): Promise<HostAdvice[]> {
    const { explainMs, standingMs, forOthersMs } = tellingLimits
    const body = encode(AdviceAsked, {
      ...(kind === undefined ? {} : { kind: { ...kind } }),
      ...(ofAll ? { ofAll } : {}),
    })
    const deadlineMs = (kind === undefined ? standingMs : explainMs) + (ofAll ? forOthersMs : 0)
    const asked = await this.#parts.calls.ask(peer, ADVICE_SERVICE, body, deadlineMs)
    const answer = asked.ok ? decode(AdviceTold, asked.body) : undefined
    return answer?.ok ? answer.value.hosts.flatMap((host) => believedHost(host) ?? []) : []
  }

  async #answer(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const asked = decode(AdviceAsked, body)
    if (!asked.ok) throw new BadQuestion(`no question about versions: ${asked.why}`)
    const { kind, ofAll = false } = asked.value
    if (ofAll) return encode(AdviceTold, { hosts: await this.#forOther(kind) })
    if (!this.#parts.isCoordinator(from)) throw new BadQuestion('only coordinators ask hosts')
    return encode(AdviceTold, { hosts: [await this.#own(kind)] })
  }

  async #forOther(kind: Kind | undefined): Promise<HostAdvice[]> {
    if (!this.#parts.mayAsk() || this.#forOthers >= tellingLimits.forOthersMax) return []
    this.#forOthers++
    try {
      return await this.#ofHosts(kind)
    } finally {
      this.#forOthers--
    }
  }
}
