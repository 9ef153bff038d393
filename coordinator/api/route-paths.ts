/** Method and path of each route, apart from its schemas: all that a client must load. */
export const routePaths = {
  status: { method: 'GET', path: '/api/v1/status' },
  nodes: { method: 'GET', path: '/api/v1/nodes' },
  node: { method: 'GET', path: '/api/v1/nodes/{node}' },
  labels: { method: 'PUT', path: '/api/v1/nodes/{node}/labels' },
  voting: { method: 'PUT', path: '/api/v1/nodes/{node}/voting' },
  modules: { method: 'GET', path: '/api/v1/nodes/{node}/modules' },
  startModule: { method: 'POST', path: '/api/v1/nodes/{node}/modules/{module}/start' },
  stopModule: { method: 'POST', path: '/api/v1/nodes/{node}/modules/{module}/stop' },
  health: { method: 'GET', path: '/api/v1/health' },
  events: { method: 'GET', path: '/api/v1/events' },
  leave: { method: 'POST', path: '/api/v1/agent/leave' },
} as const

/** Values for each `{name}` of a path. */
export function filledPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
}
