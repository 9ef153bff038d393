/**
 * A workflow in its one canonical text: JSON of the language itself, with sorted keys, defaults
 * spread to the stages, short forms written out and expressions printed. Two files that mean the
 * same have the same canonical text, and it reads back as the same workflow. Hashes are over it.
 */
import { createHash } from 'node:crypto'
import { writtenStage } from './language/stage-model.ts'
import {
  API_VERSION,
  type WrittenWorkflow,
  workflow as workflowShape,
} from './language/workflow.ts'
import type { Section, Workflow } from './model.ts'
import type { Json } from './shape/shape.ts'

export function canonicalWorkflow(workflow: Workflow): string {
  return canonicalJson(workflowShape.write(writtenWorkflow(workflow)))
}

function writtenWorkflow(workflow: Workflow): WrittenWorkflow {
  const of = (section: Section) => {
    const stages = workflow.stages.filter((stage) => stage.section === section)
    return Object.fromEntries(stages.map((stage) => [stage.name, writtenStage(stage)]))
  }
  const { name, description, concurrency, deadlineMs, timeoutMs, priority } = workflow
  return {
    apiVersion: API_VERSION,
    kind: 'Workflow',
    name,
    priority,
    stages: of('stages'),
    ...(description === undefined ? {} : { description }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(deadlineMs === undefined ? {} : { deadline: deadlineMs }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...filled('labels', workflow.labels),
    ...filled('inputs', workflow.inputs),
    ...filled('outputs', workflow.outputs),
    ...filled('env', workflow.env),
    ...filled('secrets', workflow.secrets),
    ...filled('onFailure', of('onFailure')),
    ...filled('finally', of('finally')),
  }
}

function filled<K extends string, T extends object>(key: K, value: T): { [key in K]?: T } {
  return Object.keys(value).length > 0 ? ({ [key]: value } as { [key in K]: T }) : {}
}

/** Keys in the order of their code units, no white space. */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`
}

/** The same for the same meaning, whoever computes it. */
export function workflowHash(workflow: Workflow): string {
  return canonicalHash(canonicalWorkflow(workflow))
}

/** Of a text that is canonical already. */
export function canonicalHash(text: string): string {
  return hashOf('workflow', [text])
}

/** Of what a run is to do: the workflow, and its inputs with their defaults. */
export function planHash(workflow: Workflow, inputs: Readonly<Record<string, Json>>): string {
  return canonicalPlanHash(canonicalWorkflow(workflow), inputs)
}

/** Of a text that is canonical already. */
export function canonicalPlanHash(text: string, inputs: Readonly<Record<string, Json>>): string {
  return hashOf('plan', [text, canonicalJson(inputs)])
}

function hashOf(what: string, parts: readonly string[]): string {
  const hash = createHash('sha256').update(`skein ${API_VERSION} ${what}\n`)
  // With its length before it, so that no part can end in another.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}\n${part}`)
  return hash.digest('hex')
}
