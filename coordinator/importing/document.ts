/** A workflow as it is written: what importers and generators make, before it is text. */
import { assertNever } from '../../protocol/assert.ts'
import { formatDuration } from '../../protocol/units.ts'
import { API_VERSION } from '../../protocol/workflow/language/workflow.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import type { Work } from './options.ts'

export interface WorkflowDocument {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Workflow'
  readonly name: string
  readonly description?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly stages: Readonly<Record<string, StageDocument>>
}

export interface StageDocument {
  readonly labels?: Readonly<Record<string, string>>
  readonly needs?: readonly string[]
  readonly function?: string
  readonly run?: string | readonly string[]
  readonly with?: Readonly<Record<string, Json>>
  readonly resources?: { readonly cpu?: number; readonly memory?: string }
}

/** To the whole millisecond: no timer is closer. */
export function stepOf(work: Work, seconds: number): Step {
  const ms = Math.round(seconds * 1_000)
  switch (work) {
    case 'sleep':
      return { function: 'skein:sleep', with: { for: formatDuration(ms) } }
    case 'process':
      return { run: ['sleep', String(ms / 1_000)] }
    case 'spin':
      return ms === 0 ? nothing : { run: busyFor(ms / 1_000) }
    case 'none':
      return nothing
    default:
      return assertNever(work)
  }
}

type Step = Pick<StageDocument, 'function' | 'run' | 'with'>

const nothing: Step = { function: 'skein:noop' }

/**
 * A process of its own, because agents bring along no function that takes a core from them.
 * Invariant: not for no time, which `timeout` takes for no end.
 */
function busyFor(seconds: number): string {
  return `timeout ${seconds} sh -c 'while :; do :; done'; [ $? -eq 124 ]`
}

export function workflowDocument(
  head: Pick<WorkflowDocument, 'name' | 'description' | 'labels'>,
  stages: Readonly<Record<string, StageDocument>>,
): WorkflowDocument {
  return { apiVersion: API_VERSION, kind: 'Workflow', ...head, stages }
}
