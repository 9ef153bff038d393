/**
 * What the control API says and takes. These schemas validate requests, describe the OpenAPI
 * document and type the CLI, so that the three cannot disagree.
 *
 * Every figure that can go stale travels with its age in milliseconds, counted without trusting
 * any other host's calendar.
 */
import * as z from 'zod'
import { warningKinds } from '../../protocol/membership/warnings.ts'

export const SCHEMA_VERSION = 1

const ageMs = z
  .number()
  .nonnegative()
  .describe('Milliseconds since this was true, as far as this agent knows')

export const NodeState = z
  .enum(['alive', 'suspect', 'dead', 'left'])
  .describe('What this agent believes of the node')

export const Load = z
  .object({
    ageMs,
    stale: z
      .boolean()
      .describe('True when the figures are older than three of their owner’s reporting intervals'),
    cpu: z.number().optional().describe('Busy share of the usable cores, 0 to 1'),
    cores: z.number().describe('Cores the agent may use'),
    load1: z.number().optional(),
    memoryTotalBytes: z.number(),
    memoryUsedBytes: z.number(),
    swapUsedBytes: z.number().optional(),
    diskTotalBytes: z.number().describe('File system of the data directory'),
    diskAvailableBytes: z.number(),
    receivedBytesPerSecond: z.number(),
    sentBytesPerSecond: z.number(),
    temperatureCelsius: z.number().optional().describe('Hottest sensor'),
    agentCpu: z.number().optional().describe('What the agent itself uses, as a share of one core'),
    agentResidentBytes: z.number(),
    loopLagMs: z.number().describe('99th percentile of the agent’s event-loop lag'),
    localHealth: z.number().describe('Lifeguard multiplier: 0 is well, higher is slower to accuse'),
    runningAttempts: z.number(),
    warnings: z
      .array(z.enum(warningKinds))
      .optional()
      .describe(
        'What it warns of itself; absent where that is nothing. It tells more of each itself',
      ),
  })
  .describe('A node’s last reported load')

export const NodeLedger = z
  .object({
    ageMs,
    part: z
      .enum(['leader', 'voter', 'learner', 'stopped'])
      .describe('`learner`: holds the ledger or may come to, without a vote'),
    term: z.number(),
    commit: z.number().describe('The entry that it knows to be decided'),
    applied: z.number().describe('The entry up to which it has the state'),
    digest: z.string().describe('Of the state at `applied`: the same on every node'),
  })
  .describe('Where a node stands in the ledger, by its own word')

export const Node = z
  .object({
    id: z.string(),
    name: z.string(),
    self: z.boolean().describe('True for the agent that answers'),
    state: NodeState,
    stateAgeMs: ageMs,
    heardAgeMs: ageMs.describe('Milliseconds since anything was heard that proves it was alive'),
    incarnation: z.number(),
    version: z.string(),
    wireVersion: z.number(),
    platform: z.string(),
    addresses: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    roundTripMs: z.number().optional().describe('Last measured round trip from this agent'),
    load: Load.optional(),
    ledger: NodeLedger.optional(),
    drained: z
      .object({ by: z.string(), reason: z.string() })
      .optional()
      .describe('It is given no more work'),
    revoked: z
      .object({ by: z.string(), reason: z.string(), atMs: z.number() })
      .optional()
      .describe('Its key was taken back for good: nothing is taken from it, and nothing given'),
  })
  .describe('One node, as the answering agent sees it')

export const NodeList = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), nodes: z.array(Node) })

/** Mirrors `protocol/ports/telemetry.ts`, with everything a platform may lack left out, not zero. */
export const Sample = z.object({
  takenAtMs: z.number(),
  cpu: z.number().optional(),
  cpuPerCore: z.array(z.number()).optional(),
  load: z.tuple([z.number(), z.number(), z.number()]).optional(),
  memoryTotalBytes: z.number(),
  memoryAvailableBytes: z.number(),
  swapTotalBytes: z.number().optional().describe('Zero on a host without swap'),
  swapUsedBytes: z.number().optional(),
  disks: z.array(
    z.object({
      mount: z.string(),
      totalBytes: z.number(),
      availableBytes: z.number(),
      readBytesPerSecond: z.number().optional(),
      writtenBytesPerSecond: z.number().optional(),
    }),
  ),
  network: z.array(
    z.object({
      interface: z.string(),
      receivedBytesPerSecond: z.number(),
      sentBytesPerSecond: z.number(),
    }),
  ),
  temperatures: z.array(z.object({ sensor: z.string(), celsius: z.number() })),
  pressure: z.object({ cpu: z.number(), memory: z.number(), io: z.number() }).optional(),
  uptimeSeconds: z.number(),
  agent: z.object({
    cpu: z.number().optional(),
    residentBytes: z.number(),
    heapUsedBytes: z.number(),
  }),
})

