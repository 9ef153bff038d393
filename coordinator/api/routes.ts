/**
 * The control API as data: each route names its method, path, schemas and meaning. The HTTP host
 * serves this table, the OpenAPI document is printed from it, and the CLI calls through it.
 */
import * as z from 'zod'
import {
  Health,
  LabelChange,
  MeshEvent,
  ModuleList,
  NodeDetail,
  NodeList,
  Node as NodeSchema,
  SCHEMA_VERSION,
  Status,
} from './schemas.ts'

export interface RouteShape {
  method: 'GET' | 'PUT' | 'POST'
  /** `{name}` marks a parameter. */
  path: `/api/v1/${string}`
  summary: string
  parameters?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodObject
  response: z.ZodType
  /** The response is a stream of such documents, one a line. */
  stream?: true
}

const nodeParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .describe('Id or name, or a unique prefix of either; `self` is the answering agent'),
})
const moduleParameter = nodeParameter.extend({ module: z.string().min(1) })
const Done = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), done: z.literal(true) })
const Labelled = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), node: NodeSchema })

export const routes = {
  status: {
    method: 'GET',
    path: '/api/v1/status',
    summary: 'The mesh and the answering agent at a glance',
    response: Status,
  },
  nodes: {
    method: 'GET',
    path: '/api/v1/nodes',
    summary: 'Every node that the answering agent knows, also dead and left ones',
    response: NodeList,
  },
  node: {
    method: 'GET',
    path: '/api/v1/nodes/{node}',
    summary: 'One node: what is known here, and its own answer',
    parameters: nodeParameter,
    query: z.strictObject({ minutes: z.coerce.number().int().min(0).max(1440).default(60) }),
    response: NodeDetail,
  },
  labels: {
    method: 'PUT',
    path: '/api/v1/nodes/{node}/labels',
    summary: 'Change a node’s labels; the node itself keeps them',
    parameters: nodeParameter,
    body: LabelChange,
    response: Labelled,
  },
  modules: {
    method: 'GET',
    path: '/api/v1/nodes/{node}/modules',
    summary: 'The parts of an agent and their states',
    parameters: nodeParameter,
    response: ModuleList,
  },
  startModule: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/modules/{module}/start',
    summary: 'Start a part and what it needs',
    parameters: moduleParameter,
    response: ModuleList,
  },
  stopModule: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/modules/{module}/stop',
    summary: 'Stop a part; what needs it goes degraded',
    parameters: moduleParameter,
    response: ModuleList,
  },
  health: {
    method: 'GET',
    path: '/api/v1/health',
    summary: 'Everything that is looked after, with cause and remedy where it is not well',
    response: Health,
  },
  events: {
    method: 'GET',
    path: '/api/v1/events',
    summary: 'What happened, and with `follow` what happens',
    query: z.strictObject({
      since: z.coerce.number().int().min(0).optional().describe('Only events with a greater `seq`'),
      last: z.coerce.number().int().min(0).max(1000).default(100).describe('How many of the past'),
      follow: z.stringbool().default(false),
    }),
    response: MeshEvent,
    stream: true,
  },
  leave: {
    method: 'POST',
    path: '/api/v1/agent/leave',
    summary: 'Leave the mesh in good order and stop the answering agent',
    response: Done,
  },
} as const satisfies Record<string, RouteShape>

export type RouteName = keyof typeof routes
export type RouteParameters<N extends RouteName> = (typeof routes)[N] extends {
  parameters: infer P extends z.ZodObject
}
  ? z.infer<P>
  : Record<string, never>
export type RouteQuery<N extends RouteName> = (typeof routes)[N] extends {
  query: infer Q extends z.ZodObject
}
  ? z.input<Q>
  : Record<string, never>
export type RouteBody<N extends RouteName> = (typeof routes)[N] extends {
  body: infer B extends z.ZodObject
}
  ? z.input<B>
  : undefined
export type RouteResponse<N extends RouteName> = z.infer<(typeof routes)[N]['response']>
