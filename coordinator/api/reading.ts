/**
 * What a call says, made into what a handler takes: parameters, query and body checked against the
 * route's schemas. All mistakes are found before any is told, so that a caller mends them at once.
 */
import * as z from 'zod'
import { nearest } from '../../protocol/nearest.ts'
import { type Mistake, Mistaken } from './errors.ts'
import type { ApiRequest } from './exchange.ts'
import { bodyBytesMax, mistakesMax, queryLengthMax } from './limits.ts'
import type { RouteShape } from './routes.ts'
import type { FoundRoute } from './routing.ts'

export interface ReadCall {
  parameters: unknown
  query: unknown
  body: unknown
}

const nothing = z.strictObject({})
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Throws `badRequest` with every mistake. */
export function readCall({ route, parameters }: FoundRoute, call: ApiRequest): ReadCall {
  const mistakes: Mistake[] = []
  const read = {
    parameters: check('path', route.parameters ?? nothing, parameters, mistakes),
    query: check('query', route.query ?? nothing, queryOf(call.query, mistakes), mistakes),
    body: bodyOf(route, call, mistakes),
  }
  if (mistakes.length === 0) return read
  const told = mistakes.slice(0, mistakesMax)
  const untold = mistakes.length - told.length
  throw new Mistaken(
    told.map(({ where, why }) => `${where} ${why}`).join('; ') +
      (untold > 0 ? `; and ${untold} more` : ''),
    `GET /openapi.json describes what ${route.method} ${route.path} takes`,
    told,
  )
}

function check(part: string, schema: z.ZodType, value: unknown, mistakes: Mistake[]): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  mistakes.push(...result.error.issues.flatMap((issue) => mistakesOf(part, schema, value, issue)))
  return undefined
}

function queryOf(text: string, mistakes: Mistake[]): Record<string, string> {
  if (text.length > queryLengthMax) {
    mistakes.push({ where: 'query', why: `is longer than ${queryLengthMax} characters` })
    return {}
  }
  // Without a prototype: a caller's key is never more than a key.
  const query: Record<string, string> = Object.create(null)
  const seen = new Set<string>()
  for (const [key, value] of new URLSearchParams(text)) {
    const where = `query.${key}`
    if (seen.has(key)) mistakes.push({ where, why: 'is given twice' })
    // Where a number is wanted, nothing would be read as zero.
    else if (value === '') mistakes.push({ where, why: 'is empty' })
    else query[key] = value
    seen.add(key)
  }
  return query
}

function bodyOf(route: RouteShape, { body }: ApiRequest, mistakes: Mistake[]): unknown {
  const { body: schema, bodyBytesMax: most = bodyBytesMax } = route
  if (body.length > most) {
    mistakes.push({ where: 'body', why: `has ${body.length} bytes, and ${most} are taken` })
    return undefined
  }
  if (schema === undefined) {
    if (body.length > 0) mistakes.push({ where: 'body', why: 'is not taken here' })
    return undefined
  }
  if (body.length === 0) {
    mistakes.push({ where: 'body', why: 'is missing' })
    return undefined
  }
  let document: unknown
  try {
    document = JSON.parse(utf8.decode(body))
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'it is not UTF-8'
    mistakes.push({ where: 'body', why: `is no JSON: ${why}` })
    return undefined
  }
  return check('body', schema, document, mistakes)
}

function mistakesOf(
  part: string,
  schema: z.ZodType,
  value: unknown,
  issue: z.core.$ZodIssue,
): Mistake[] {
  const where = [part, ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 && schema instanceof z.ZodObject ? schema.shape : {}
    return issue.keys.map((key) => {
      const close = nearest(key, Object.keys(known))
      const hint = close === undefined ? '' : `; perhaps ${close} was meant`
      return { where: `${where}.${key}`, why: `is not known${hint}` }
    })
  }
  const found = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  )
  if (found === undefined) return [{ where, why: 'is missing' }]
  // What the schema saw is not what the caller wrote: in paths and queries all values are texts.
  if (issue.code === 'invalid_type' && part !== 'body') {
    return [{ where, why: `is no ${issue.expected === 'int' ? 'whole number' : issue.expected}` }]
  }
  return [{ where, why: `is wrong: ${issue.message.replace('Invalid input: ', '')}` }]
}
