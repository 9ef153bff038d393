/** What was measured when the workflow of a trace ran: of each task where, when and how long, and what it took. */
import { parseTimestamp } from '../../protocol/workflow/expressions/calendar.ts'
import { type Path, quote } from '../../protocol/workflow/mistake.ts'
import type { Findings } from './findings.ts'
import { traceLimits as limits } from './limits.ts'
import { amountAt, listAt, objectAt, textAt, textsAt, type Untrusted } from './values.ts'

/** What is absent was not measured. */
export interface Measured {
  readonly seconds?: number
  readonly cores?: number
  readonly memoryBytes?: number
  readonly host?: string
  /** In milliseconds since 1970. */
  readonly startedMs?: number
}

const executionPath: Path = ['workflow', 'execution']
const asObject = 'write it as an object'

/** One for each task of the index; all of them empty where nothing was measured. */
export function executionOf(
  execution: unknown,
  index: ReadonlyMap<string, number>,
  findings: Findings,
): readonly Measured[] {
  const measured: (Measured | undefined)[] = new Array(index.size).fill(undefined)
  const path = [...executionPath, 'tasks']
  const root = execution === undefined ? {} : objectAt(execution, executionPath, findings, asObject)
  const listed = root?.tasks === undefined ? [] : (listAt(root.tasks, path, findings) ?? [])
  for (const [i, value] of listed.entries()) {
    const task = objectAt(value, [...path, i], findings, asObject)
    const id = task && textAt(task.id, [...path, i, 'id'], findings)
    if (task === undefined || id === undefined) continue
    const node = index.get(id)
    const why =
      node === undefined
        ? `no task of the specification is called ${quote(id)}`
        : measured[node] === undefined
          ? undefined
          : `the task ${quote(id)} stands twice`
    if (why !== undefined) findings.add([...path, i, 'id'], why, 'take it away, or correct its id')
    else measured[node!] = measuredIn(task, [...path, i], findings)
  }
  return measured.map((each) => each ?? {})
}

function measuredIn(task: Untrusted, path: Path, findings: Findings): Measured {
  const amount = (key: string, max: number) => amountAt(task[key], [...path, key], findings, max)
  const seconds = amount('runtimeInSeconds', limits.secondsMax)
  const cores = amount('coreCount', limits.coresMax)
  const memoryBytes = amount('memoryInBytes', Number.MAX_SAFE_INTEGER)
  const hosts = textsAt(task.machines, [...path, 'machines'], findings)
  const startedMs = instantIn(task.executedAt)
  return {
    ...(hosts[0] === undefined ? {} : { host: hosts[0] }),
    ...(startedMs === undefined ? {} : { startedMs }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(cores === undefined || cores === 0 ? {} : { cores }),
    ...(memoryBytes === undefined ? {} : { memoryBytes: Math.ceil(memoryBytes) }),
  }
}

/** When all of it began, and how long it took. */
export function wholeOf(
  execution: unknown,
  findings: Findings,
): { readonly startedMs?: number; readonly makespanMs?: number } {
  const root = execution === undefined ? {} : objectAt(execution, executionPath, findings, asObject)
  const { executedAt, makespanInSeconds } = root ?? {}
  const startedMs = instantIn(executedAt)
  const at = [...executionPath, 'makespanInSeconds']
  const seconds = amountAt(makespanInSeconds, at, findings, limits.secondsMax)
  return {
    ...(startedMs === undefined ? {} : { startedMs }),
    ...(seconds === undefined ? {} : { makespanMs: seconds * 1_000 }),
  }
}

/** One that cannot be read is no mistake: some tools write the time of day alone. */
function instantIn(value: unknown): number | undefined {
  return typeof value === 'string' ? parseTimestamp(value) : undefined
}

/** Bytes of each file, by its id. */
export function fileSizes(files: unknown, findings: Findings): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  const path: Path = ['workflow', 'specification', 'files']
  const listed = files === undefined ? [] : (listAt(files, path, findings) ?? [])
  for (const [i, value] of listed.entries()) {
    const file = objectAt(value, [...path, i], findings, asObject)
    const id = file && textAt(file.id, [...path, i, 'id'], findings)
    const at = [...path, i, 'sizeInBytes']
    const bytes = file && amountAt(file.sizeInBytes, at, findings, Number.MAX_SAFE_INTEGER)
    if (id !== undefined && bytes !== undefined) sizes.set(id, bytes)
  }
  return sizes
}
