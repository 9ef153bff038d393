/**
 * Relieves a leader that can no longer keep up: it hands over to a voter that can, and resigns if
 * nobody takes it. What is judged, and by which numbers, is for `fitness.ts`.
 */
import type { RaftEvent } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { judge, type Signs } from './fitness.ts'
import { heirsOf } from './handover.ts'
import { fitnessLimits, ledgerLimits } from './limits.ts'
import type { Standing } from './standing.ts'

export interface Gauges {
  /** Of this host's event loop, at the 99th percentile. */
  loopLagMs(): number
  /** The same of another host, by its own word. */
  lagOfPeerMs(peer: PeerId): number | undefined
}

export class Relief {
  private readonly standing: Standing
  private readonly gauges: Gauges
  private readonly clock: Clock
  private readonly log: Log
  private timer: Timer | undefined
  private laggingLooks = 0
  private readonly tried = new Set<PeerId>()
  /** Somebody was asked to take over. */
  private asked = false
  /** Having been relieved, it may lead again at once, but is not relieved again before this. */
  private restUntilMs = 0

  constructor(standing: Standing, gauges: Gauges, clock: Clock, log: Log) {
    this.standing = standing
    this.gauges = gauges
    this.clock = clock
    this.log = log
  }

  heard(event: RaftEvent): void {
    if (event.kind === 'transferEnded' && event.outcome === 'timedOut') this.tried.add(event.target)
    if (event.kind !== 'role') return
    if (this.asked) this.restUntilMs = this.clock.now() + ledgerLimits.reliefRestMs
    this.end()
    if (event.role === 'leader')
      this.timer = this.clock.every(ledgerLimits.fitnessLookMs, () => this.look())
  }

  end(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.laggingLooks = 0
    this.tried.clear()
    this.asked = false
  }

  private look(): void {
    const { voter } = this.standing
    const lags = this.gauges.loopLagMs() >= fitnessLimits.loopLagMsMax
    this.laggingLooks = lags ? this.laggingLooks + 1 : 0
    if (!voter || (voter.diskWaitMs < fitnessLimits.diskStallMs && !lags)) {
      this.tried.clear()
      return
    }
    const nowMs = this.clock.now()
    if (nowMs < this.restUntilMs || voter.tenure?.handsOver !== false) return
    const judgement = judge(this.signs(voter), fitnessLimits)
    if (judgement.kind === 'fit') return
    this.log.warn('this leader cannot keep up', { why: judgement.why, does: judgement.kind })
    this.asked = true
    if (judgement.kind === 'resign') voter.resign()
    else if (!voter.transfer(judgement.to).ok) this.tried.add(judgement.to)
  }

  private signs(voter: NonNullable<Standing['voter']>): Signs {
    const status = voter.status()
    const peers = new Map(status.peers.map((peer) => [peer.id, peer]))
    const heirs = heirsOf(status).flatMap((id) => {
      const peer = peers.get(id)
      return peer ? [{ ...peer, loopLagMs: this.gauges.lagOfPeerMs(id) }] : []
    })
    return {
      diskWaitMs: voter.diskWaitMs,
      persisted: status.persisted,
      loopLagMs: this.gauges.loopLagMs(),
      laggingLooks: this.laggingLooks,
      heirs,
      tried: this.tried,
    }
  }
}
