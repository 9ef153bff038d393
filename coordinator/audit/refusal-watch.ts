/**
 * Has what was refused here written into the audit log: forged and expired certificates, replayed
 * commands, stops that nobody has signed. Counted and folded, since whoever attacks decides how
 * often: the first is written within seconds, and while it goes on, ever more rarely, all that came
 * meanwhile in one entry. An attacker who lasts for a day writes some hundred and fifty.
 *
 * Who it was is in the journal of this host, once a minute for each peer.
 */
import type { Agent } from '../../agent/agent.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import type { AuditDesk } from './desk.ts'
import { auditLimits } from './limits.ts'
import { byHost } from './module.ts'

/**
 * Refused, and nobody's fault: who is busy, newer, late, or has not heard the latest. All else is
 * written down, also what is not known here yet.
 */
const ordinary: ReadonlySet<string> = new Set([
  'ackNotAwaited',
  'api httpClosing',
  'api httpInternal',
  'api httpOverloaded',
  'api httpUnreachable',
  'api noncesFull',
  'api tooMuch',
  'badAnswer',
  'claimAboutStranger',
  'claimAheadOfDigest',
  'claimOfUnknownRank',
  'frameCutShort',
  'lateAnswer',
  'noHello',
  'notLeading',
  'notServed',
  'notServing',
  'oldDigest',
  'ownIdentity',
  'profileOfStranger',
  'profileOutOfDate',
  'repeatedDigest',
  'replayedResponse',
  'throttled',
  'tooManyConnections',
  'tooManyPeers',
  'tooManyStreams',
  'topicNotAllowed',
  'unknownKind',
  'unknownPurpose',
  'unknownService',
  'wrongVersion',
])

type Counts = Readonly<Record<string, number>>

export class RefusalWatch {
  readonly #agent: Agent
  readonly #desk: Pick<AuditDesk, 'record'>
  readonly #counts: () => Counts
  #before: Counts = {}
  #waitMs: number = auditLimits.refusalsLookMs
  #timer: Timer | undefined

  /** `counts`: of all that was refused since the start, by reason. */
  constructor(agent: Agent, desk: Pick<AuditDesk, 'record'>, counts: () => Counts) {
    this.#agent = agent
    this.#desk = desk
    this.#counts = counts
  }

  start(): void {
    this.#before = this.#counts()
    this.#plan()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #plan(): void {
    this.#timer = this.#agent.ports.clock.after(this.#waitMs, () => {
      this.#look()
      this.#plan()
    })
  }

  #look(): void {
    const now = this.#counts()
    const more = Object.entries(now)
      .map(([reason, count]) => [reason, count - (this.#before[reason] ?? 0)] as const)
      .filter(([reason, count]) => count > 0 && !ordinary.has(reason))
      .sort(([, a], [, b]) => b - a)
    this.#before = now
    const { refusalsLookMs, refusalsLookMsMax } = auditLimits
    if (more.length === 0) {
      this.#waitMs = refusalsLookMs
      return
    }
    const all = more.reduce((sum, [, count]) => sum + count, 0)
    void this.#desk.record({
      ...byHost(this.#agent),
      verb: 'attempts.refuse',
      object: `${all} in ${Math.round(this.#waitMs / 1_000)} s`,
      detail: more.map(([reason, count]) => `${reason} ${count}`).join(', '),
      outcome: 'refused',
    })
    this.#waitMs = Math.min(2 * this.#waitMs, refusalsLookMsMax)
  }
}