export const Facts = z.object({
  hostname: z.string(),
  platform: z.string(),
  kernel: z.string(),
  arch: z.string(),
  cpuModel: z.string(),
  cores: z.number(),
  coresUsable: z.number(),
  memoryBytes: z.number(),
  memoryUsableBytes: z.number(),
  kind: z.enum(['container', 'virtual', 'physical', 'unknown']),
})

export const HistoryPoint = z
  .object({
    atMs: z.number().describe('Owner’s calendar time'),
    cpu: z.number().optional(),
    memoryUsedBytes: z.number(),
    diskAvailableBytes: z.number(),
    receivedBytesPerSecond: z.number(),
    sentBytesPerSecond: z.number(),
    load1: z.number().optional(),
    agentCpu: z.number().optional(),
    agentResidentBytes: z.number(),
  })
  .describe('One point of a node’s history: means over the interval that ends at `atMs`')

export const ModuleState = z.enum(['stopped', 'starting', 'ready', 'degraded', 'failed'])

export const Module = z.object({
  name: z.string(),
  priority: z.number(),
  needs: z.array(z.string()),
  state: ModuleState,
  stateAgeMs: ageMs,
  restarts: z.number(),
  why: z.string().optional().describe('Why it is not ready'),
})

export const ModuleList = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  node: z.string(),
  modules: z.array(Module),
})

export const NodeDetail = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  node: Node,
  facts: Facts.optional().describe('Absent when the node does not answer'),
  sample: Sample.optional().describe('Its newest sample, fetched from it just now'),
  sampleAgeMs: ageMs.optional(),
  history: z.array(HistoryPoint).describe('Its last hour, oldest first'),
  modules: z.array(Module),
  refusals: z
    .record(z.string(), z.number())
    .describe('What its network has refused since start, by reason'),
  isolation: z
    .array(
      z.object({
        name: z.enum([
          'memoryBytes',
          'cpuCores',
          'processesMax',
          'noNewPrivileges',
          'ownUser',
          'sandbox',
          'secretFiles',
        ]),
        missing: z.string().optional().describe('Why it is not; absent where it is'),
      }),
    )
    .optional()
    .describe('What it holds stages to'),
  warnings: z
    .array(
      z.object({
        kind: z.enum(warningKinds),
        sinceMs: z.number().describe('By its calendar'),
        text: z.string().describe('What is to be expected, how soon, and how sure that is'),
      }),
    )
    .optional()
    .describe('What it warns of, from how its own figures went'),
  unjudged: z
    .string()
    .optional()
    .describe('What of it cannot be judged yet, and why; absent where all can'),
  speed: z
    .object({
      cpu: z.number().describe('Of one core, as a multiple of what is usual'),
      cpuRoundsPerSecond: z.number(),
      memoryBytesPerSecond: z.number(),
      diskBytesPerSecond: z.number().optional().describe('Written and synced'),
      syncMs: z.number().optional().describe('One small write, until it is safe'),
      measuredMs: z.number().describe('By its calendar'),
    })
    .optional()
    .describe('How quick it is; found out once, minutes after the first start, when it is idle'),
  certificate: z
    .object({
      serial: z.string().describe('Stays the same when it is renewed'),
      roles: z.array(z.string()),
      notAfterMs: z.number().describe('Its end, by the calendar; it is renewed before'),
    })
    .optional()
    .describe('By which it is of the mesh'),
  unanswered: z.string().optional().describe('Why the owner’s part is missing'),
})

export const LedgerStatus = z
  .object({
    leader: z.string().optional().describe('Its name; absent while none is known'),
    role: z.enum(['follower', 'preCandidate', 'candidate', 'leader']),
    term: z.number(),
    voters: z.array(z.string()),
    learners: z.array(z.string()),
    changing: z.boolean().describe('True between two sets of voters'),
    reachable: z.number().describe('Voters that this agent takes for alive'),
    needed: z.number().describe('Voters without whom nothing is decided'),
    commit: z.number(),
    applied: z.number(),
    lastIndex: z.number().describe('The last entry of its log, committed or not'),
    lastTerm: z.number(),
    digest: z.string(),
    diverged: z.array(z.string()).describe('Nodes that hold another state at the same entry'),
    rows: z.number(),
    stateBytes: z.number(),
    logBytes: z.number(),
    snapshotIndex: z.number(),
    version: z.number(),
    recovering: z
      .boolean()
      .describe('Its disk has lost entries; it does not vote until they are back'),
    damage: z.array(z.string()).describe('What was not whole when the disk was opened'),
  })
  .describe('The ledger, as the answering agent sees it')

