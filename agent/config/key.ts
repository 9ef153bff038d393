/** What one key of a configuration is: its kind, its meaning, its default, and who may set it. */
import type { Kind } from './kind.ts'

/** What a default may be found out from. */
export interface Basis {
  env: Readonly<Record<string, string | undefined>>
  host: Host
}

/** What the agent's process knows of its host and its user. */
export interface Host {
  name: string
  /** True when the agent runs as root. */
  superuser: boolean
}

/** Written as a person would write it and read by the same rules; `[]` for an empty list or map, '' for none. */
export type Default = string | readonly [] | Derived | BelowDataDirectory

export interface Derived {
  /** How the reference puts it. */
  shown: string
  /** Undefined when the basis does not tell; then the key must be set. */
  from(basis: Basis): string | undefined
}

export interface BelowDataDirectory {
  fileName: string
  /**
   * A key of text that is declared before. Where it is set, `<dataDirectory>-fileName` beside the
   * data directory instead.
   */
  besideWith?: string
}

/** Who may set a key: each host for itself alone, or also somebody for the whole mesh. */
export type Rule = HostRule | MeshRule

export interface HostRule {
  readonly scope: 'host'
  /** Why nobody sets it for all: a clause. */
  readonly because: string
}

export interface MeshRule {
  readonly scope: 'mesh'
  /** `live`: a running agent obeys a new value at once. `restart`: when it starts the next time. */
  readonly applies: 'live' | 'restart'
}

export interface Key<K extends Kind, R extends Rule = Rule> {
  readonly kind: K
  readonly about: string
  readonly default: Default
  readonly rule: R
}

export function key<K extends Kind, R extends Rule>(
  kind: K,
  fallback: Default,
  about: string,
  rule: R,
): Key<K, R> {
  return { kind, default: fallback, about, rule }
}

export const live = { scope: 'mesh', applies: 'live' } as const
export const atStart = { scope: 'mesh', applies: 'restart' } as const

export function own(because: string): HostRule {
  return { scope: 'host', because }
}
