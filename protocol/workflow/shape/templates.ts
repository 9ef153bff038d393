/** Expressions, texts with `${{ … }}` in them, and whole JSON values of such texts. */
import type { Expr } from '../expressions/ast.ts'
import { parseExpression } from '../expressions/parser.ts'
import { printExpression } from '../expressions/printer.ts'
import {
  onlyExpression,
  parseTemplate,
  plainText,
  printTemplate,
  type Template,
} from '../expressions/template.ts'
import type { Type } from '../expressions/types.ts'
import { workflowLimits as limits } from '../limits.ts'
import type { Path } from '../mistake.ts'
import type { Located, Scalar } from '../source/located.ts'
import { offsetInFile } from '../source/position.ts'
import { refuseKind } from './scalars.ts'
import { type Json, type Reading, refuse, type Shape } from './shape.ts'

/** A JSON value, the texts of which may be computed. What is not, is kept as it is. */
export type JsonTemplate =
  | { readonly kind: 'literal'; readonly value: Json }
  | { readonly kind: 'text'; readonly template: Template }
  | { readonly kind: 'list'; readonly items: readonly JsonTemplate[] }
  | { readonly kind: 'map'; readonly entries: Readonly<Record<string, JsonTemplate>> }

function readTemplate(
  node: Scalar,
  path: Path,
  reading: Reading,
  wanted: Type | undefined,
): Template | undefined {
  if (node.text.length > limits.scriptLengthMax) {
    const why = `a text has at most ${limits.scriptLengthMax} characters, and this has ${node.text.length}`
    return refuse(reading, 'tooLarge', node, path, why, 'put it in a file')
  }
  const parsed = parseTemplate(node.text)
  if (!parsed.ok) return refuseExpression(parsed.mistake, node, path, reading)
  const only = onlyExpression(parsed.value)
  for (const part of parsed.value) {
    if (typeof part === 'string') continue
    reading.sites.push({
      path,
      expr: part,
      scalar: node,
      wanted: part === only ? wanted : undefined,
    })
  }
  return parsed.value
}

function refuseExpression(
  { at, why, hint }: { at: number; why: string; hint?: string },
  node: Scalar,
  path: Path,
  reading: Reading,
): undefined {
  const place = offsetInFile(node, at, reading.text)
  reading.mistakes.add('badExpression', place, path, why, hint)
}

/** A text in which values may stand. */
export function template(
  noun: string,
  { empty = true }: { empty?: boolean } = {},
): Shape<Template> {
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind !== 'scalar' || node.value === null)
        return refuseKind(noun, node, path, reading)
      if (!empty && node.text.trim() === '') {
        return refuse(reading, 'badValue', node, path, `${noun} is needed, and this is empty`)
      }
      return readTemplate(node, path, reading, undefined)
    },
    write: printTemplate,
    schema: () => ({ type: ['string', 'number', 'boolean'], ...(empty ? {} : { minLength: 1 }) }),
  }
}

/** One expression, with or without `${{ }}` around it. */
export function expression(noun: string, wanted: Type): Shape<Expr> {
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind !== 'scalar' || node.value === null)
        return refuseKind(noun, node, path, reading)
      if (node.text.trimStart().startsWith('${{'))
        return computed(node, path, reading, noun, wanted)
      const parsed = parseExpression(node.text)
      if (!parsed.ok) return refuseExpression(parsed.mistake, node, path, reading)
      reading.sites.push({ path, expr: parsed.value, scalar: node, wanted })
      return parsed.value
    },
    write: printExpression,
    schema: () => ({ type: ['string', 'boolean'], minLength: 1 }),
  }
}

/** Only as `${{ … }}`: for places where a plain text means something else. */
export function computedOnly(noun: string, wanted: Type): Shape<Expr> {
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind === 'scalar') return computed(node, path, reading, noun, wanted)
      return refuseKind(noun, node, path, reading)
    },
    write: (expr) => printTemplate([expr]),
    schema: () => ({ type: 'string', pattern: '^\\s*\\$\\{\\{[\\s\\S]*\\}\\}\\s*$' }),
  }
}

function computed(
  node: Scalar,
  path: Path,
  reading: Reading,
  noun: string,
  wanted: Type,
): Expr | undefined {
  const parsed = parseTemplate(node.text)
  if (!parsed.ok) return refuseExpression(parsed.mistake, node, path, reading)
  const parts = parsed.value.filter((part) => typeof part !== 'string' || part.trim() !== '')
  const only = onlyExpression(parts)
  if (only === undefined) {
    const hint = 'write one expression in its braces, and nothing beside it'
    return refuse(reading, 'badExpression', node, path, `${noun} is needed`, hint)
  }
  reading.sites.push({ path, expr: only, scalar: node, wanted })
  return only
}

/** Any JSON value; its texts may hold expressions. */
export function jsonTemplate(noun: string): Shape<JsonTemplate> {
  return {
    noun,
    read: (node, path, reading) => readJson(node, path, reading),
    write: writeJson,
    schema: () => ({}),
  }
}

/** Any JSON value as it stands. */
export function json(noun: string): Shape<Json> {
  return {
    noun,
    read: (node) => plainJson(node),
    write: (value) => value,
    schema: () => ({}),
  }
}

export function plainJson(node: Located): Json {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plainJson)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainJson(value)]))
}

function readJson(node: Located, path: Path, reading: Reading): JsonTemplate | undefined {
  if (node.kind === 'scalar') {
    if (typeof node.value !== 'string') return { kind: 'literal', value: node.value }
    const read = readTemplate(node, path, reading, undefined)
    if (read === undefined) return undefined
    const plain = plainText(read)
    return plain === undefined
      ? { kind: 'text', template: read }
      : { kind: 'literal', value: plain }
  }
  if (node.kind === 'list') {
    const items = node.items.map((item, i) => readJson(item, [...path, i], reading))
    const whole = items.filter((item) => item !== undefined)
    if (whole.length < items.length) return undefined
    const plain = whole.every((item) => item.kind === 'literal')
    return plain
      ? { kind: 'literal', value: whole.map(({ value }) => value) }
      : { kind: 'list', items: whole }
  }
  const entries: [string, JsonTemplate][] = []
  for (const { key, value } of node.entries) {
    const read = readJson(value, [...path, key], reading)
    if (read !== undefined) entries.push([key, read])
  }
  if (entries.length < node.entries.length) return undefined
  const literals = entries.flatMap(([key, value]) =>
    value.kind === 'literal' ? [[key, value.value] as const] : [],
  )
  return literals.length === entries.length
    ? { kind: 'literal', value: Object.fromEntries(literals) }
    : { kind: 'map', entries: Object.fromEntries(entries) }
}

function writeJson(value: JsonTemplate): Json {
  switch (value.kind) {
    case 'literal':
      return escaped(value.value)
    case 'text':
      return printTemplate(value.template)
    case 'list':
      return value.items.map(writeJson)
    case 'map':
      return Object.fromEntries(
        Object.entries(value.entries).map(([key, entry]) => [key, writeJson(entry)]),
      )
  }
}

/** A text that says `${{` must go on saying it. */
function escaped(value: Json): Json {
  if (typeof value === 'string') return printTemplate([value])
  if (Array.isArray(value)) return value.map(escaped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, escaped(entry)]))
}
