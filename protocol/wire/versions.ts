/**
 * Which language two peers speak. Each side opens every stream with `Hello`; both then speak the
 * newest version that both know. Within a version schemas only grow (see schema.ts); a new version
 * is for what growth cannot express, and the one before stays spoken for a release.
 */
import { assert } from '../assert.ts'
import { agentVersionBytesMax, meshIdBytesMax, nodeNameBytesMax } from './limits.ts'
import { field, type Infer, message, optional, text, uint } from './schema.ts'

/** The newest version that this agent speaks, and the oldest. */
export const WIRE_VERSION = 1
export const OLDEST_WIRE_VERSION = 1

assert(OLDEST_WIRE_VERSION >= 1, 'versions must count from 1')
assert(OLDEST_WIRE_VERSION <= WIRE_VERSION, 'the oldest version must not be newer than the newest')

/** The first frame of each side on every stream. Every version must be able to read it. */
export const Hello = message('Hello', {
  oldest: field(1, uint()),
  newest: field(2, uint()),
  /** The agent's release, for people. */
  agent: field(3, text(agentVersionBytesMax)),
  node: field(4, text(nodeNameBytesMax)),
  /** The mesh that the sender belongs to. */
  mesh: optional(5, text(meshIdBytesMax)),
})
export type Hello = Infer<typeof Hello>

export type VersionMismatch = 'peerTooOld' | 'peerTooNew' | 'badRange' | 'otherMesh'

export type Agreement = { ok: true; version: number } | { ok: false; why: VersionMismatch }

/** The same answer on both sides, but for the names of who is too old. */
export function agree(ours: Hello, theirs: Hello): Agreement {
  if (theirs.oldest < 1 || theirs.oldest > theirs.newest) return { ok: false, why: 'badRange' }
  if (ours.mesh !== undefined && theirs.mesh !== undefined && ours.mesh !== theirs.mesh) {
    return { ok: false, why: 'otherMesh' }
  }
  if (theirs.newest < ours.oldest) return { ok: false, why: 'peerTooOld' }
  if (theirs.oldest > ours.newest) return { ok: false, why: 'peerTooNew' }
  return { ok: true, version: Math.min(ours.newest, theirs.newest) }
}

/** How this agent opens its streams. */
export function helloOf(agent: string, node: string, mesh?: string): Hello {
  const hello = { oldest: OLDEST_WIRE_VERSION, newest: WIRE_VERSION, agent, node }
  return mesh === undefined ? hello : { ...hello, mesh }
}
