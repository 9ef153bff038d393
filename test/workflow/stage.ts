/** What tests of workflows share: examples, and short ways to a parsed one or its mistakes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'

export const head = 'apiVersion: skein/v1\nkind: Workflow\nname: w\n'
const folder = new URL('./examples/', import.meta.url)

export const examples: readonly { file: string; text: string }[] = readdirSync(folder)
  .sort()
  .map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }))

export function example(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8')
}

export function parsed(text: string): Workflow {
  const result = parseWorkflow(text)
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.mistakes, null, 1))
  return result.workflow
}

export function mistakesIn(text: string): readonly Mistake[] {
  const result = parseWorkflow(text)
  assert.ok(!result.ok, 'it should have mistakes')
  assert.ok(result.mistakes.length > 0)
  return result.mistakes
}

/** As `line:column message (hint)`. */
export function told({ line, column, message, hint }: Mistake): string {
  return `${line}:${column} ${message}${hint === undefined ? '' : ` (${hint})`}`
}

/** A workflow with these stages, indented as they stand under `stages:`. */
export function withStages(stages: string): string {
  return `${head}stages:\n${stages}`
}

export function stageIn(text: string, name: string): Stage {
  const stage = parsed(text).stages.find((each) => each.name === name)
  assert.ok(stage, `there is a stage ${name}`)
  return stage
}
