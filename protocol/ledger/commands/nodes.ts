/**
 * What operators have said of nodes: labels, and whether they are to be left in peace. A node of
 * which nothing is said has no row. Who is alive is not here: that is membership's, and gossiped.
 */
import { field, type Infer, map, message, nested, optional, text, uint } from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import { decodeRow, encodeRow } from '../octets.ts'
import type { Result } from '../result.ts'
import { isName, nodeRow, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeText, kind, refused } from './kind.ts'

const Drained = message('Drained', {
  by: field(1, text(stateLimits.noteBytesMax)),
  reason: field(2, text(stateLimits.noteBytesMax)),
  sinceMs: field(3, uint()),
})

export const NodeRow = message('NodeRow', {
  revision: field(1, uint()),
  labels: map(
    2,
    text(stateLimits.labelNameBytesMax),
    text(stateLimits.labelValueBytesMax),
    stateLimits.labelsPerNodeMax,
  ),
  drained: optional(3, nested(Drained)),
})
export type NodeRow = Infer<typeof NodeRow>

const NodeLabelSet = message('NodeLabelSet', {
  node: field(1, freeText()),
  name: field(2, freeText()),
  value: field(3, freeText()),
})
const NodeLabelUnset = message('NodeLabelUnset', {
  node: field(1, freeText()),
  name: field(2, freeText()),
})
const NodeDrain = message('NodeDrain', {
  node: field(1, freeText()),
  by: field(2, freeText()),
  reason: field(3, freeText()),
})
const NodeOnly = message('NodeOnly', { node: field(1, freeText()) })

export const nodeKinds = {
  nodeLabelSet: kind(5, 1, 'anywhere', NodeLabelSet, setLabel),
  nodeLabelUnset: kind(6, 1, 'anywhere', NodeLabelUnset, unsetLabel),
  /** A node that is drained already keeps the time since when, and takes the new reason. */
  nodeDrain: kind(7, 1, 'anywhere', NodeDrain, drain),
  nodeUndrain: kind(8, 1, 'anywhere', NodeOnly, undrain),
  /** Everything said of a node that is gone for good. */
  nodeForget: kind(9, 1, 'anywhere', NodeOnly, forget),
}

function setLabel(tx: Transaction, value: Infer<typeof NodeLabelSet>): Result {
  const { limits } = tx
  if (!isNode(tx, value.node) || !isName(value.name, limits.labelNameBytesMax)) {
    return refused('badName')
  }
  if (!fitsText(value.value, limits.labelValueBytesMax)) return refused('tooLarge')
  const held = read(tx, value.node)
  const labels = new Map(Object.entries(held.labels)).set(value.name, value.value)
  if (labels.size > limits.labelsPerNodeMax) return refused('full')
  if (!write(tx, value.node, { ...held, labels: Object.fromEntries(labels) })) {
    return refused('full')
  }
  tx.tell({ kind: 'nodeLabelSet', ...value })
  return done(tx)
}

function unsetLabel(tx: Transaction, { node, name }: Infer<typeof NodeLabelUnset>): Result {
  if (!isNode(tx, node) || !isName(name, tx.limits.labelNameBytesMax)) return refused('badName')
  const held = read(tx, node)
  const labels = new Map(Object.entries(held.labels))
  if (!labels.delete(name)) return refused('notFound')
  write(tx, node, { ...held, labels: Object.fromEntries(labels) })
  tx.tell({ kind: 'nodeLabelUnset', node, name })
  return done(tx)
}

function drain(tx: Transaction, { node, by, reason }: Infer<typeof NodeDrain>): Result {
  if (!isNode(tx, node)) return refused('badName')
  const { noteBytesMax } = tx.limits
  if (!fitsText(by, noteBytesMax) || !fitsText(reason, noteBytesMax)) return refused('tooLarge')
  const held = read(tx, node)
  const sinceMs = held.drained?.sinceMs ?? tx.timeMs
  if (!write(tx, node, { ...held, drained: { by, reason, sinceMs } })) return refused('full')
  tx.tell({ kind: 'nodeDrained', node, by, reason })
  return done(tx)
}

function undrain(tx: Transaction, { node }: Infer<typeof NodeOnly>): Result {
  if (!isNode(tx, node)) return refused('badName')
  const { drained, ...rest } = read(tx, node)
  if (drained === undefined) return refused('notFound')
  write(tx, node, rest)
  tx.tell({ kind: 'nodeUndrained', node })
  return done(tx)
}

function forget(tx: Transaction, { node }: Infer<typeof NodeOnly>): Result {
  if (!isNode(tx, node)) return refused('badName')
  if (!tx.delete(nodeRow(node))) return refused('notFound')
  tx.tell({ kind: 'nodeForgotten', node })
  return done(tx)
}

function isNode(tx: Transaction, node: string): boolean {
  return isName(node, tx.limits.nodeIdBytesMax)
}

function read(tx: Transaction, node: string): NodeRow {
  const row = tx.get(nodeRow(node))
  return row === undefined ? { revision: 0, labels: {} } : decodeRow(NodeRow, row)
}

/** False, and nothing written, when there is no room for one more. */
function write(tx: Transaction, node: string, value: NodeRow): boolean {
  const at = nodeRow(node)
  if (value.drained === undefined && Object.keys(value.labels).length === 0) {
    tx.delete(at)
    return true
  }
  const row = encodeRow(NodeRow, { ...value, revision: tx.index })
  const isNew = value.revision === 0
  if (isNew && (!tx.hasRoom(at, row) || tx.count(tables.node) >= tx.limits.nodesMax)) return false
  tx.put(at, row)
  return true
}
