/** `skein nodes ls` and `label`: who is in the mesh, and their labels. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { parsePeerId } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { findNode, ID_TAIL_LENGTH } from '../api/node-reference.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { Node } from '../api/schemas.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, fresh, percent } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { plain, table } from './table.ts'

const styleOf: Record<Node['state'], Style> = {
  alive: 'green',
  suspect: 'yellow',
  dead: 'red',
  left: 'dim',
}

export function stateOf({ state, drained, revoked }: Node, io: Io): string {
  if (revoked !== undefined) return paint(io, 'red', 'revoked')
  const text = drained === undefined ? state : `${state}, drained`
  return paint(io, styleOf[state], plain(text))
}

/** Enough of a name to tell it from most others. */
export const NAME_CELLS_MIN = 16

export interface ListOptions {
  state?: string
  label?: string[]
}

export async function list(context: Context, options: ListOptions): Promise<number> {
  const wanted = (options.label ?? []).map(pairOf)
  const answer = await context.client.call('nodes')
  const nodes = answer.nodes.filter(
    (node) =>
      (options.state === undefined || node.state === options.state) &&
      wanted.every(([key, value]) => node.labels[key] === value),
  )
  if (context.json) document(context, { ...answer, nodes })
  else if (nodes.length > 0) context.io.out(`${nodeTable(nodes, context.io)}\n`)
  else if (!context.quiet) context.io.err(`none of ${answer.nodes.length} nodes is like that\n`)
  return nodes.length > 0 ? exitCodes.done : exitCodes.notFound
}

/** `ledger`: also what each has of it. */
export function nodeTable(nodes: readonly Node[], io: Io, ledger = false): string {
  const columns = [
    { title: 'NAME', cutTo: NAME_CELLS_MIN },
    { title: 'STATE' },
    { title: 'SINCE', right: true, leave: 5 },
    { title: 'CPU', right: true },
    { title: 'MEMORY', right: true, leave: 7 },
    { title: 'DISK', right: true, leave: 6 },
    { title: 'AGE', right: true, leave: 8 },
    { title: 'HEARD', right: true, leave: 4 },
    { title: 'LEDGER', leave: 5 },
    ...(ledger ? ledgerColumns : []),
    { title: 'VERSION', leave: 1 },
    { title: 'LABELS', cutTo: 12, leave: 2 },
    { title: 'ID', leave: 3 },
  ]
  const isAnyWarned = nodes.some(({ load }) => load?.warnings !== undefined)
  if (isAnyWarned) columns.splice(2, 0, { title: 'WARNS', cutTo: 10 })
  const rows = nodes.map((node) => {
    const { load } = node
    const stale = load?.stale ?? false
    const tint = (text: string) => (stale ? paint(io, 'dim', text) : text)
    const memory = load && load.memoryUsedBytes / Math.max(1, load.memoryTotalBytes)
    const disk = load && 1 - load.diskAvailableBytes / Math.max(1, load.diskTotalBytes)
    return [
      `${plain(node.name)}${node.self ? '*' : ''}`,
      stateOf(node, io),
      ...(isAnyWarned ? [warningsOf(node, io)] : []),
      node.self ? ABSENT : age(node.stateAgeMs),
      tint(fresh(percent(load?.cpu), stale)),
      tint(fresh(percent(memory), stale)),
      tint(fresh(percent(disk), stale)),
      tint(fresh(age(load?.ageMs), stale)),
      node.self ? ABSENT : age(node.heardAgeMs),
      ...ledgerCells(node).slice(0, ledger ? 3 : 1),
      plain(node.version),
      plain(labelsOf(node.labels)) || ABSENT,
      node.id.slice(-ID_TAIL_LENGTH),
    ]
  })
  return table(columns, rows, io.columns())
}

/** What it is in the ledger, how far it has applied it, and to what state; of who is gone, its last word. */
function ledgerCells({ state, ledger }: Node): string[] {
  if (ledger === undefined) return [ABSENT, ABSENT, ABSENT]
  const { part, applied, commit, digest } = ledger
  const isGone = state !== 'alive'
  return [
    fresh(part, isGone),
    fresh(applied === commit ? `${applied}` : `${applied} of ${commit}`, isGone),
    fresh(digest === '' ? ABSENT : plain(digest).slice(0, DIGEST_DIGITS), isGone),
  ]
}

