/** What a stop is meant for: the whole mesh, the hosts with a label, or one run wherever it is. */
import { estopLimits } from './limits.ts'

export type StopScope =
  | { kind: 'mesh' }
  | { kind: 'label'; key: string; value: string }
  | { kind: 'run'; run: string }

/** Strict first. `kill`: what runs in scope is killed. `drain`: it may end. Nothing begins in either. */
export const stopModes = ['kill', 'drain'] as const
export type StopMode = (typeof stopModes)[number]

export function scopeText(scope: StopScope): string {
  if (scope.kind === 'mesh') return 'mesh'
  return scope.kind === 'run' ? `run:${scope.run}` : `label:${scope.key}=${scope.value}`
}

export function parseScope(text: string): StopScope | undefined {
  if (Buffer.byteLength(text) > estopLimits.scopeBytesMax) return undefined
  if (text === 'mesh') return { kind: 'mesh' }
  if (text.startsWith('run:')) {
    const run = text.slice('run:'.length)
    return run === '' ? undefined : { kind: 'run', run }
  }
  if (!text.startsWith('label:')) return undefined
  const pair = text.slice('label:'.length)
  const at = pair.indexOf('=')
  return at < 1 ? undefined : { kind: 'label', key: pair.slice(0, at), value: pair.slice(at + 1) }
}

export interface Place {
  /** Of the host. */
  labels: Readonly<Record<string, string>>
  /** Undefined for the host as such. */
  run?: string
}

/** Whether work of that run on that host is meant. */
export function isInScope(scope: StopScope, { labels, run }: Place): boolean {
  switch (scope.kind) {
    case 'mesh':
      return true
    case 'label':
      return Object.hasOwn(labels, scope.key) && labels[scope.key] === scope.value
    case 'run':
      return run === scope.run
  }
}
