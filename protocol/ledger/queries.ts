/** What a state can be asked, and what the answers look like. */

import type { RunState } from '../work/states.ts'
import type { AuditEntry, AuditRow } from './audit-chain.ts'
import type { EstopRow } from './commands/estop.ts'
import type { NodeRow } from './commands/nodes.ts'
import type { AuditMark } from './state.ts'
import type {
  RunItem,
  RunView,
  SignalItem,
  UnitView,
  WorkflowItem,
  WorkflowNameItem,
} from './work-view.ts'

export interface Paging {
  /** Items at most; never more than `listItemsMax`. */
  limit?: number
  /** The `next` of the page before. */
  after?: string
}

export type Query =
  | { kind: 'kvGet'; namespace: string; key: string }
  | ({ kind: 'kvList'; namespace: string; prefix: string } & Paging)
  | { kind: 'configGet'; key: string }
  | ({ kind: 'configList'; prefix: string } & Paging)
  | { kind: 'nodeGet'; node: string }
  | ({ kind: 'nodeList' } & Paging)
  | { kind: 'estopGet'; scope: string }
  | ({ kind: 'estopList' } & Paging)
  | ({ kind: 'auditList' } & Paging)
  | { kind: 'status' }
  | WorkQuery

export type WorkQuery =
  /**
   * Newest first. A page may hold fewer than there is room for, or none, and yet have a `next`: it
   * ends where it has left out `listScanMax`. So may the next.
   */
  | ({ kind: 'runList' } & RunFilter & Paging)
  /** The ids that begin so, in their order; all of them, or only of runs that are over, or are not. */
  | ({ kind: 'runIdList'; prefix: string; unended?: boolean; ended?: boolean } & Paging)
  /** How many runs there are, ended ones included. */
  | { kind: 'runCount' }
  /** With its units, up to `runUnitsMax` and `runViewBytesMax`. Attempts only if asked for. */
  | ({ kind: 'runGet'; run: string; attempts?: boolean } & Paging)
  | { kind: 'unitGet'; run: string; stage: string; item?: number }
  /** The run that was started with this key. */
  | { kind: 'runOfKey'; key: string }
  | { kind: 'workflowGet'; hash: string }
  | { kind: 'workflowOfName'; name: string }
  | ({ kind: 'workflowNameList' } & Paging)
  /** In the order in which they came; from that entry on, where it is given. */
  | ({ kind: 'signalList'; sinceIndex?: number } & Paging)

/** What is absent is not asked about. */
export interface RunFilter {
  states?: readonly RunState[]
  /** Of the workflow. */
  name?: string
  /** All of them. */
  labels?: Readonly<Record<string, string>>
  /** Started at this time or later. */
  sinceMs?: number
  /** Started before. */
  untilMs?: number
}

export interface KvItem {
  key: string
  value: Uint8Array
  revision: number
}
export interface ConfigItem {
  key: string
  value: string
  version: number
}
export type NodeItem = NodeRow & { node: string }
export type EstopItem = EstopRow & { raised: boolean }
/** `row` is what is hashed: for `AuditCheck`. */
export type AuditItem = AuditEntry & { row: AuditRow }

export interface Page<T> {
  items: T[]
  /** Absent: this was the last page. */
  next?: string
}

export interface LedgerStatus {
  term: number
  timeMs: number
  version: number
  digest: string
  rows: number
  bytes: number
  auditHead: AuditMark
  auditAnchor: AuditMark
}

export interface Values {
  kvGet: KvItem | undefined
  kvList: Page<KvItem>
  configGet: ConfigItem | undefined
  configList: Page<ConfigItem>
  nodeGet: NodeItem | undefined
  nodeList: Page<NodeItem>
  estopGet: EstopItem | undefined
  estopList: Page<EstopItem>
  auditList: Page<AuditItem>
  status: LedgerStatus
  runList: Page<RunItem>
  runIdList: Page<string>
  runCount: number
  runGet: RunView | undefined
  unitGet: UnitView | undefined
  runOfKey: string | undefined
  workflowGet: WorkflowItem | undefined
  workflowOfName: WorkflowNameItem | undefined
  workflowNameList: Page<WorkflowNameItem>
  signalList: Page<SignalItem>
}

export type ValueOf<Q extends Query> = Values[Q['kind']]

export interface Answer<T> {
  /** The entry applied last before the question was answered. */
  readonly index: number
  readonly value: T
}
