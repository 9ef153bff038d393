/**
 * The control API as data: each route names its method, path, schemas and meaning. The HTTP host
 * serves this table, the OpenAPI document is printed from it, and the CLI calls through it.
 */
import * as z from 'zod'
import type { verbs } from '../../protocol/identity/verbs.ts'
import { artifactRoutes } from './artifact-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { configRoutes } from './config-routes.ts'
import { estopRoutes } from './estop-routes.ts'
import { federationRoutes } from './federation-routes.ts'
import { hostHistoryRoutes } from './host-history-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { workflowBodyBytesMax } from './limits.ts'
import { modelRoutes } from './model-routes.ts'
import { Planned, PlanQuestion } from './plan-schemas.ts'
import { type RoutePath, routePaths } from './route-paths.ts'
import { runRoutes } from './run-routes.ts'
import {
  Done,
  Drain,
  Health,
  LabelChange,
  Labelled,
  MeshEvent,
  ModuleList,
  NodeDetail,
  NodeList,
  RevokedNode,
  RevokeNode,
  Status,
  Voting,
} from './schemas.ts'
import { secretKeyRoutes } from './secret-key-routes.ts'
import { secretRoutes } from './secret-routes.ts'
import { swarmKeyRoutes } from './swarm-key-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

export interface RouteShape extends RoutePath {
  summary: string
  parameters?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodObject
  /** Longest body, where it may be longer than of most. */
  bodyBytesMax?: number
  response: z.ZodType
  /** The response is a stream of such documents, one a line. */
  stream?: true
}

const nodeParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .meta({
      description:
        'Id or name, a unique prefix of either, or the last 8 or more characters of an id; `self` is the answering agent',
      examples: ['self'],
    }),
})
const nodeKeyParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .max(128)
    .meta({
      description: 'The whole id of the node: it is signed for, and checked again by every agent',
      examples: ['12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'],
    }),
})
const moduleParameter = nodeParameter.extend({
  module: z
    .string()
    .min(1)
    .meta({ description: 'Name of the part', examples: ['telemetry'] }),
})

export const routes = {
  status: {
    ...routePaths.status,
    summary: 'The mesh and the answering agent at a glance',
    response: Status,
  },
  nodes: {
    ...routePaths.nodes,
    summary: 'Every node that the answering agent knows, also dead and left ones',
    response: NodeList,
  },
  node: {
    ...routePaths.node,
    summary: 'One node: what is known here, and its own answer',
    parameters: nodeParameter,
    query: z.strictObject({
      minutes: z.coerce
        .number()
        .int()
        .min(0)
        .max(1440)
        .default(60)
        .describe('How much of its history'),
    }),
    response: NodeDetail,
  },
  labels: {
    ...routePaths.labels,
    summary: 'Change a node’s labels; the node itself keeps them',
    parameters: nodeParameter,
    body: LabelChange,
    response: Labelled,
  },
  voting: {
    ...routePaths.voting,
    summary: 'Say whether a node may vote in the ledger',
    parameters: nodeParameter,
    body: Voting,
    response: Labelled,
  },
  drain: {
    ...routePaths.drain,
    summary: 'Give a node no more work, or work again',
    parameters: nodeParameter,
    body: Drain,
    response: Labelled,
  },
  revokeNode: {
    ...routePaths.revokeNode,
    summary: 'Take a node’s key back for good: every agent that hears of it turns it away',
    parameters: nodeKeyParameter,
    body: RevokeNode,
    response: RevokedNode,
  },
  modules: {
    ...routePaths.modules,
    summary: 'The parts of an agent and their states',
    parameters: nodeParameter,
    response: ModuleList,
  },
  startModule: {
    ...routePaths.startModule,
    summary: 'Start a part and what it needs',
    parameters: moduleParameter,
    response: ModuleList,
  },
  stopModule: {
    ...routePaths.stopModule,
    summary: 'Stop a part; what needs it goes degraded',
    parameters: moduleParameter,
    response: ModuleList,
  },
  health: {
    ...routePaths.health,
    summary: 'Everything that is looked after, with cause and remedy where it is not well',
    response: Health,
  },
  events: {
    ...routePaths.events,
    summary: 'What happened, and with `follow` what happens',
    query: z.strictObject({
      since: z.coerce.number().int().min(0).optional().describe('Only events with a greater `seq`'),
      last: z.coerce.number().int().min(0).max(1000).default(100).describe('How many of the past'),
      follow: z.stringbool().default(false).describe('Go on with what happens from now on'),
    }),
    response: MeshEvent,
    stream: true,
  },
  ...runRoutes,
  ...artifactRoutes,
  ...userRoutes,
  ...keyRoutes,
  ...swarmKeyRoutes,
  ...secretKeyRoutes,
  ...auditRoutes,
  ...estopRoutes,
  ...secretRoutes,
  ...hostHistoryRoutes,
  ...modelRoutes,
  ...federationRoutes,
  ...configRoutes,
  ...tokenRoutes,
  plan: {
    ...routePaths.plan,
    summary: 'What a workflow would do on this mesh now: order, hosts, refusals, hints',
    body: PlanQuestion,
    bodyBytesMax: workflowBodyBytesMax,
    response: Planned,
  },
  leave: {
    ...routePaths.leave,
    summary: 'Leave the mesh in good order and stop the answering agent',
    response: Done,
  },
} as const satisfies Record<string, RouteShape>

export type RouteName = keyof typeof routes
/** Those that change something, and come as a signed command. */
export type ActingRoute = {
  [N in RouteName]: (typeof verbs)[(typeof routes)[N]['verb']]['acts'] extends true ? N : never
}[RouteName]
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
/** What a handler gets: with the defaults filled in. */
export type ReadQuery<N extends RouteName> = (typeof routes)[N] extends {
  query: infer Q extends z.ZodObject
}
  ? z.output<Q>
  : Record<string, never>
export type RouteBody<N extends RouteName> = (typeof routes)[N] extends {
  body: infer B extends z.ZodObject
}
  ? z.input<B>
  : undefined
export type ReadBody<N extends RouteName> = (typeof routes)[N] extends {
  body: infer B extends z.ZodObject
}
  ? z.output<B>
  : undefined
export type RouteResponse<N extends RouteName> = z.infer<(typeof routes)[N]['response']>
