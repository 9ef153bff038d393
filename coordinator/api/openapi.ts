/**
 * The OpenAPI 3.1 document, printed from the routes and schemas that also check the requests. Each
 * exported schema is one component, so a client generator makes one type of it.
 */
import * as z from 'zod'
import { type ApiReply, type ApiRequest, jsonReply } from './exchange.ts'
import * as planSchemas from './plan-schemas.ts'
import { ApiRefusal } from './refusal.ts'
import { type RouteShape, routes } from './routes.ts'
import { openApiPath } from './routing.ts'
import * as runSchemas from './run-schemas.ts'
import * as schemas from './schemas.ts'

type Json = Record<string, unknown>

/** Made when first asked for: most agents never are. */
let printed: ApiReply | undefined

/** The reply to `GET /openapi.json`; undefined for every other path. */
export function openApiReply({ method, path }: ApiRequest): ApiReply | undefined {
  if (path !== openApiPath) return undefined
  if (method !== 'GET') {
    throw new ApiRefusal('methodNotAllowed', `${method} is not for ${openApiPath}`, 'use GET')
  }
  printed ??= jsonReply(200, openApiDocument())
  return printed
}

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {}
  for (const [name, route] of Object.entries<RouteShape>(routes)) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operation(name, route)
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Skein control API',
      version: String(schemas.SCHEMA_VERSION),
      description:
        'Every agent answers for the whole mesh. Documents may gain keys: ignore those you do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The agent that serves this document' }],
    paths,
    components: { schemas: components(), responses: { Refusal: refusal() } },
  }
}

function operation(name: string, route: RouteShape): Json {
  return {
    operationId: name,
    summary: route.summary,
    parameters: [...parameters('path', route.parameters), ...parameters('query', route.query)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': body(route.body) } } }),
    responses: {
      200: success(route),
      default: { $ref: '#/components/responses/Refusal' },
    },
  }
}

function parameters(place: 'path' | 'query', table: z.ZodObject | undefined): Json[] {
  return Object.entries(table?.shape ?? {}).map(([name, schema]) => {
    const { description, examples, ...rest } = inline(schema as z.ZodType)
    const example = (examples as unknown[] | undefined)?.[0]
    return {
      name,
      in: place,
      // A parameter that may be left out is one whose absence the schema accepts.
      required: !(schema as z.ZodType).safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      ...(example === undefined ? {} : { example }),
      schema: rest,
    }
  })
}

function body(schema: z.ZodType): Json {
  const example = schema.meta()?.examples
  const first = Array.isArray(example) ? { example: example[0] } : {}
  return { schema: reference(schema), ...first }
}

function success(route: RouteShape): Json {
  const type = route.stream === true ? 'application/x-ndjson' : 'application/json'
  const description =
    route.stream === true
      ? 'One such document on each line. A stream that breaks ends with an ApiError on a line of its own.'
      : 'Done'
  return { description, content: { [type]: { schema: reference(route.response) } } }
}

function refusal(): Json {
  return {
    description: 'Refused, with a stable code, the reason and the next step',
    content: { 'application/json': { schema: reference(schemas.ApiError) } },
  }
}

/** Schemas by the names under which their files export them. */
const named = new Map<z.ZodType, string>(
  Object.entries({ ...schemas, ...planSchemas, ...runSchemas }).flatMap(([name, schema]) =>
    schema instanceof z.ZodType ? [[schema, name] as const] : [],
  ),
)

function reference(schema: z.ZodType): Json {
  const name = named.get(schema)
  return name === undefined ? inline(schema) : { $ref: at(name) }
}

function at(name: string): string {
  return `#/components/schemas/${name}`
}

/** What the other side writes is described as it may be written: defaults may be left out. */
function components(): Json {
  const registry = z.registry<{ id: string }>()
  for (const [schema, id] of named) registry.add(schema, { id })
  const taken = new Set(Object.values<RouteShape>(routes).map((route) => route.body))
  const written = z.toJSONSchema(registry, { ...printing, uri: at, io: 'output' }).schemas
  const read = z.toJSONSchema(registry, { ...printing, uri: at, io: 'input' }).schemas
  const entries = [...named].map(([schema, id]) => {
    const { $schema, $id, ...rest } = (taken.has(schema as z.ZodObject) ? read : written)[
      id
    ] as Json
    return [id, rest]
  })
  return Object.fromEntries(entries)
}

function inline(schema: z.ZodType): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, { ...printing, io: 'output' }) as Json
  return rest
}

const printing = {
  target: 'draft-2020-12',
  override: ({ zodSchema, jsonSchema }) => {
    // Only what says so is closed: answers gain keys over time, and clients must let them.
    const { def } = zodSchema._zod
    const open = def.type === 'object' && (def as z.core.$ZodObjectDef).catchall === undefined
    if (open) delete jsonSchema.additionalProperties
  },
} as const satisfies Parameters<typeof z.toJSONSchema>[1]