export const Status = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  mesh: z.object({
    name: z.string(),
    size: z.number().describe('Nodes neither dead nor left'),
    alive: z.number(),
    suspect: z.number(),
    dead: z.number(),
    left: z.number(),
  }),
  agent: z.object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    wireVersion: z.number(),
    incarnation: z.number(),
    uptimeMs: z.number(),
    addresses: z.array(z.string()),
    connections: z.number(),
    loopLagMs: z.number(),
    localHealth: z.number(),
    sentBytes: z.number(),
    receivedBytes: z.number(),
    dataDirectory: z.string(),
  }),
  ledger: LedgerStatus.optional().describe('Absent while it is stopped'),
  nodes: z.array(Node),
  modules: z.array(Module),
  stops: z.array(z.string()).describe('Emergency stops in force, in words'),
})

export const HealthCheck = z.object({
  check: z
    .string()
    .describe('What was looked at, e.g. `node n3`, `module telemetry`, `disk`, `clock`'),
  state: z.enum(['ok', 'degraded', 'failed']),
  ageMs,
  cause: z.string().optional().describe('Of a check that is `ok`: a warning'),
  remedy: z.string().optional(),
})

export const Health = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  state: z.enum(['ok', 'degraded', 'failed']).describe('The worst of the checks'),
  checks: z.array(HealthCheck),
})

export const MeshEvent = z
  .object({
    seq: z.number().describe('Grows by one for each event of this agent; resume with `since`'),
    atMs: z.number().describe('Calendar time at the agent that saw it'),
    kind: z
      .string()
      .describe('e.g. `node.alive`, `node.suspect`, `node.dead`, `node.left`, `module.failed`'),
    node: z.string().optional().describe('Id of the node it is about'),
    name: z.string().optional().describe('Its name'),
    text: z.string().describe('One line for people'),
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .describe('Something that happened, as the answering agent saw it')

export const ApiError = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  error: z.object({
    code: z.string().describe('Stable; see the README of coordinator/api'),
    why: z.string(),
    fix: z.string(),
    mistakes: z
      .array(z.object({ where: z.string(), why: z.string() }))
      .optional()
      .describe(
        'Each thing wrong with the request, where there are any; `why` above says them all',
      ),
    id: z.string().optional().describe('For `internal`: the id of the line in the agent’s log'),
  }),
})

export const LabelChange = z
  .strictObject({
    set: z.record(z.string(), z.string()).default({}),
    remove: z.array(z.string()).default([]),
  })
  .meta({ examples: [{ set: { zone: 'north' }, remove: ['retired'] }] })

export const Voting = z
  .strictObject({
    votes: z
      .enum(['auto', 'never'])
      .describe('`auto`: the mesh decides; `never`: it hands its vote to another'),
  })
  .meta({ examples: [{ votes: 'never' }] })

export const Drain = z
  .strictObject({
    drained: z.boolean().describe('True: it is given no more work; what runs there ends'),
    reason: z.string().max(200).default(''),
  })
  .meta({ examples: [{ drained: true, reason: 'new disk' }] })

export const RevokeNode = z
  .strictObject({ reason: z.string().min(1).max(200) })
  .meta({ examples: [{ reason: 'stolen' }] })

export const RevokedNode = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  id: z.string(),
  name: z.string(),
  hadSecretsKey: z
    .boolean()
    .default(false)
    .describe('It voted and could open secrets: another key takes the place of that one by itself'),
})

export const Done = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), done: z.literal(true) })

export const Labelled = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), node: Node })

export type Node = z.infer<typeof Node>
export type NodeState = z.infer<typeof NodeState>
export type NodeLedger = z.infer<typeof NodeLedger>
export type LedgerStatus = z.infer<typeof LedgerStatus>
export type Load = z.infer<typeof Load>
export type Sample = z.infer<typeof Sample>
export type Facts = z.infer<typeof Facts>
export type HistoryPoint = z.infer<typeof HistoryPoint>
export type Module = z.infer<typeof Module>
export type ModuleState = z.infer<typeof ModuleState>
export type ModuleList = z.infer<typeof ModuleList>
export type NodeDetail = z.infer<typeof NodeDetail>
export type NodeList = z.infer<typeof NodeList>
export type Status = z.infer<typeof Status>
export type Health = z.infer<typeof Health>
export type HealthCheck = z.infer<typeof HealthCheck>
export type MeshEvent = z.infer<typeof MeshEvent>
export type ApiError = z.infer<typeof ApiError>
export type LabelChange = z.infer<typeof LabelChange>
