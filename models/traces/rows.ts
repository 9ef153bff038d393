/**
 * Traces as history: each task that was measured becomes a row. A trace often does not say when; then
 * the runs of an application come one after the other in the order of their files' names, and what
 * happened within a run is reckoned by `timetable.ts`.
 */
import type { Row } from '../rows.ts'
import { startsIn } from './timetable.ts'
import type { Trace, TraceTask } from './wfformat.ts'

export interface NamedTrace {
  /** Of its file, from the folder that was read. */
  readonly file: string
  readonly trace: Trace
}

/** `blast-chameleon-large-001.json.gz` is of `blast`: files of a collection are called so. */
export function groupOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return /^[^-_.\s]+/.exec(name)?.[0].toLowerCase() ?? name
}

/** In the order of their ends. */
export function rowsOfTraces(traces: readonly NamedTrace[]): Row[] {
  const rows: Row[] = []
  for (const [group, runs] of byGroup(traces)) {
    // A clock that only some of them have says nothing of the others.
    const isDated = runs.every(({ trace }) => startOf(trace) !== undefined)
    let freeMs = 0
    for (const { trace } of runs) {
      const startedMs = isDated ? (startOf(trace) as number) : freeMs
      const ofRun = rowsOfRun(trace, group, startedMs)
      freeMs = ofRun.reduce((latest, { endedMs }) => Math.max(latest, endedMs), freeMs)
      for (const row of ofRun) rows.push(row)
    }
  }
  return rows.sort((a, b) => a.endedMs - b.endedMs)
}

export function untimedIn(traces: readonly NamedTrace[]): number {
  const isUntimed = ({ seconds }: TraceTask) => seconds === undefined
  return traces.reduce((sum, { trace }) => sum + trace.tasks.filter(isUntimed).length, 0)
}

function byGroup(traces: readonly NamedTrace[]): Map<string, NamedTrace[]> {
  const groups = new Map<string, NamedTrace[]>()
  const inOrder = traces.toSorted((a, b) => naturally.compare(a.file, b.file))
  for (const each of inOrder) {
    const group = groupOf(each.file)
    const of = groups.get(group)
    if (of) of.push(each)
    else groups.set(group, [each])
  }
  return groups
}

/** `run-2` comes before `run-10`, whatever the language of who asks. */
const naturally = new Intl.Collator('en', { numeric: true })

function startOf({ startedMs, tasks }: Trace): number | undefined {
  if (startedMs !== undefined) return startedMs
  const starts = tasks.flatMap((task) => task.startedMs ?? [])
  return starts.length === 0 ? undefined : starts.reduce((a, b) => Math.min(a, b))
}

function rowsOfRun(trace: Trace, group: string, startedMs: number): Row[] {
  const isDated = ({ startedMs: said, seconds }: TraceTask) =>
    said !== undefined || seconds === undefined
  const starts = trace.tasks.every(isDated) ? undefined : startsIn(trace)
  return trace.tasks.flatMap((task, node) => {
    if (task.seconds === undefined) return []
    const startMs = starts ? startedMs + (starts[node] as number) : (task.startedMs as number)
    return [rowOf(task, group, startMs, startMs + task.seconds * 1_000)]
  })
}

function rowOf(task: TraceTask, group: string, startedMs: number, endedMs: number): Row {
  const { kind, host = '', cores, inputBytes, inputFiles, memoryBytes } = task
  return {
    task: kind,
    group,
    host,
    startedMs,
    endedMs,
    ended: 'succeeded',
    inputFiles,
    ...(cores === undefined ? {} : { cpus: cores }),
    ...(inputBytes === undefined ? {} : { inputBytes }),
    ...(memoryBytes === undefined ? {} : { peakMemoryBytes: memoryBytes }),
  }
}
