/**
 * What a leader does so that the ledger does not fill with runs that are over: it asks who keeps
 * them, and has those go that enough hosts keep. Nothing that anybody may still ask for is lost by
 * it: a run is in the ledger until a second host has said that it has it on disk.
 */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { dueRuns, isFull } from './choosing.ts'
import { archivingLimits } from './limits.ts'

export interface ArchivingParts {
  readonly agent: Agent
  /** As it is now. */
  readonly afterMs: () => number
  /** Runs whose ends others that go on are still to take over. */
  readonly awaited: () => ReadonlySet<string>
}

export function archivingModule(parts: ArchivingParts): ModuleSpec {
  let candidacy: Candidacy | undefined
  return {
    name: 'archiving',
    priority: 5,
    needs: ['ledger', 'history'],
    start: () => {
      candidacy = parts.agent.ledger.lead((leadership) => lead(parts, leadership))
    },
    stop: () => candidacy?.withdraw(),
  }
}

function lead(parts: ArchivingParts, leadership: Leadership): void {
  const archiving = new Archiving(parts, leadership)
  let busy = false
  const timer = parts.agent.ports.clock.every(archivingLimits.lookMs, async () => {
    if (busy) return
    busy = true
    await archiving.look()
    busy = false
  })
  leadership.over.addEventListener('abort', () => timer.cancel(), { once: true })
}

class Archiving {
  private readonly parts: ArchivingParts
  private readonly agent: Agent
  private readonly over: AbortSignal
  private readonly log: Log

  constructor(parts: ArchivingParts, { over }: Leadership) {
    this.parts = parts
    this.agent = parts.agent
    this.over = over
    this.log = parts.agent.ports.log.child('archiving')
  }

  async look(): Promise<void> {
    const { agent } = this
    const { history, ledger, ports } = agent
    if (history.heldCount === 0) return
    if (!this.isFull && ports.loopLagMs() > archivingLimits.lagMsMax) return
    const due = dueRuns({
      held: history.held(),
      runs: read(ledger.state, { kind: 'runCount' }).value,
      runsMax: stateLimits.runsMax,
      nowMs: ledger.now(),
      afterMs: this.parts.afterMs(),
    })
    let archived = 0
    for (let at = 0; at < due.length && !this.over.aborted; at += archivingLimits.batchRuns) {
      const batch = due.slice(at, at + archivingLimits.batchRuns)
      const kept = await this.keptByEnough(this.free(batch))
      for (let i = 0; i < kept.length; i += archivingLimits.entryRuns) {
        const runs = kept.slice(i, i + archivingLimits.entryRuns)
        if (!(await this.archive(runs))) return
        archived += runs.length
      }
    }
    if (archived > 0) this.log.info('ended runs have left the ledger', { runs: archived })
  }

  private get isFull(): boolean {
    const { value } = read(this.agent.ledger.state, { kind: 'runCount' })
    return isFull(value, stateLimits.runsMax)
  }

  /** Without those that are gone already, or that a run which goes on may still look at. */
  private free(runs: readonly string[]): string[] {
    const { state } = this.agent.ledger
    const awaited = this.parts.awaited()
    const headOf = (run: string) => read(state, { kind: 'runGet', run, limit: 1 }).value?.head
    return runs.filter((run) => {
      const [first] = read(state, { kind: 'runIdList', prefix: run, limit: 1 }).value.items
      if (first !== run || awaited.has(run)) return false
      // One without a head has begun to go.
      const { parent } = headOf(run) ?? {}
      const above = parent === undefined ? undefined : headOf(parent)
      return above === undefined || isRunOver(above.state)
    })
  }

  /** Those that another host says that it keeps as well; all of them, where there is no other. */
  private async keptByEnough(runs: readonly string[]): Promise<string[]> {
    const { others } = this.agent.history
    const peers = others.peers()
    const copies = new Map(runs.map((run) => [run, 1]))
    const needed = Math.min(archivingLimits.copiesMin, 1 + this.othersThere())
    const lacking = () => runs.filter((run) => copies.get(run)! < needed)
    for (const peer of peers) {
      const asked = lacking()
      if (asked.length === 0 || this.over.aborted) break
      const held = await others.held(peer, asked)
      for (const run of held ?? []) copies.set(run, copies.get(run)! + 1)
    }
    return runs.filter((run) => copies.get(run)! >= needed)
  }

  /** Hosts with the ledger that are there, or may be: one that is only suspected still counts. */
  private othersThere(): number {
    return this.agent.membership.members().filter(({ self, state, digest }) => {
      const isThere = state === 'alive' || state === 'suspect'
      return !self && isThere && digest.ledger !== undefined
    }).length
  }

  /** False when it is not to go on now. */
  private async archive(runs: readonly string[]): Promise<boolean> {
    const { ledger } = this.agent
    const { entriesPerRunMax, timeoutMs, pauseMs, fullPauseMs } = archivingLimits
    for (let entries = 0; entries < entriesPerRunMax; entries++) {
      if (this.over.aborted) return false
      const command: Command = { kind: 'runArchive', value: { runs: [...runs] } }
      const outcome = await ledger.append(command, { timeoutMs })
      if (outcome.kind !== 'applied' || outcome.result.code !== 'ok') {
        const answer = outcome.kind === 'applied' ? outcome.result.code : outcome.why
        this.log.warn('ended runs stay in the ledger for now', { answer })
        return false
      }
      await this.pause(this.isFull ? fullPauseMs : pauseMs)
      if (outcome.result.more !== true) return true
    }
    return false
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.agent.ports.clock.after(delayMs, resolve)
    })
  }
}
