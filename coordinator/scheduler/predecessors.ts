/**
 * The runs that others do again, where what they came to is still to be taken over and the ledger
 * has them no more: they are asked for of the histories. A run whose predecessor nobody has any more
 * is cancelled, and says why: to do again what somebody wanted to keep would be worse.
 */
import type { Agent } from '../../agent/agent.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { isRunOver, isUnitOver } from '../../protocol/work/states.ts'
import { leadingLimits } from './limits.ts'

export interface PredecessorsParts {
  readonly agent: Agent
  readonly log: Log
  readonly over: AbortSignal
  /** What was waited for is known: the run is to be taken again. */
  readonly found: (run: string) => void
}

export class Predecessors {
  private readonly parts: PredecessorsParts
  /** By the run that does it again: what was found, until it is taken. */
  private readonly known = new Map<string, RunView | undefined>()
  private readonly asked = new Set<string>()

  constructor(parts: PredecessorsParts) {
    this.parts = parts
  }

  /** `kept`: what it takes over. `asked`: the run is to wait; it will be told of by `found`. */
  of(
    state: LedgerState,
    view: RunView,
    kept: () => readonly string[],
  ): RunView | undefined | 'asked' {
    const { run, head, spec, units } = view
    if (spec.retry === undefined || isRunOver(head.state)) return undefined
    const hot = wholeRun(state, { run: spec.retry.run, attempts: true })
    if (hot !== undefined) return hot
    const over = new Set(units.filter((it) => isUnitOver(it.state)).map(({ stage }) => stage))
    if (kept().every((stage) => over.has(stage))) return undefined
    if (this.known.has(run)) {
      const known = this.known.get(run)
      this.known.delete(run)
      return known
    }
    if (!this.asked.has(run)) void this.ask(run, spec.retry.run)
    return 'asked'
  }

  private async ask(run: string, before: string): Promise<void> {
    const { agent, over, found, log } = this.parts
    this.asked.add(run)
    for (let tries = 0; tries < leadingLimits.historyTriesMax && !over.aborted; tries++) {
      const view = await agent.history.run(before)
      if (view !== undefined) {
        this.settle(run, view)
        return
      }
      await this.pause()
    }
    if (over.aborted) return
    log.warn('a run cannot take over what another came to', { run, before })
    const reason = `run ${before}, which it does again, is kept by no agent that answers`
    const command = { kind: 'runCancel', value: { run, by: 'skein', reason } } as const
    const { appendTimeoutMs: timeoutMs } = leadingLimits
    const outcome = await agent.ledger.append(command, { timeoutMs })
    if (over.aborted) return
    if (outcome.kind === 'applied') this.settle(run, undefined)
    else {
      this.asked.delete(run)
      found(run)
    }
  }

  private settle(run: string, before: RunView | undefined): void {
    if (this.parts.over.aborted) return
    this.known.set(run, before)
    this.asked.delete(run)
    this.parts.found(run)
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.parts.agent.ports.clock.after(leadingLimits.historyRetryMs, resolve)
    })
  }
}
