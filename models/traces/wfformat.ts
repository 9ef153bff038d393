/**
 * A trace in WfFormat of the WfCommons project: JSON of a workflow's tasks, who comes before whom,
 * and how long each took. Read into what of it matters here, or into what is wrong with it. Nothing
 * that it says is believed before it has been looked at.
 */
import { type Graph, graphOf } from '../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import { lineStartsOf, Mistakes, quote } from '../../protocol/workflow/mistake.ts'
import { executionOf, fileSizes, type Measured, wholeOf } from './execution.ts'
import { Findings, type Refused, refused } from './findings.ts'
import { flawInJson } from './json-scan.ts'
import { indexOf, parentsOf, tasksIn, tasksPath, tellCircle, type WrittenTask } from './tasks.ts'
import { listAt, objectAt, textAt } from './values.ts'

export interface Trace {
  readonly name: string
  /** In milliseconds since 1970, where it is said. */
  readonly startedMs?: number
  /** Of the whole run, where it is said. */
  readonly makespanMs?: number
  readonly tasks: readonly TraceTask[]
  /** Node `i` is task `i`; its needs are the parents. */
  readonly graph: Graph
  /** Each task after its parents. */
  readonly order: Int32Array
}

export interface TraceTask extends Measured {
  readonly id: string
  /** What it is one of many of: `mProject`. */
  readonly kind: string
  readonly inputFiles: number
  /** Of those of its files whose size is known; absent where none is. */
  readonly inputBytes?: number
  readonly outputBytes?: number
}

export type ReadTrace = { readonly ok: true; readonly trace: Trace } | Refused

/** 1.6 adds nothing but what may be left out. */
const versions: readonly unknown[] = ['1.5', '1.6']
const anotherFile = 'name a trace in WfFormat 1.5'
const convert = 'convert it to 1.5 with the tools of the WfFormat project'

export function readWfFormat(text: string): ReadTrace {
  const flaw = flawInJson(text)
  if (flaw) {
    const { line, column } = new Mistakes(lineStartsOf(text)).placeOf(flaw.at)
    return refused(`line ${line}, column ${column}`, flaw.why, anotherFile)
  }
  const findings = new Findings()
  const trace = traceIn(JSON.parse(text), findings)
  return trace === undefined ? findings.refusal() : { ok: true, trace }
}

function traceIn(document: unknown, findings: Findings): Trace | undefined {
  const root = objectAt(document, [], findings, anotherFile)
  if (root === undefined) return undefined
  if (!versions.includes(root.schemaVersion)) {
    const { schemaVersion: said } = root
    const why = `its version is ${typeof said === 'string' ? quote(said) : 'not said'}, and 1.5 is read`
    findings.add(['schemaVersion'], why, convert)
    return undefined
  }
  const name = textAt(root.name, ['name'], findings)
  const workflow = objectAt(root.workflow, ['workflow'], findings, anotherFile)
  const specificationPath = tasksPath.slice(0, 2)
  const specification =
    workflow && objectAt(workflow.specification, specificationPath, findings, anotherFile)
  const listed = specification && listAt(specification.tasks, tasksPath, findings)
  const tasks = listed && tasksIn(listed, findings)
  if (name === undefined || tasks === undefined) return undefined
  const sizes = fileSizes(specification?.files, findings)
  const index = indexOf(tasks, findings)
  if (!findings.isEmpty) return undefined
  const measured = executionOf(workflow?.execution, index, findings)
  const parents = parentsOf(tasks, index, findings)
  if (!findings.isEmpty) return undefined
  const graph = graphOf(parents)
  const sorted = topologicalOrder(graph)
  if (sorted.ok) {
    const whole = wholeOf(workflow?.execution, findings)
    return { name, graph, order: sorted.order, tasks: joined(tasks, measured, sizes), ...whole }
  }
  for (const circle of sorted.cycles) tellCircle(circle, tasks, findings)
  return undefined
}

function joined(
  tasks: readonly WrittenTask[],
  measured: readonly Measured[],
  sizes: ReadonlyMap<string, number>,
): readonly TraceTask[] {
  return tasks.map(({ id, name, inputFiles, outputFiles }, i) => {
    const inputBytes = bytesOf(inputFiles, sizes)
    const outputBytes = bytesOf(outputFiles, sizes)
    return {
      id,
      kind: kindOf(name),
      inputFiles: inputFiles.length,
      ...measured[i],
      ...(inputBytes === undefined ? {} : { inputBytes }),
      ...(outputBytes === undefined ? {} : { outputBytes }),
    }
  })
}

/** Some tools name the kind, and some the task: then what is its own is at the end. */
function kindOf(name: string): string {
  return name.replace(/_ID\d{1,20}$/, '') || name
}

function bytesOf(files: readonly string[], sizes: ReadonlyMap<string, number>): number | undefined {
  const known = files.flatMap((id) => sizes.get(id) ?? [])
  return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0)
}
