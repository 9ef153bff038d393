/** What a state can be asked, and what the answers look like. */
import type { AuditEntry, AuditRow } from './audit-chain.ts'
import type { EstopRow } from './commands/estop.ts'
import type { NodeRow } from './commands/nodes.ts'
import type { AuditMark } from './state.ts'

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
/** `row` is what is hashed: for `verifyChain`. */
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
}

export type ValueOf<Q extends Query> = Values[Q['kind']]

export interface Answer<T> {
  /** The entry applied last before the question was answered. */
  readonly index: number
  readonly value: T
}