const ledgerColumns = [
  { title: 'APPLIED', right: true, leave: 4 },
  { title: 'DIGEST', leave: 4 },
]

/** Enough to see who differs; all of it is in the JSON. */
const DIGEST_DIGITS = 8

const warningNames = {
  diskFull: 'disk fills',
  memoryFull: 'memory fills',
  agentGrows: 'agent grows',
  unusualCpu: 'unusual cpu',
  unusualMemory: 'unusual memory',
} as const

function warningsOf({ load }: Node, io: Io): string {
  const { warnings = [] } = load ?? {}
  if (warnings.length === 0) return ABSENT
  return paint(io, 'yellow', warnings.map((kind) => warningNames[kind]).join(', '))
}

export async function label(
  context: Context,
  reference: string,
  changes: readonly string[],
): Promise<number> {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const change of changes) {
    if (change.endsWith('-') && !change.includes('=')) remove.push(change.slice(0, -1))
    else {
      const [key, value] = pairOf(change)
      set[key] = value
    }
  }
  const answer = await context.client.call('labels', {
    parameters: { node: reference },
    body: { set, remove },
  })
  if (context.json) document(context, answer)
  else
    context.io.out(
      `${plain(answer.node.name)}: ${plain(labelsOf(answer.node.labels)) || 'no labels'}\n`,
    )
  return exitCodes.done
}

export async function voting(
  context: Context,
  reference: string,
  votes: 'auto' | 'never',
): Promise<number> {
  const answer = await context.client.call('voting', {
    parameters: { node: reference },
    body: { votes },
  })
  if (context.json) document(context, answer)
  else {
    const name = plain(answer.node.name)
    const text = votes === 'never' ? `${name} hands its vote to another` : `${name} may vote`
    context.io.out(`${text}; skein status shows who votes\n`)
  }
  return exitCodes.done
}

export async function drain(
  context: Context,
  reference: string,
  drained: boolean,
  reason = '',
): Promise<number> {
  const answer = await context.client.call('drain', {
    parameters: { node: reference },
    body: { drained, reason },
  })
  if (context.json) document(context, answer)
  else {
    const name = plain(answer.node.name)
    const text = drained
      ? `${name} is given no more work; what runs there goes on to its end`
      : `${name} is given work again`
    context.io.out(`${text}\n`)
  }
  return exitCodes.done
}

export async function revoke(
  context: Context,
  reference: string,
  { reason }: { reason: string },
): Promise<number> {
  const { nodes } = await context.client.call('nodes')
  // A whole id may be of a host that nobody here remembers.
  const node = parsePeerId(reference) === undefined ? nodeMeant(reference, nodes) : undefined
  const id = node?.id ?? reference
  const name = plain(node?.name ?? nodes.find((known) => known.id === id)?.name ?? id)
  await confirm(
    context,
    `this takes back the key of ${name} for good: it is turned away at once, what runs there is tried elsewhere, and it can come back only with a new key`,
    name,
  )
  const answer = await context.client.call('revokeNode', {
    parameters: { node: id },
    body: { reason },
  })
  if (context.json) document(context, answer)
  else if (!context.quiet) {
    context.io.err(`${plain(answer.name)} is turned away from now on\n`)
    if (answer.hadSecretsKey) context.io.err(`${HAD_KEY}\n`)
  }
  return exitCodes.done
}

const HAD_KEY =
  'it had the key of secrets, and another takes its place now; what it may have read stays read: skein keys ls names it, when that is done'

function nodeMeant(reference: string, nodes: readonly Node[]): Node {
  try {
    return findNode(reference, nodes)
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error
    const { code, why, fix } = error
    const exitCode = code === 'notFound' ? exitCodes.notFound : exitCodes.usage
    throw new Problem({ code, why, fix, exitCode })
  }
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new Problem({
    code: 'badLabel',
    why: `${text} is not a label`,
    fix: 'write key=value to set one, key- to remove one',
    exitCode: exitCodes.usage,
  })
}

export function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}
