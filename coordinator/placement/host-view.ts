/**
 * A host as whoever places work sees it: what it is, how it fares, and what is set aside there for
 * attempts. Facts are replaced whole when news comes; what is set aside changes in place, by one
 * attempt at a time (`hosts.ts`).
 */
import type { MemberState } from '../../protocol/membership/roster.ts'

export interface HostView extends HostFacts {
  /** By whoever places: exact at the leader, and never gossiped. */
  readonly setAside: Readonly<SetAside>
}

export interface HostFacts {
  readonly id: string
  readonly name: string
  /** Its own, what operators have laid over them, and beneath both `os` and `arch`. */
  readonly labels: Readonly<Record<string, string>>
  readonly state: MemberState
  /** Absent: it takes work. */
  readonly drained?: { readonly by: string; readonly reason: string }
  /** False until it has told what it is: then nothing of the rest is believed. */
  readonly isKnown: boolean
  readonly os?: string
  readonly arch?: string
  /** Of its agent. */
  readonly version: string
  /** What its agent may use. */
  readonly cores: number
  readonly memoryBytes: number
  /** File system of its data directory. Absent: it has not told. */
  readonly disk?: { readonly totalBytes: number; readonly availableBytes: number }
  /** Whatever else it has a number of. */
  readonly custom: Readonly<Record<string, number>>
  /** What its agent can do beyond the ordinary (`features`). Absent: it has not told. */
  readonly features?: readonly string[]
  /** Why there is no sandbox for stages that ask for one. Absent: there is, or it has not told. */
  readonly noSandbox?: string
  /** Why stages cannot have secrets as files there. Absent: they can, or it has not told. */
  readonly noSecretFiles?: string
  /** Attempts that it takes at once. */
  readonly attemptsMax: number
  readonly load?: HostLoad
}

/** Gossiped, and as old as it says. */
export interface HostLoad {
  /** Busy share of all its cores, 0 to 1. Absent where the platform does not tell. */
  readonly cpu?: number
  /** Used share of its memory, 0 to 1. */
  readonly memory?: number
  readonly ageMs: number
  /** How often it means to tell. */
  readonly intervalMs: number
}

export interface SetAside {
  attempts: number
  /** Cores. */
  cpu: number
  memoryBytes: number
  diskBytes: number
  readonly custom: Map<string, number>
}

/** Names in `HostFacts.features`. */
export const features = {
  container: 'container',
  sandbox: 'sandbox',
  secretFiles: 'secrets as files',
} as const
