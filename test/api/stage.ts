/** An API without an agent behind it: handlers that answer from samples, and ways to ask them. */

import { dispatch, type Handlers, type OnFault } from '../../coordinator/api/dispatch.ts'
import type { ApiReply, ApiRequest } from '../../coordinator/api/exchange.ts'
import type { Planned } from '../../coordinator/api/plan-schemas.ts'
import type { RouteResponse } from '../../coordinator/api/routes.ts'
import type {
  Explanation,
  LogPart,
  Run,
  RunDetail,
  RunNews,
} from '../../coordinator/api/run-schemas.ts'
import type { MeshEvent, Module, Node, Status } from '../../coordinator/api/schemas.ts'
import type { ExportLine } from '../../coordinator/audit/export-lines.ts'
import { usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { openDoor } from './doors.ts'

export function sampleNode(i: number, self = false): Node {
  return {
    id: `12D3KooW${String(i).padStart(4, '0')}`,
    name: `n${i}`,
    self,
    state: 'alive',
    stateAgeMs: 1_000,
    heardAgeMs: 20,
    incarnation: 1,
    version: '0.1.0',
    wireVersion: 1,
    platform: 'linux',
    addresses: [`/ip4/10.0.0.${i % 250}/tcp/4130`],
    labels: { zone: 'north' },
    load: {
      ageMs: 900,
      stale: false,
      cpu: 0.2,
      cores: 4,
      memoryTotalBytes: 8e9,
      memoryUsedBytes: 4e9,
      swapUsedBytes: 0,
      diskTotalBytes: 1e12,
      diskAvailableBytes: 5e11,
      receivedBytesPerSecond: 10,
      sentBytesPerSecond: 12,
      agentResidentBytes: 1e8,
      loopLagMs: 1,
      localHealth: 0,
      runningAttempts: 0,
    },
  }
}

export const sampleModule: Module = {
  name: 'telemetry',
  priority: 1,
  needs: [],
  state: 'ready',
  stateAgeMs: 5,
  restarts: 0,
}

export function sampleStatus(nodes: number): Status {
  return {
    schemaVersion: 1,
    mesh: { name: 'm', size: nodes, alive: nodes, suspect: 0, dead: 0, left: 0 },
    agent: {
      id: '12D3KooW0001',
      name: 'n1',
      version: '0.1.0',
      wireVersion: 1,
      incarnation: 1,
      uptimeMs: 1,
      addresses: [],
      connections: 4,
      loopLagMs: 1,
      localHealth: 0,
      sentBytes: 1,
      receivedBytes: 1,
      dataDirectory: '/var/lib/skein',
    },
    nodes: Array.from({ length: nodes }, (_, i) => sampleNode(i + 1, i === 0)),
    stops: [],
    modules: [sampleModule],
  }
}

export function sampleEvent(seq: number): MeshEvent {
  return { seq, atMs: seq, kind: 'node.alive', node: 'n1', text: `event ${seq}`, fields: {} }
}

async function* sampleEvents(count: number): AsyncGenerator<MeshEvent> {
  for (let seq = 1; seq <= count; seq++) yield sampleEvent(seq)
}

const samplePlan: Planned = {
  schemaVersion: 1,
  agent: 'n1',
  hash: '0',
  workflow: { name: 'w', hash: '0', stages: 0 },
  policy: 'balanced',
  stages: [],
  widths: [],
  tracks: [],
  criticalPath: { stages: [], basis: 'length' },
  expected: { untimed: [], untimedUntold: 0 },
  kinds: [],
  kindsUntold: 0,
  hosts: [],
  secrets: [],
  secretsMissing: [],
  hints: [],
  hintsUntold: 0,
}

const sampleRun: Run = {
  id: '7k3m9q2xab',
  name: 'w',
  workflow: '0',
  state: 'running',
  stopping: 'none',
  by: 'ada',
  startedMs: 1,
  labels: {},
}

const sampleDetail: RunDetail = {
  schemaVersion: 1,
  run: sampleRun,
  inputs: {},
  planHash: '0',
  stale: false,
  stages: [],
}

async function* sampleNews(): AsyncGenerator<RunNews> {
  yield { schemaVersion: 1, run: sampleRun, stages: [] }
}

async function* sampleLog(): AsyncGenerator<LogPart> {
  yield { schemaVersion: 1, stage: 'a', attempt: 1, nodeName: 'n1', text: 'hello' }
}

const sampleExplanation: Explanation = {
  schemaVersion: 1,
  run: sampleRun.id,
  phase: 'stages',
  stages: [],
  more: 0,
}

const sampleVerdict = {
  entries: 0,
  first: 0,
  last: 0,
  findings: [],
  upheldTo: 0,
  upheldBy: [],
}

async function* sampleExport(): AsyncGenerator<ExportLine> {
  const mark = { sequence: 0, hash: '0'.repeat(64) }
  yield { schemaVersion: 1, kind: 'begin', mesh: 'm', by: 'n1', after: mark, head: mark }
}

const sampleKeys: RouteResponse<'keys'> = {
  schemaVersion: 1,
  mesh: '0',
  issuers: [],
  byRoot: [],
  unseen: [],
}

const sampleVersion: RouteResponse<'model'>['version'] = {
  ...{ hash: '0'.repeat(64), kind: 'duration', family: 'net', state: 'shadow' },
  ...{ sinceMs: 1, why: 'voted for' },
  ...{ parents: [], madeMs: 1, hosts: 3, rows: 100, head: true },
}

const sampleToken = {
  id: 'ab'.repeat(16),
  role: 'agent',
  labels: { zone: 'north' },
  uses: 2,
  usesLeft: 1,
  expiresMs: 2,
  by: 'ada',
  atMs: 1,
  state: 'good',
  hosts: [{ id: 'p', name: 'edge-1', serial: 'cd'.repeat(16), atMs: 2 }],
} as const
const shownToken = { ...sampleToken, hosts: [...sampleToken.hosts] }
const madeToken = {
  schemaVersion: 1,
  token: shownToken,
  mesh: 'ef'.repeat(32),
  addresses: [],
  swarmKey: 'AAAA',
} as const

const sampleChange = {
  ...{ schemaVersion: 1 as const, version: 1, changed: true, set: [], unset: [] },
  ...{ tookMs: 9, hosts: [] },
}

export const sampleHandlers: Handlers = {
  startRun: () => ({ schemaVersion: 1, run: sampleRun, began: true }),
  runs: () => ({ schemaVersion: 1, runs: [sampleRun], stale: false }),
  run: () => sampleDetail,
  watchRun: () => sampleNews(),
  runLogs: () => sampleLog(),
  explainRun: () => sampleExplanation,
  reasons: () => sampleExplanation,
  attemptLog: () => ({
    schemaVersion: 1,
    known: true,
    parts: [{ text: 'hello' }],
    missing: 0,
    next: 5,
    ended: true,
  }),
  runArtifacts: () => ({ schemaVersion: 1, run: sampleRun.id, lists: [] }),
  revokeNode: () => ({ schemaVersion: 1, id: 'n1', name: 'n1', hadSecretsKey: false }),
  hostHistory: () => ({
    schemaVersion: 1,
    node: 'n1',
    attempts: 0,
    lost: 0,
    kinds: [],
    more: 0,
  }),
  purgeHistory: () => ({ schemaVersion: 1, node: 'n1', purged: 1, left: 0 }),
  models: () => ({ schemaVersion: 1, versions: [] }),
  model: () => ({
    ...{ schemaVersion: 1, version: sampleVersion, features: [], hidden: [48], numbers: 3_747 },
    hosts: [],
  }),
  explainWork: () => ({ schemaVersion: 1, stage: 'build', workflow: 'w', task: 't', hosts: [] }),
  rollBackModel: () => ({ schemaVersion: 1, was: '0'.repeat(64), done: true }),
  federation: () => ({
    schemaVersion: 1,
    settings: usualSettings,
    seen: 0,
    awaited: 0,
    suspects: [],
    kept: 0,
  }),
  federatedRounds: () => ({ schemaVersion: 1, rounds: [] }),
  askForRounds: () => ({ schemaVersion: 1, after: 0, count: 1 }),
  stopRounds: () => ({ schemaVersion: 1, awaited: 1, done: true, everyMs: 0 }),
  configureFederation: () => ({ schemaVersion: 1, settings: usualSettings }),
  meshConfig: () => ({ schemaVersion: 1, version: 0, keys: [], hosts: [] }),
  nodeConfig: () => ({ schemaVersion: 1, node: 'n1', version: 0, keys: [], left: [] }),
  configVersions: () => ({ schemaVersion: 1, versions: [] }),
  setConfig: () => sampleChange,
  rollBackConfig: () => sampleChange,
  users: () => ({ schemaVersion: 1, users: [] }),
  keys: () => sampleKeys,
  issuingReception: () => ({ schemaVersion: 1, credential: 'CgA', sealing: 'AA', signature: 'AA' }),
  rotateIssuer: () => sampleKeys,
  retireIssuer: () => sampleKeys,
  renewUser: () => ({ schemaVersion: 1, credential: 'CgA' }),
  rotateSwarmKey: () => ({ schemaVersion: 1, was: 0 }),
  copySwarmKey: () => ({ schemaVersion: 1, sealed: 'AAAA' }),
  finishSwarmKey: () => ({ schemaVersion: 1, madeMs: 1 }),
  rotateSecretsKey: () => ({ schemaVersion: 1, was: '0' }),
  addUser: () => ({ schemaVersion: 1, users: [] }),
  revokeUser: () => ({ schemaVersion: 1, users: [] }),
  secrets: () => ({
    schemaVersion: 1,
    secrets: [{ name: 'token', by: 'ada', atMs: 1, resealed: false }],
  }),
  setSecret: () => ({ schemaVersion: 1, done: true }),
  removeSecret: () => ({ schemaVersion: 1, done: true }),
  tokens: () => ({ schemaVersion: 1, tokens: [shownToken] }),
  createToken: () => ({ ...madeToken, addresses: [] }),
  createCoordinatorToken: () => ({ ...madeToken, addresses: [] }),
  revokeToken: () => ({ schemaVersion: 1, token: shownToken }),
  audit: () => ({ schemaVersion: 1, entries: [], kept: 1 }),
  auditExport: () => sampleExport(),
  auditCheck: () => ({ schemaVersion: 1, whole: true, checks: [] }),
  auditStanding: () => ({ schemaVersion: 1, node: 'n1', verdict: sampleVerdict, heads: [] }),
  artifactFiles: () => ({ schemaVersion: 1, known: false, files: [] }),
  artifactPiece: () => ({ schemaVersion: 1, known: true, base64: 'aGVsbG8=' }),
  cancelRun: () => ({ schemaVersion: 1, done: true }),
  killRun: () => ({ schemaVersion: 1, done: true }),
  retryRun: () => ({ schemaVersion: 1, run: sampleRun, began: true }),
  voteRun: () => ({ schemaVersion: 1, done: true }),
  signal: () => ({ schemaVersion: 1, done: true }),
  publishWorkflow: () => ({ schemaVersion: 1, workflows: [{ name: 'w', hash: '0' }] }),
  workflows: () => ({ schemaVersion: 1, workflows: [] }),
  estop: () => ({
    schemaVersion: 1,
    mesh: '0',
    inForce: [],
    next: { scope: 'mesh', epoch: 1, covers: [], floor: 0 },
    proposals: [],
    nodes: [],
  }),
  sayStop: () => ({ schemaVersion: 1, word: '0', outcome: 'news' as const }),
  status: () => sampleStatus(5),
  nodes: () => ({ schemaVersion: 1, nodes: [sampleNode(1, true)] }),
  node: () => ({
    schemaVersion: 1,
    node: sampleNode(1, true),
    history: [],
    modules: [],
    refusals: {},
  }),
  labels: () => ({ schemaVersion: 1, node: sampleNode(1, true) }),
  voting: () => ({ schemaVersion: 1, node: sampleNode(1, true) }),
  drain: () => ({ schemaVersion: 1, node: sampleNode(1, true) }),
  modules: () => ({ schemaVersion: 1, node: 'n1', modules: [sampleModule] }),
  startModule: () => ({ schemaVersion: 1, node: 'n1', modules: [sampleModule] }),
  stopModule: () => ({ schemaVersion: 1, node: 'n1', modules: [sampleModule] }),
  health: () => ({ schemaVersion: 1, state: 'ok', checks: [] }),
  events: ({ query }) => sampleEvents(query.last),
  plan: () => samplePlan,
  leave: () => ({ schemaVersion: 1, done: true }),
}

export interface Fault {
  error: unknown
  path: string
  faultId: string
}

export interface AskOptions {
  handlers?: Partial<Handlers>
  signal?: AbortSignal
  faults?: Fault[]
}

/** `url` is path and query; a body that is no text is sent as JSON. */
export function ask(
  method: string,
  url: string,
  body?: unknown,
  options: AskOptions = {},
): Promise<ApiReply> {
  const { handlers = {}, signal = new AbortController().signal, faults } = options
  const onFault: OnFault = (error, path, faultId) => {
    if (faults === undefined) throw error
    faults.push({ error, path, faultId })
  }
  return dispatch(
    requestOf(method, url, body),
    { ...sampleHandlers, ...handlers },
    openDoor(),
    signal,
    onFault,
  )
}

export function requestOf(method: string, url: string, body?: unknown): ApiRequest {
  const [path, query = ''] = url.split('?')
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return { method, path: path!, query, headers: {}, body: new TextEncoder().encode(text) }
}

/** The document of a reply that is no stream. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of all kinds
export function documentOf({ body }: ApiReply): any {
  if (!(body instanceof Uint8Array)) throw new Error('a document was expected, not a stream')
  return JSON.parse(new TextDecoder().decode(body))
}

export function piecesOf({ body }: ApiReply): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) throw new Error('a stream was expected, not a document')
  return body
}

export const silent: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
}
