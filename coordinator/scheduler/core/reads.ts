/** Which stages the expressions of a stage, or of a workflow's outputs, read. */
import type { Expr } from '../../../protocol/workflow/expressions/ast.ts'
import { referencesOf } from '../../../protocol/workflow/expressions/references.ts'
import type { Template } from '../../../protocol/workflow/expressions/template.ts'
import type { Placement, Stage, Step } from '../../../protocol/workflow/model.ts'
import type { JsonTemplate } from '../../../protocol/workflow/shape/templates.ts'

/** Names of stages; `all` when it is not known before which. */
export type Reads = ReadonlySet<string> | 'all'

export function readsOf(expressions: Iterable<Expr>): Reads {
  const names = new Set<string>()
  for (const expr of expressions) {
    for (const { name, field } of referencesOf(expr)) {
      if (name !== 'stages') continue
      if (field === undefined) return 'all'
      names.add(field)
    }
  }
  return names
}

export function* inTemplate(template: Template | undefined): Generator<Expr> {
  for (const part of template ?? []) if (typeof part !== 'string') yield part
}

export function* inJson(json: JsonTemplate | undefined): Generator<Expr> {
  switch (json?.kind) {
    case 'text':
      yield* inTemplate(json.template)
      break
    case 'list':
      for (const item of json.items) yield* inJson(item)
      break
    case 'map':
      for (const entry of Object.values(json.entries)) yield* inJson(entry)
  }
}

/** Of what an agent is given: when there are none, it is the same for every run and every item. */
export function* inWork(stage: Stage, env: Readonly<Record<string, Template>>): Generator<Expr> {
  yield* inStep(stage.step)
  for (const template of Object.values(env)) yield* inTemplate(template)
  for (const template of Object.values(stage.env)) yield* inTemplate(template)
  for (const json of Object.values(stage.with)) yield* inJson(json)
  yield* inTemplate(stage.directory)
}

/** All that is evaluated of a stage. */
export function* inStage(stage: Stage, env: Readonly<Record<string, Template>>): Generator<Expr> {
  yield* inWork(stage, env)
  yield* inPlacement(stage.where)
  if (stage.if) yield stage.if
  if (stage.forEach) {
    const { items } = stage.forEach
    if ('kind' in items) yield items
    else for (const item of items) yield* inJson(item)
  }
  yield* inTemplate(stage.approve?.message)
  yield* inTemplate(stage.signal?.event)
  yield* inTemplate(stage.signal?.key)
  yield* inJson(stage.signal?.data)
  yield* inTemplate(stage.concurrency?.key)
}

function* inPlacement({ labels, hosts, expression, prefer }: Placement): Generator<Expr> {
  for (const rule of Object.values(labels)) {
    for (const template of [...(rule.in ?? []), ...(rule.notIn ?? [])]) yield* inTemplate(template)
  }
  for (const template of [...hosts, ...Object.values(prefer)]) yield* inTemplate(template)
  if (expression) yield expression
}

function* inStep(step: Step): Generator<Expr> {
  switch (step.kind) {
    case 'run':
      if ('argv' in step) for (const template of step.argv) yield* inTemplate(template)
      else for (const part of step.script.parts) if (typeof part !== 'string') yield part.expr
      break
    case 'http':
      yield* inTemplate(step.url)
      for (const template of Object.values(step.headers)) yield* inTemplate(template)
      yield* inJson(step.body)
      break
    case 'function':
      yield* inTemplate(step.module)
      break
    case 'container':
      yield* inTemplate(step.image)
      for (const template of step.command) yield* inTemplate(template)
      break
    case 'wait':
      if ('until' in step) yield step.until
      else if (typeof step.for !== 'number') yield step.for
      break
    case 'choose':
      for (const each of step.cases) yield each.when
      break
    case 'await':
      yield* inTemplate(step.event)
      yield* inTemplate(step.key)
      break
    case 'workflow':
    case 'runbook':
    case 'framework':
    case 'gate':
      yield* inTemplate(step.name)
  }
}
