/** Method and path of each route, apart from its schemas: all that a client must load. */
export const routePaths = {
  status: { method: 'GET', path: '/api/v1/status' },
  nodes: { method: 'GET', path: '/api/v1/nodes' },
  node: { method: 'GET', path: '/api/v1/nodes/{node}' },
  labels: { method: 'PUT', path: '/api/v1/nodes/{node}/labels' },
  voting: { method: 'PUT', path: '/api/v1/nodes/{node}/voting' },
  drain: { method: 'PUT', path: '/api/v1/nodes/{node}/drain' },
  modules: { method: 'GET', path: '/api/v1/nodes/{node}/modules' },
  startModule: { method: 'POST', path: '/api/v1/nodes/{node}/modules/{module}/start' },
  stopModule: { method: 'POST', path: '/api/v1/nodes/{node}/modules/{module}/stop' },
  attemptLog: { method: 'GET', path: '/api/v1/nodes/{node}/log' },
  artifactFiles: { method: 'GET', path: '/api/v1/nodes/{node}/artifacts/{manifest}' },
  artifactPiece: { method: 'GET', path: '/api/v1/nodes/{node}/contents/{content}' },
  reasons: { method: 'GET', path: '/api/v1/nodes/{node}/reasons' },
  health: { method: 'GET', path: '/api/v1/health' },
  events: { method: 'GET', path: '/api/v1/events' },
  startRun: { method: 'POST', path: '/api/v1/runs' },
  runs: { method: 'GET', path: '/api/v1/runs' },
  run: { method: 'GET', path: '/api/v1/runs/{run}' },
  watchRun: { method: 'GET', path: '/api/v1/runs/{run}/watch' },
  runLogs: { method: 'GET', path: '/api/v1/runs/{run}/logs' },
  explainRun: { method: 'GET', path: '/api/v1/runs/{run}/explain' },
  runArtifacts: { method: 'GET', path: '/api/v1/runs/{run}/artifacts' },
  stopRun: { method: 'POST', path: '/api/v1/runs/{run}/stop' },
  retryRun: { method: 'POST', path: '/api/v1/runs/{run}/retry' },
  voteRun: { method: 'POST', path: '/api/v1/runs/{run}/votes' },
  signal: { method: 'POST', path: '/api/v1/signals' },
  publishWorkflow: { method: 'POST', path: '/api/v1/workflows' },
  workflows: { method: 'GET', path: '/api/v1/workflows' },
  plan: { method: 'POST', path: '/api/v1/plans' },
  leave: { method: 'POST', path: '/api/v1/agent/leave' },
} as const

/** Values for each `{name}` of a path. */
export function filledPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
}
