/**
 * Runs that have ended, for as long as anybody may ask for them: those that the ledger still has,
 * those that this host keeps, and those that only others do. What is here is found without asking
 * anybody; what is not is asked for, of a bounded number of agents, before it is said not to be.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import type { ModuleHandle } from '../modules/module.ts'
import type { Calls } from '../requests/calls.ts'
import { Others } from './asking.ts'
import { Keeper } from './keeper.ts'
import { askingLimits, type HistorySettings } from './limits.ts'
import { fromState, fromStore, type Listed, merged } from './listing.ts'
import { answered } from './serving.ts'
import { RunStore } from './store.ts'
import type { Where } from './where.ts'
import { HISTORY_SERVICE } from './wire.ts'

export interface HistoryPorts {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly loopLagMs: () => number
}

export interface HistoryParts {
  readonly calls: Calls
  /** This host's copy of the ledger, as it is now. */
  readonly state: () => LedgerState
  /** Other agents that are alive, those who hold the ledger first. */
  readonly peers: () => readonly PeerId[]
}

export interface ListQuestion {
  readonly filter: RunFilter
  /** An expression and what it means. */
  readonly where?: { readonly source: string; readonly read: Extract<Where, { ok: true }> }
  readonly limit: number
  readonly after?: string
}

export class RunHistory {
  readonly others: Others
  readonly #ports: HistoryPorts
  readonly #parts: HistoryParts
  readonly #store: RunStore
  #keeper: Keeper | undefined

  constructor(ports: HistoryPorts, settings: HistorySettings, parts: HistoryParts) {
    this.#ports = ports
    this.#parts = parts
    this.#store = new RunStore(ports.disk, settings)
    this.others = new Others(parts.calls, parts.peers)
    parts.calls.serve(HISTORY_SERVICE, (_, body) => {
      const keeper = this.#keeper
      return answered(keeper && { store: this.#store, holds: (run) => keeper.holds(run) }, body)
    })
  }

  /** From the next look on, which is seconds away. */
  retune(settings: HistorySettings): void {
    this.#store.retune(settings)
  }

  async start(handle: ModuleHandle): Promise<void> {
    const { clock, log, loopLagMs } = this.#ports
    await this.#store.open()
    this.#keeper = new Keeper({
      clock,
      log: log.child('history'),
      store: this.#store,
      state: this.#parts.state,
      loopLagMs,
      handle,
    })
    this.#keeper.begin()
  }

  async stop(): Promise<void> {
    const keeper = this.#keeper
    this.#keeper = undefined
    await keeper?.end()
  }

  /** Of the runs that the ledger still has: those that are kept here for good, and their ends. */
  held(): Iterable<readonly [run: string, endedMs: number]> {
    return this.#keeper?.held() ?? []
  }

  get heldCount(): number {
    return this.#keeper?.heldCount ?? 0
  }

  /** What is kept here, the ledger's own runs included. */
  get totals(): { readonly runs: number; readonly bytes: number } {
    return { runs: this.#store.runs, bytes: this.#store.bytes }
  }

  /** Ids of kept runs that begin so, here and elsewhere, some of them where they are many. */
  async ids(prefix: string): Promise<string[]> {
    if (!isShort(prefix, stateLimits.runIdBytesMax)) return []
    const own = await this.#store.ids(prefix, askingLimits.idsMax)
    if (own[0] === prefix) return own
    return [...new Set([...own, ...(await this.others.ids(prefix))])].sort()
  }

  /** A kept run, whole. */
  async run(run: string): Promise<RunView | undefined> {
    if (!isShort(run, stateLimits.runIdBytesMax)) return undefined
    return (await this.#store.run(run)) ?? (await this.others.run(run))
  }

  /** The text of the workflow of a kept run. */
  async workflow(hash: string): Promise<string | undefined> {
    return (await this.#store.workflow(hash)) ?? (await this.others.workflow(hash))
  }

  /** The kept run that was begun with this key. */
  async runOfKey(key: string): Promise<string | undefined> {
    if (!isShort(key, stateLimits.runKeyBytesMax)) return undefined
    return (await this.#store.runOfKey(key)) ?? (await this.others.runOfKey(key))
  }

  /** Runs of the ledger and of every history that answers, the latest start first. */
  async list(state: LedgerState, question: ListQuestion): Promise<Listed> {
    const { filter, where, limit, after } = question
    if (!canBe(filter)) return { items: [], isCutShort: false, scanned: 0, silent: 0 }
    const nowMs = Math.max(this.#ports.clock.wall(), state.timeMs, 0)
    const asked = { filter, nowMs, where: where?.read }
    const histories = () => [
      fromStore(this.#store, asked, askingLimits.pageItemsMax),
      ...this.others
        .peers()
        .map((peer) => this.others.source(peer, filter, where?.source, { limit, nowMs })),
    ]
    const sources = [fromState(state, asked), ...(mayHaveEnded(filter) ? histories() : [])]
    return merged(sources, after, { limit, scannedMax: askingLimits.listRowsMax })
  }
}

function isShort(text: string, bytesMax: number): boolean {
  return text.length > 0 && Buffer.byteLength(text) <= bytesMax
}

/** Runs that go on are in the ledger alone: nobody's history need be gone through for them. */
function mayHaveEnded({ states }: RunFilter): boolean {
  return states === undefined || states.some(isRunOver)
}

/** False when no run can be like that: it is too long for what it is. */
function canBe({ name, labels = {} }: RunFilter): boolean {
  const { stageNameBytesMax, labelNameBytesMax, labelValueBytesMax, runLabelsMax } = stateLimits
  const pairs = Object.entries(labels)
  return (
    (name === undefined || isShort(name, stageNameBytesMax)) &&
    pairs.length <= runLabelsMax &&
    pairs.every(
      ([label, value]) =>
        Buffer.byteLength(label) <= labelNameBytesMax &&
        Buffer.byteLength(value) <= labelValueBytesMax,
    )
  )
}
