/**
 * A shape is what a part of a workflow may look like, said once: it reads that part with all its
 * mistakes, writes it back in its canonical form, and describes itself to editors.
 */
import type { Expr } from '../expressions/ast.ts'
import type { Type } from '../expressions/types.ts'
import type { Hint, MistakeCode, Mistakes, Path } from '../mistake.ts'
import type { Located, Scalar } from '../source/located.ts'

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

export type JsonSchema = { readonly [key: string]: Json }

/** Schemas that have a name, and are referred to by it. */
export type Definitions = Map<string, JsonSchema>

/** An expression that was read, to be checked when all that it may speak of is known. */
export interface ExpressionSite {
  readonly path: Path
  readonly expr: Expr
  /** The text that it stands in; places of the tree count from its start. */
  readonly scalar: Scalar
  /** What its value must be; undefined where anything will do. */
  readonly wanted: Type | undefined
}

export interface Reading {
  /** The file as it is. */
  readonly text: string
  readonly mistakes: Mistakes
  readonly sites: ExpressionSite[]
}

export interface Shape<T> {
  /** In a message: "a duration". */
  readonly noun: string
  /** Undefined when it is wrong; the mistakes are told to the reading. */
  read(node: Located, path: Path, reading: Reading): T | undefined
  write(value: T): Json
  schema(definitions: Definitions): JsonSchema
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never

export function refuse(
  reading: Reading,
  code: MistakeCode,
  node: { readonly at: number },
  path: Path,
  message: string,
  hint?: Hint,
): undefined {
  reading.mistakes.add(code, node.at, path, message, hint)
}

/** Referred to by its name in the schema, and described there once. */
export function named<T>(name: string, shape: Shape<T>): Shape<T> {
  return {
    ...shape,
    schema: (definitions) => {
      if (!definitions.has(name)) {
        // Set before it is described, so that a shape may hold itself.
        definitions.set(name, {})
        definitions.set(name, shape.schema(definitions))
      }
      return { $ref: `#/definitions/${name}` }
    },
  }
}
