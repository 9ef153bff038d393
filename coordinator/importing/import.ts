/**
 * From the file of a trace to the text of a workflow that has its shape: a stage for each task, and
 * in the place of its work one that takes as long. Pure; what it gives has been read back as a
 * workflow.
 */
import { type Refused, refused } from '../../models/traces/findings.ts'
import { unpack } from '../../models/traces/unpack.ts'
import { readWfFormat, type Trace, type TraceTask } from '../../models/traces/wfformat.ts'
import { assert } from '../../protocol/assert.ts'
import { formatBytes } from '../../protocol/units.ts'
import { needsOf } from '../../protocol/workflow/graph/graph.ts'
import { criticalPath } from '../../protocol/workflow/graph/paths.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { type StageDocument, stepOf, type WorkflowDocument, workflowDocument } from './document.ts'
import { documentText } from './document-text.ts'
import { importLimits as limits } from './limits.ts'
import type { ImportOptions } from './options.ts'
import { legal, stageNames } from './stage-names.ts'

export interface Imported {
  readonly ok: true
  readonly document: WorkflowDocument
  readonly text: string
  readonly workflow: Workflow
  /** The id of the task that each stage stands for. */
  readonly taskOf: ReadonlyMap<string, string>
  readonly figures: TraceFigures
}

export interface TraceFigures {
  readonly tasks: number
  /** Pairs of parent and child. */
  readonly edges: number
  /** Tasks without a time; they take none. */
  readonly untimed: number
  /** At the time scale: of all tasks, and along the longest way. */
  readonly workSeconds: number
  readonly pathSeconds: number
}

export function importWfFormat(bytes: Uint8Array, options: ImportOptions): Imported | Refused {
  const unpacked = unpack(bytes)
  if (!unpacked.ok) return unpacked
  const read = readWfFormat(unpacked.text)
  if (!read.ok) return read
  const { length } = read.trace.tasks
  if (length <= limits.tasksMax) return workflowOf(read.trace, options)
  const why = `it has ${length} tasks, and a workflow has at most ${limits.tasksMax} stages`
  return refused('workflow.specification.tasks', why, 'take another trace')
}

export function workflowOf(trace: Trace, options: ImportOptions): Imported | Refused {
  const scaled = trace.tasks.map(({ seconds = 0 }) => seconds * options.timeScale)
  const longest = scaled.findIndex((seconds) => seconds > limits.secondsMax)
  if (longest >= 0) {
    const place = `workflow.specification.tasks[${longest}]`
    return refused(place, 'at this time scale it takes more than a year', 'take a smaller scale')
  }
  const names = stageNames(trace.tasks.map(({ id }) => id))
  const document = documentOf(trace, names, scaled, options)
  const text = documentText(document, options.format)
  const parsed = parseWorkflow(text)
  if (!parsed.ok) return tooLarge(parsed.mistakes, options)
  const { lengthMs } = criticalPath(
    trace.graph,
    trace.order,
    scaled.map((seconds) => seconds * 1_000),
  )
  const figures = {
    tasks: trace.tasks.length,
    edges: trace.graph.needs.length,
    untimed: trace.tasks.filter(({ seconds }) => seconds === undefined).length,
    workSeconds: scaled.reduce((sum, seconds) => sum + seconds, 0),
    pathSeconds: lengthMs / 1_000,
  }
  const taskOf = new Map(names.map((name, i) => [name, trace.tasks[i]!.id]))
  return { ok: true, document, text, workflow: parsed.workflow, taskOf, figures }
}

function documentOf(
  trace: Trace,
  names: readonly string[],
  seconds: readonly number[],
  options: ImportOptions,
): WorkflowDocument {
  const stages = trace.tasks.map((task, i): [string, StageDocument] => {
    const needs = [...needsOf(trace.graph, i)].map((need) => names[need]!)
    return [
      names[i]!,
      {
        ...(options.labels ? { labels: labelsOf(task) } : {}),
        ...(needs.length > 0 ? { needs } : {}),
        ...stepOf(options.work, seconds[i]!),
        ...(options.resources ? resourcesOf(task) : {}),
      },
    ]
  })
  const description = `From a trace in WfFormat, at time scale ${options.timeScale}.`
  return workflowDocument({ name: legal(trace.name), description }, Object.fromEntries(stages))
}

function resourcesOf({ cores, memoryBytes }: TraceTask): Pick<StageDocument, 'resources'> {
  if (cores === undefined && memoryBytes === undefined) return {}
  return {
    resources: {
      ...(cores === undefined ? {} : { cpu: cores }),
      ...(memoryBytes === undefined ? {} : { memory: formatBytes(memoryBytes) }),
    },
  }
}

function labelsOf({ id, kind, inputBytes, outputBytes }: TraceTask): Record<string, string> {
  const cut = (text: string) => text.slice(-workflowLimits.labelValueLengthMax).toWellFormed()
  return {
    task: cut(id),
    kind: cut(kind),
    ...(inputBytes === undefined ? {} : { inputBytes: String(inputBytes) }),
    ...(outputBytes === undefined ? {} : { outputBytes: String(outputBytes) }),
  }
}

/** The only thing that can be wrong with a workflow that was made here. */
function tooLarge(mistakes: readonly Mistake[], { labels, format }: ImportOptions): Refused {
  const [first] = mistakes
  assert(first?.code === 'tooLarge', 'a trace makes a valid workflow', { mistake: first?.message })
  const ways = [
    ...(labels ? ['leave the labels out'] : []),
    ...(format === 'yaml' ? ['write JSON'] : []),
    'take a smaller trace',
  ]
  return refused('', `its workflow would be too large: ${first.message}`, ways.join(', or '))
}
