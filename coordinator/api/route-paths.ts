/**
 * Method and path of each route, and the verb that whoever asks must be allowed, apart from its
 * schemas: all that a client must load.
 */
import { type VerbName, verbs } from '../../protocol/identity/verbs.ts'

export interface RoutePath {
  method: 'GET' | 'PUT' | 'POST'
  /** `{name}` marks a parameter. */
  path: `/api/v1/${string}`
  verb: VerbName
  /** Waits for no disk: what it carries is signed, and does nothing when it is brought again. */
  isAtOnce?: true
}

export const routePaths = {
  status: { method: 'GET', path: '/api/v1/status', verb: 'mesh.look' },
  nodes: { method: 'GET', path: '/api/v1/nodes', verb: 'mesh.look' },
  node: { method: 'GET', path: '/api/v1/nodes/{node}', verb: 'mesh.look' },
  labels: { method: 'PUT', path: '/api/v1/nodes/{node}/labels', verb: 'node.label' },
  voting: { method: 'PUT', path: '/api/v1/nodes/{node}/voting', verb: 'node.vote' },
  drain: { method: 'PUT', path: '/api/v1/nodes/{node}/drain', verb: 'node.drain' },
  revokeNode: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/revoke',
    verb: 'certificate.revoke',
  },
  modules: { method: 'GET', path: '/api/v1/nodes/{node}/modules', verb: 'mesh.look' },
  startModule: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/modules/{module}/start',
    verb: 'module.start',
  },
  stopModule: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/modules/{module}/stop',
    verb: 'module.stop',
  },
  attemptLog: { method: 'GET', path: '/api/v1/nodes/{node}/log', verb: 'work.look' },
  artifactFiles: {
    method: 'GET',
    path: '/api/v1/nodes/{node}/artifacts/{manifest}',
    verb: 'work.look',
  },
  artifactPiece: {
    method: 'GET',
    path: '/api/v1/nodes/{node}/contents/{content}',
    verb: 'work.look',
  },
  reasons: { method: 'GET', path: '/api/v1/nodes/{node}/reasons', verb: 'work.look' },
  auditStanding: { method: 'GET', path: '/api/v1/nodes/{node}/audit', verb: 'audit.look' },
  audit: { method: 'GET', path: '/api/v1/audit', verb: 'audit.look' },
  auditExport: { method: 'GET', path: '/api/v1/audit/export', verb: 'audit.look' },
  auditCheck: { method: 'GET', path: '/api/v1/audit/check', verb: 'audit.look' },
  secrets: { method: 'GET', path: '/api/v1/secrets', verb: 'work.look' },
  setSecret: { method: 'PUT', path: '/api/v1/secrets/{secret}', verb: 'secret.set' },
  removeSecret: { method: 'POST', path: '/api/v1/secrets/{secret}/remove', verb: 'secret.remove' },
  hostHistory: { method: 'GET', path: '/api/v1/nodes/{node}/history', verb: 'work.look' },
  purgeHistory: {
    method: 'POST',
    path: '/api/v1/nodes/{node}/history/purge',
    verb: 'history.purge',
  },
  models: { method: 'GET', path: '/api/v1/models', verb: 'work.look' },
  explainWork: { method: 'GET', path: '/api/v1/models/explanation', verb: 'work.look' },
  rollBackModel: { method: 'POST', path: '/api/v1/models/rollback', verb: 'model.rollback' },
  model: { method: 'GET', path: '/api/v1/models/{version}', verb: 'work.look' },
  federation: { method: 'GET', path: '/api/v1/federation', verb: 'work.look' },
  federatedRounds: { method: 'GET', path: '/api/v1/federation/rounds', verb: 'work.look' },
  askForRounds: { method: 'POST', path: '/api/v1/federation/rounds', verb: 'federate.round' },
  stopRounds: { method: 'POST', path: '/api/v1/federation/stop', verb: 'federate.stop' },
  configureFederation: {
    method: 'PUT',
    path: '/api/v1/federation/config',
    verb: 'federate.config',
  },
  meshConfig: { method: 'GET', path: '/api/v1/config', verb: 'mesh.look' },
  nodeConfig: { method: 'GET', path: '/api/v1/nodes/{node}/config', verb: 'mesh.look' },
  configVersions: { method: 'GET', path: '/api/v1/config/versions', verb: 'mesh.look' },
  setConfig: { method: 'PUT', path: '/api/v1/config', verb: 'config.set' },
  rollBackConfig: { method: 'POST', path: '/api/v1/config/rollback', verb: 'config.set' },
  health: { method: 'GET', path: '/api/v1/health', verb: 'mesh.look' },
  events: { method: 'GET', path: '/api/v1/events', verb: 'mesh.look' },
  startRun: { method: 'POST', path: '/api/v1/runs', verb: 'run.start' },
  runs: { method: 'GET', path: '/api/v1/runs', verb: 'work.look' },
  run: { method: 'GET', path: '/api/v1/runs/{run}', verb: 'work.look' },
  watchRun: { method: 'GET', path: '/api/v1/runs/{run}/watch', verb: 'work.look' },
  runLogs: { method: 'GET', path: '/api/v1/runs/{run}/logs', verb: 'work.look' },
  explainRun: { method: 'GET', path: '/api/v1/runs/{run}/explain', verb: 'work.look' },
  runArtifacts: { method: 'GET', path: '/api/v1/runs/{run}/artifacts', verb: 'work.look' },
  cancelRun: { method: 'POST', path: '/api/v1/runs/{run}/cancel', verb: 'run.cancel' },
  killRun: { method: 'POST', path: '/api/v1/runs/{run}/kill', verb: 'run.kill' },
  retryRun: { method: 'POST', path: '/api/v1/runs/{run}/retry', verb: 'run.retry' },
  voteRun: { method: 'POST', path: '/api/v1/runs/{run}/votes', verb: 'run.vote' },
  signal: { method: 'POST', path: '/api/v1/signals', verb: 'signal.send' },
  publishWorkflow: { method: 'POST', path: '/api/v1/workflows', verb: 'workflow.publish' },
  workflows: { method: 'GET', path: '/api/v1/workflows', verb: 'work.look' },
  plan: { method: 'POST', path: '/api/v1/plans', verb: 'work.look' },
  estop: { method: 'GET', path: '/api/v1/estop', verb: 'mesh.look' },
  sayStop: {
    method: 'POST',
    path: '/api/v1/estop/words',
    verb: 'estop.raise',
    isAtOnce: true,
  },
  keys: { method: 'GET', path: '/api/v1/keys', verb: 'mesh.look' },
  issuingReception: {
    method: 'GET',
    path: '/api/v1/nodes/{node}/issuing-key',
    verb: 'mesh.look',
  },
  rotateIssuer: { method: 'PUT', path: '/api/v1/nodes/{node}/issuing-key', verb: 'issuer.rotate' },
  retireIssuer: {
    method: 'POST',
    path: '/api/v1/keys/issuing/{serial}/retire',
    verb: 'issuer.retire',
  },
  renewUser: { method: 'POST', path: '/api/v1/nodes/{node}/renewals', verb: 'user.renew' },
  rotateSwarmKey: { method: 'POST', path: '/api/v1/keys/swarm/rotate', verb: 'swarm.rotate' },
  copySwarmKey: { method: 'POST', path: '/api/v1/keys/swarm/copy', verb: 'swarm.rotate' },
  finishSwarmKey: { method: 'POST', path: '/api/v1/keys/swarm/finish', verb: 'swarm.rotate' },
  rotateSecretsKey: { method: 'POST', path: '/api/v1/keys/secrets/rotate', verb: 'secret.rotate' },
  users: { method: 'GET', path: '/api/v1/users', verb: 'mesh.look' },
  addUser: { method: 'POST', path: '/api/v1/users', verb: 'user.add' },
  revokeUser: { method: 'POST', path: '/api/v1/users/{user}/revoke', verb: 'user.revoke' },
  tokens: { method: 'GET', path: '/api/v1/tokens', verb: 'mesh.look' },
  createToken: { method: 'POST', path: '/api/v1/tokens', verb: 'token.create' },
  createCoordinatorToken: {
    method: 'POST',
    path: '/api/v1/tokens/coordinators',
    verb: 'token.coordinator',
  },
  revokeToken: { method: 'POST', path: '/api/v1/tokens/{token}/revoke', verb: 'token.revoke' },
  leave: { method: 'POST', path: '/api/v1/agent/leave', verb: 'node.leave' },
} as const satisfies Readonly<Record<string, RoutePath>>

/** Values for each `{name}` of a path. */
export function filledPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
}

/** Whether it comes as a signed command, once. */
export function acts({ verb }: Pick<RoutePath, 'verb'>): boolean {
  return verbs[verb].acts
}

/** What a signed command says that it is done to. */
export function objectOf(parameters: Readonly<Record<string, string>>): string {
  return Object.values(parameters).join('/')
}
