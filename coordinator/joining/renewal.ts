/**
 * This agent's own certificate, made new before it ends, and when another issuing key has taken the
 * place of the one behind it: asked of whoever leads, kept on disk, and shown to all who are here
 * without a connection being lost. What keeps it from being renewed is told in good time.
 */
import type { Agent } from '../../agent/agent.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import { believe, type Credential } from '../../protocol/identity/credential.ts'
import { lifetimes } from '../../protocol/identity/limits.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'
import { formatDuration } from '../../protocol/units.ts'
import { isSuperseded, issuerBehind } from './issuers.ts'
import { letInLimits } from './limits.ts'
import type { LettingAnswer } from './wire.ts'

export interface RenewalParts {
  /** Asks whoever leads; undefined where nobody answers. */
  ask(): Promise<LettingAnswer | undefined>
  /** Resolves when it is on disk. */
  keep(credential: Credential): Promise<void>
}

export class Renewal {
  readonly #agent: Agent
  readonly #parts: RenewalParts
  readonly #entropy: Entropy
  #timers: Timer[] = []
  /** Runs while it waits for its turn among all whose issuing key was replaced. */
  #turn: Timer | undefined
  #busy = false
  /** Peers that have not heard of the newest certificate yet. */
  #untold = 0
  #warnedMs = Number.NEGATIVE_INFINITY

  constructor(agent: Agent, parts: RenewalParts) {
    this.#agent = agent
    this.#parts = parts
    this.#entropy = agent.ports.entropy.stream('renewal')
  }

  start(): void {
    const { clock } = this.#agent.ports
    this.#timers = [
      clock.after(letInLimits.renewFirstMs, () => void this.#look()),
      clock.every(letInLimits.renewLookMs, () => void this.#look()),
      clock.every(letInLimits.supersededLookMs, () => this.#waitForTurn()),
    ]
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#turn?.cancel()
    this.#turn = undefined
  }

  /** All hosts see it at once, and one leader answers them: each waits a while of its own. */
  #waitForTurn(): void {
    if (this.#turn !== undefined || !this.#isSuperseded()) return
    const { membership, ports } = this.#agent
    const spreadMs = membership.members().length * letInLimits.renewEachMs
    this.#turn = ports.clock.after(below(this.#entropy, spreadMs), () => {
      this.#turn = undefined
      void this.#look()
    })
  }

  #isSuperseded(): boolean {
    return isSuperseded(this.#agent.ledger.state, this.#agent.peers.credential)
  }

  async #look(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      const { peers, ports } = this.#agent
      if (this.#untold > 0) this.#untold = await peers.present(peers.credential)
      const leftMs = endOf(peers.credential) - ports.clock.wall()
      const isDue = leftMs < lifetimes.peerRenewalMs || this.#isSuperseded()
      if (isDue && !(await this.#renewed())) this.#warn(leftMs)
    } catch (error) {
      const why = String(error)
      this.#agent.ports.log.child('joining').error('the certificate is not renewed', { why })
    } finally {
      this.#busy = false
    }
  }

  async #renewed(): Promise<boolean> {
    const { peers, trust, settings, ports, id } = this.#agent
    const credential = (await this.#parts.ask())?.credential
    if (credential === undefined) return false
    const judged = believe(credential, trust, ports.clock.wall())
    if (!judged.ok || judged.holder.subject !== settings.keyOf(id)) return false
    if (!this.#isBetter(credential)) return false
    await this.#parts.keep(credential)
    this.#untold = await peers.present(credential)
    const left = formatDuration(wholeDays(endOf(credential) - ports.clock.wall()))
    this.#tell('certificate.renewed', `the certificate of this host is renewed for ${left}`)
    return true
  }

  /** Lasts longer; or hangs on the key of now, whatever the clock of who made it. */
  #isBetter(credential: Credential): boolean {
    const { peers, ledger } = this.#agent
    if (endOf(credential) > endOf(peers.credential)) return true
    const isOther = issuerBehind(credential)?.serial !== issuerBehind(peers.credential)?.serial
    return isOther && this.#isSuperseded() && !isSuperseded(ledger.state, credential)
  }

  #warn(leftMs: number): void {
    const nowMs = this.#agent.ports.clock.now()
    if (leftMs > letInLimits.warnMs || nowMs - this.#warnedMs < letInLimits.warnAgainMs) return
    this.#warnedMs = nowMs
    const when = leftMs <= 0 ? 'has ended' : `ends in ${leftWords(leftMs)}`
    const why = 'nobody has renewed it so far; skein health says what is missing'
    this.#tell('certificate.ending', `the certificate of this host ${when}, and ${why}`)
  }

  #tell(kind: string, text: string): void {
    const { journal, membership, ports, id } = this.#agent
    journal.record({ kind, node: id, name: membership.nameOf(id), text, fields: {} })
    ports.log.child('joining').info(kind.replace('.', ' '), { text })
  }
}

/** When a credential is good no more, by the calendar. */
export function endOf({ leaf, issuer }: Credential): number {
  const ends = [leaf, issuer].flatMap((each) => {
    const grant: Grant | undefined = each && grantIn(each)
    return grant === undefined ? [] : [grant.notAfterMs]
  })
  return Math.min(...ends)
}

/** As people count what is left of a certificate. */
export function leftWords(ms: number): string {
  return ms < dayMs
    ? formatDuration(Math.ceil(ms / minuteMs) * minuteMs)
    : formatDuration(wholeDays(ms))
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

function wholeDays(ms: number): number {
  return Math.round(ms / dayMs) * dayMs
}
