/** Questions about runs, workflows and signals. What one run looks like is in `read-run.ts`. */
import { isRunOver } from '../work/states.ts'
import {
  RunSpec,
  runKeyRow,
  runOrderAt,
  runRow,
  runSpecRow,
  SignalRow,
  signalsAt,
  stateOfRunRow,
  WorkflowName,
  WorkflowRow,
  workflowNameRow,
  workflowRow,
  workflowText,
} from './commands/work-rows.ts'
import { stateLimits } from './limits.ts'
import { decodeRow, type Octets, textOfOctets } from './octets.ts'
import { type Answering, one, page, type Span, spanOf } from './paging.ts'
import type { RunFilter, WorkQuery } from './queries.ts'
import { runHead, viewRun, viewUnit } from './read-run.ts'
import { endOf, tables } from './rows.ts'
import type { LedgerState } from './state.ts'
import type { RunItem, SignalItem, WorkflowItem, WorkflowNameItem } from './work-view.ts'

export const workAnswers: { readonly [K in WorkQuery['kind']]: Answering<K> } = {
  runList: (state, query, limits) =>
    page(state, spanOfRuns(query), query, limits, (name) =>
      runItem(state, name.slice(name.indexOf('/') + 1), query),
    ),
  runIdList: (state, query, limits) =>
    page(state, spanOf(tables.run, query.prefix), query, limits, (run, row) => {
      if (!query.unended && !query.ended) return run
      const isOver = isRunOver(stateOfRunRow(row))
      return (isOver ? query.unended : query.ended) ? undefined : run
    }),
  runCount: ({ rows }) => rows.rank(endOf(tables.run)) - rows.rank(tables.run),
  runGet: viewRun,
  unitGet: viewUnit,
  runOfKey: (state, { key }) => one(state, runKeyRow(key), textOfOctets),
  workflowGet: (state, { hash }) =>
    one(state, workflowRow(hash), (row) => workflowItem(state, hash, row)),
  workflowOfName: (state, { name }) =>
    one(state, workflowNameRow(name), (row) => nameItem(name, row)),
  workflowNameList: (state, query, limits) =>
    page(state, spanOf(tables.workflowName), query, limits, nameItem),
  signalList: (state, query, limits) =>
    page(state, spanOfSignals(query.sinceIndex), query, limits, signalItem),
}

function spanOfRuns({ sinceMs, untilMs }: RunFilter): Span {
  const { base, from, to } = spanOf(tables.runOrder)
  return {
    base,
    from: untilMs === undefined ? from : runOrderAt(within(untilMs - 1)),
    to: sinceMs === undefined ? to : endOf(runOrderAt(within(sinceMs))),
  }
}

/** A time that the ledger can have seen, or the next one: none is before 0. */
function within(timeMs: number): number {
  return Math.max(-1, Math.min(Math.ceil(timeMs), stateLimits.timeMsMax))
}

function runItem(state: LedgerState, run: string, filter: RunFilter): RunItem | undefined {
  const { states, name, labels } = filter
  const row = state.rows.get(runRow(run))
  if (row === undefined || (states && !states.includes(stateOfRunRow(row)))) return undefined
  const head = runHead(run, row)
  if (name !== undefined && head.name !== name) return undefined
  const spec = one(state, runSpecRow(run), (held) => decodeRow(RunSpec, held))
  if (spec === undefined) return undefined
  const asked = Object.entries(labels ?? {})
  if (asked.some(([label, value]) => spec.labels[label] !== value)) return undefined
  return { ...head, workflow: spec.workflow, labels: spec.labels }
}

function workflowItem(state: LedgerState, hash: string, row: Octets): WorkflowItem {
  const { held, chunks, name, putMs, references } = decodeRow(WorkflowRow, row)
  const item = { hash, name, putMs, references }
  if (held < chunks) return item
  // A piece may end within a character.
  let text = ''
  for (let i = 0; i < chunks; i++) text += state.rows.get(workflowText(hash, i)) ?? ''
  return { ...item, text: textOfOctets(text as Octets) }
}

function nameItem(name: string, row: Octets): WorkflowNameItem {
  return { name, ...decodeRow(WorkflowName, row) }
}

function spanOfSignals(sinceIndex: number | undefined): Span {
  const whole = spanOf(tables.signal)
  return sinceIndex === undefined ? whole : { ...whole, from: signalsAt(sinceIndex) }
}

function signalItem(name: string, row: Octets): SignalItem {
  const [index, number] = name.split('.')
  return { index: Number(index), number: Number(number), ...decodeRow(SignalRow, row) }
}
