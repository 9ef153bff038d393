/**
 * From method and path to a route. Paths are compared segment by segment; a literal segment goes
 * before a parameter, so `/nodes/self/…` could be a route of its own beside `/nodes/{node}/…`.
 */
import { assert } from '../../protocol/assert.ts'
import { nearest } from '../../protocol/nearest.ts'
import { pathLengthMax } from './limits.ts'
import { ApiRefusal } from './refusal.ts'
import { type RouteName, type RouteShape, routes } from './routes.ts'

/** Where the API describes itself: beside the routes, not among them. */
export const openApiPath = '/openapi.json'

export interface FoundRoute {
  name: RouteName
  route: RouteShape
  /** Decoded, not yet validated. */
  parameters: Record<string, string>
}

interface Pattern {
  name: RouteName
  route: RouteShape
  segments: readonly { literal?: string; parameter?: string }[]
}

const patterns = Object.entries(routes)
  .map(([name, route]): Pattern => ({ name: name as RouteName, route, segments: cut(route.path) }))
  .sort((a, b) => (literalsFirst(a) < literalsFirst(b) ? -1 : 1))

/** Undefined where `findRoute` would throw. */
export function routeAt(method: string, path: string): FoundRoute | undefined {
  try {
    return findRoute(method, path)
  } catch (error) {
    if (error instanceof ApiRefusal) return undefined
    throw error
  }
}

/** Throws `badRequest`, `notFound` or `methodNotAllowed`. */
export function findRoute(method: string, path: string): FoundRoute {
  if (path.length > pathLengthMax) {
    throw new ApiRefusal('badRequest', 'the path is too long', `keep it to ${pathLengthMax} bytes`)
  }
  const segments = decoded(path)
  const fitting = patterns.filter((pattern) => fits(pattern, segments))
  const found = fitting.find(({ route }) => route.method === method)
  if (found !== undefined) {
    return { name: found.name, route: found.route, parameters: parametersOf(found, segments) }
  }
  if (fitting.length === 0) throw unknownPath(path, segments)
  const allowed = allowedMethods(path)
  throw new ApiRefusal(
    'methodNotAllowed',
    `${shown(method)} is not for ${shown(path)}`,
    `use ${allowed}`,
  )
}

/** What a path can be asked with, as an `Allow` header says it. */
export function allowedMethods(path: string): string {
  if (path === openApiPath) return 'GET, HEAD'

  const segments = decoded(path)
  const methods = patterns.filter((p) => fits(p, segments)).map(({ route }) => route.method)
  return [...new Set(methods.flatMap((m) => (m === 'GET' ? ['GET', 'HEAD'] : [m])))].join(', ')
}

function cut(path: string): Pattern['segments'] {
  return path
    .slice(1)
    .split('/')
    .map((segment) => {
      const parameter = /^\{(\w+)\}$/.exec(segment)?.[1]
      return parameter === undefined ? { literal: segment } : { parameter }
    })
}

/** Sorts `/a/b` before `/a/{x}`: U+FFFF comes after every literal. */
function literalsFirst({ segments }: Pattern): string {
  return segments.map(({ literal }) => literal ?? '\uFFFF').join('/')
}

function decoded(path: string): string[] {
  try {
    return path.slice(1).split('/').map(decodeURIComponent)
  } catch {
    throw new ApiRefusal(
      'badRequest',
      `the path ${shown(path)} is not percent-encoded rightly`,
      'encode each part of it as encodeURIComponent does',
    )
  }
}

function fits({ segments }: Pattern, asked: readonly string[]): boolean {
  return (
    segments.length === asked.length &&
    segments.every(({ literal }, i) => (literal === undefined ? asked[i] : literal === asked[i]))
  )
}

function parametersOf({ segments }: Pattern, asked: readonly string[]): Record<string, string> {
  const named: Record<string, string> = {}
  segments.forEach(({ parameter }, i) => {
    if (parameter !== undefined) named[parameter] = asked[i]!
  })
  return named
}

/** Every route is tried with what was asked in the place of its parameters. */
function unknownPath(path: string, asked: readonly string[]): ApiRefusal {
  const candidates = patterns.map(({ segments }) =>
    segments
      .map(({ literal, parameter }, i) => literal ?? (asked[i] || `{${parameter}}`))
      .join('/'),
  )
  const close = nearest(asked.join('/'), candidates)
  const list = 'GET /openapi.json lists every path'
  return new ApiRefusal(
    'notFound',
    `there is nothing at ${shown(path)}`,
    close === undefined ? list : `perhaps /${close} was meant; ${list}`,
  )
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

const shapes = patterns.map(({ route, segments }) =>
  [route.method, ...segments.map(({ literal }) => literal ?? '{}')].join('/'),
)
assert(new Set(shapes).size === shapes.length, 'no two routes may answer one request', { shapes })
