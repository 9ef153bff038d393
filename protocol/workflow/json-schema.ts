/**
 * The language as a JSON Schema, for editors: written by the shapes that read workflows, so that it
 * says neither more nor less than they do. Draft 7, which the YAML language server understands.
 */
import { workflow } from './language/workflow.ts'
import type { Definitions, JsonSchema } from './shape/shape.ts'

export function workflowJsonSchema(): JsonSchema {
  const definitions: Definitions = new Map()
  const schema = workflow.schema(definitions)
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Skein workflow',
    description: 'A workflow of Skein: stages, what they need, and how they are run.',
    ...schema,
    definitions: Object.fromEntries(definitions),
  }
}
