/**
 * Questions to a state. Every answer says at which index it is true. Lists come in key order, in
 * pages: ask again with `after: next`. Pages of one list may be read at different indices; whoever
 * needs them at one reads them all from one state.
 */
import { assert } from '../assert.ts'
import { decode } from '../wire/codec.ts'
import type { Schema } from '../wire/schema.ts'
import { AuditEntry, AuditRow } from './audit-chain.ts'
import { ConfigRow } from './commands/config.ts'
import { EstopRow, isRaised } from './commands/estop.ts'
import { unpackRow } from './commands/kv.ts'
import { NodeRow } from './commands/nodes.ts'
import { digestOf } from './digest.ts'
import { type LocalLimits, localLimits, stateLimits } from './limits.ts'
import { decodeRow, type Octets } from './octets.ts'
import { type Answering, one, page, spanOf } from './paging.ts'
import type {
  Answer,
  AuditItem,
  ConfigItem,
  EstopItem,
  KvItem,
  LedgerStatus,
  NodeItem,
  Query,
  ValueOf,
} from './queries.ts'
import { workAnswers } from './read-work.ts'
import { configRow, estopRow, isNamespace, kvRow, nodeRow, tables } from './rows.ts'
import type { LedgerState } from './state.ts'

export function read<Q extends Query>(
  state: LedgerState,
  query: Q,
  limits: LocalLimits = localLimits,
): Answer<ValueOf<Q>> {
  const answer = answers[query.kind] as (
    state: LedgerState,
    query: Query,
    limits: LocalLimits,
  ) => ValueOf<Q>
  const value = answer(state, query, limits)
  return { index: state.index, value }
}

const answers: { readonly [K in Query['kind']]: Answering<K> } = {
  kvGet: (state, { namespace, key }) =>
    isNamespace(namespace, stateLimits.kvNamespaceBytesMax)
      ? one(state, kvRow(namespace, key), (row) => kvItem(key, row))
      : undefined,
  kvList: (state, query, limits) =>
    isNamespace(query.namespace, stateLimits.kvNamespaceBytesMax)
      ? page(state, spanOf(kvRow(query.namespace, ''), query.prefix), query, limits, kvItem)
      : { items: [] },
  configGet: (state, { key }) => one(state, configRow(key), (row) => configItem(key, row)),
  configList: (state, query, limits) =>
    page(state, spanOf(tables.config, query.prefix), query, limits, configItem),
  nodeGet: (state, { node }) => one(state, nodeRow(node), (row) => nodeItem(node, row)),
  nodeList: (state, query, limits) => page(state, spanOf(tables.node), query, limits, nodeItem),
  estopGet: (state, { scope }) => one(state, estopRow(scope), estopItem),
  estopList: (state, query, limits) =>
    page(state, spanOf(tables.estop), query, limits, (_, row) => estopItem(row)),
  auditList: (state, query, limits) => page(state, spanOf(tables.audit), query, limits, auditItem),
  status,
  ...workAnswers,
}

function kvItem(key: string, row: Octets): KvItem {
  return { key, ...unpackRow(row) }
}

function configItem(key: string, row: Octets): ConfigItem {
  return { key, ...decodeRow(ConfigRow, row) }
}

function nodeItem(node: string, row: Octets): NodeItem {
  return { node, ...decodeRow(NodeRow, row) }
}

function estopItem(row: Octets): EstopItem {
  const record = decodeRow(EstopRow, row)
  return { ...record, raised: isRaised(record) }
}

function auditItem(_: string, held: Octets): AuditItem {
  const row = decodeRow(AuditRow, held)
  return { ...inner(AuditEntry, row.body), row }
}

function inner<T>(schema: Schema<T>, bytes: Uint8Array): T {
  const read = decode(schema, bytes)
  assert(read.ok, 'a row must hold what its table holds', { schema: schema.name })
  return read.value
}

function status(state: LedgerState): LedgerStatus {
  const { term, timeMs, version, bytes, auditHead, auditAnchor } = state
  const rows = state.rows.size
  return { term, timeMs, version, digest: digestOf(state), rows, bytes, auditHead, auditAnchor }
}
