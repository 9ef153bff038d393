/**
 * What letting hosts in needs besides: the issuing key where the leader finds it, a word in time before
 * that key ends, and no tokens that ended long ago.
 */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Leadership } from '../../protocol/ledger/ledger.ts'
import { lookAfter } from '../looking-after.ts'
import { currentIssuer } from './issuers.ts'
import type { IssuingKey } from './issuing-key.ts'
import { letInLimits } from './limits.ts'
import { leftWords } from './renewal.ts'
import { forgetToken, heldTokens } from './tokens.ts'
import type { LettingQuestion } from './wire.ts'

export class Upkeep {
  readonly #agent: Agent
  readonly #issuing: IssuingKey
  readonly #ask: (leader: PeerId, question: LettingQuestion) => Promise<unknown>
  /** When it was told last that the issuing key ends. */
  #warnedMs = Number.NEGATIVE_INFINITY

  constructor(
    agent: Agent,
    issuing: IssuingKey,
    ask: (leader: PeerId, question: LettingQuestion) => Promise<unknown>,
  ) {
    this.#agent = agent
    this.#issuing = issuing
    this.#ask = ask
  }

  /** The key that came with the first host goes to the ledger, whoever leads it. */
  async handOver(): Promise<void> {
    await this.#issuing.forgetIfRevoked()
    const { leader, id, leads } = this.#agent.ledger
    if (this.#issuing.isKept || leader === undefined) return
    const { own } = this.#issuing
    if (own === undefined) return
    if (leads) await this.#issuing.keep(own)
    else if (leader !== id) await this.#ask(leader, { kind: 'offer', value: { issuer: own } })
  }

  lead(turn: Leadership): void {
    void this.handOver()
    lookAfter(this.#agent.ports, turn, {
      what: 'letting hosts in',
      everyMs: letInLimits.forgetMs,
      look: async () => {
        this.#warnOfEnd()
        await this.#forgetOld()
      },
    })
  }

  /** A person must act: only the root makes another. */
  #warnOfEnd(): void {
    const { ledger, ports, membership, id, journal } = this.#agent
    const key = currentIssuer(ledger.state)
    const leftMs = (key?.notAfterMs ?? Number.POSITIVE_INFINITY) - ports.clock.wall()
    const nowMs = ports.clock.now()
    const { issuerWarnMs, warnAgainMs } = letInLimits
    if (leftMs > issuerWarnMs || nowMs - this.#warnedMs < warnAgainMs) return
    this.#warnedMs = nowMs
    const when = leftMs <= 0 ? 'has ended' : `ends in ${leftWords(leftMs)}`
    const text = `the issuing key ${when}, and the certificates of all hosts with it: skein keys rotate issuing, where the root key is`
    const name = membership.nameOf(id)
    journal.record({ kind: 'issuer.ending', node: id, name, text, fields: {} })
  }

  async #forgetOld(): Promise<void> {
    const { ledger, ports } = this.#agent
    const beforeMs = ports.clock.wall() - letInLimits.keptMs
    const old = [...heldTokens(ledger.state)].filter(({ expiresMs }) => expiresMs < beforeMs)
    for (const { id } of old.slice(0, letInLimits.forgottenAtOnce)) {
      for (const command of forgetToken(id)) {
        await ledger.append(command, { timeoutMs: letInLimits.appendMs })
      }
    }
  }
}
