/** The shape of a workflow before it has words: numbered nodes, each after those that it needs. */

import {
  type StageDocument,
  stepOf,
  type WorkflowDocument,
  workflowDocument,
} from '../../coordinator/importing/document.ts'
import type { Work } from '../../coordinator/importing/options.ts'
import { assert } from '../../protocol/assert.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'

export interface Shape {
  readonly name: string
  /** Invariant: a node needs only nodes before it. */
  readonly nodes: readonly Node[]
}

export interface Node {
  /** What it is one of many of. */
  readonly kind: string
  readonly needs: readonly number[]
  /** How long its work takes; absent for nothing to do. */
  readonly seconds?: number
}

/** A kind of work, or a program and its arguments for every stage. */
export type StageWork = Work | readonly string[]

export function documentOf({ name, nodes }: Shape, work: StageWork): WorkflowDocument {
  assert(nodes.length <= workflowLimits.stagesMax, 'a shape must fit a workflow', { name })
  const nameOf = (node: number) => `${nodes[node]!.kind}-${node}`
  const stages = nodes.map((node, i): [string, StageDocument] => {
    assert(
      node.needs.every((need) => need >= 0 && need < i),
      'a node needs only nodes before it',
      { name, node: i },
    )
    const needs = node.needs.length > 0 ? { needs: node.needs.map(nameOf) } : {}
    return [
      nameOf(i),
      { ...needs, ...(isKind(work) ? stepOf(work, node.seconds ?? 0) : { run: work }) },
    ]
  })
  return workflowDocument({ name }, Object.fromEntries(stages))
}

/** As `skein run` takes it: JSON. */
export function workflowText(shape: Shape, work: StageWork): string {
  return JSON.stringify(documentOf(shape, work))
}

function isKind(work: StageWork): work is Work {
  return typeof work === 'string'
}
