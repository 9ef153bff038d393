/**
 * What subscribers hear: one event for each thing that changed, numbered by the entry that changed
 * it and its place within. What changed nothing (a refusal, a repeated command) is not heard of.
 */

import type { RunState, StopMode, UnitState } from '../work/states.ts'
import type { AuditEntry } from './audit-chain.ts'
import type { Octets } from './octets.ts'
import { stagesIn } from './stage-names.ts'

export type Change =
  | { kind: 'configSet'; key: string; value: string }
  | { kind: 'configUnset'; key: string }
  | { kind: 'nodeLabelSet'; node: string; name: string; value: string }
  | { kind: 'nodeLabelUnset'; node: string; name: string }
  | { kind: 'nodeDrained'; node: string; by: string; reason: string }
  | { kind: 'nodeUndrained'; node: string }
  | { kind: 'nodeForgotten'; node: string }
  | { kind: 'estopRaised'; scope: string; epoch: number; mode: string; by: string; reason: string }
  | { kind: 'estopReset'; scope: string; epoch: number; by: string; reason: string }
  | { kind: 'audited'; entry: AuditEntry; hash: Octets }
  | { kind: 'kvPut'; namespace: string; key: string; value: Octets }
  | { kind: 'kvDeleted'; namespace: string; key: string }
  | { kind: 'sessionOpened'; session: number; ttlMs: number }
  | { kind: 'sessionClosed'; session: number; expired: boolean }
  | { kind: 'versionRaised'; version: number }
  | { kind: 'workflowStored'; hash: string; name: string }
  | { kind: 'workflowPublished'; name: string; hash: string }
  | { kind: 'runStarted'; run: string; name: string; workflow: string; by: string; parent?: string }
  | { kind: 'runStopping'; run: string; mode: StopMode; by: string; reason: string }
  | { kind: 'runChanged'; run: string; state: RunState; reason?: string }
  | UnitChange
  | { kind: 'voted'; run: string; stage: string; item?: number; by: string; approves: boolean }
  | { kind: 'signalled'; event: string; key?: string; data?: string; by: string }
  | { kind: 'runArchived'; run: string }

export interface UnitChange {
  kind: 'unitChanged'
  run: string
  stage: string
  item?: number
  state: UnitState
  attempt: number
  /** Where it is assigned. */
  node?: string
  /** This attempt began beside another one; or it has ended, and left the unit to the other. */
  race?: 'joined' | 'left'
}

/** Stages of one run of which all else is the same; each is an event of its own to whoever hears it. */
export interface StagesChange {
  kind: 'stagesChanged'
  run: string
  /** Their names, with a slash between them, and how many they are. */
  stages: string
  count: number
  state: UnitState
  attempt: number
  node?: string
}

/** What is kept for subscribers: events, and many in one where they come together. */
export interface Telling {
  readonly index: number
  /** Of the first event in it. */
  readonly ordinal: number
  readonly timeMs: number
  readonly change: Change | StagesChange
}

export interface LedgerEvent {
  /** Of the entry; also the revision of whatever it wrote. */
  readonly index: number
  /** From 0 within the entry. */
  readonly ordinal: number
  /** What the leader wrote, not when it is heard. */
  readonly timeMs: number
  readonly change: Change
}

/** A place between events: the first one that is still wanted. */
export interface Cursor {
  readonly index: number
  readonly ordinal: number
}

export function cursorAfter(event: LedgerEvent): Cursor {
  return { index: event.index, ordinal: event.ordinal + 1 }
}

/** For whoever has read the state as of `index`. */
export function cursorAfterIndex(index: number): Cursor {
  return { index: index + 1, ordinal: 0 }
}

export function precedes(event: LedgerEvent, cursor: Cursor): boolean {
  return (
    event.index < cursor.index || (event.index === cursor.index && event.ordinal < cursor.ordinal)
  )
}

export function countIn({ change }: Telling): number {
  return change.kind === 'stagesChanged' ? change.count : 1
}

export function eventsIn(telling: Telling): readonly LedgerEvent[] {
  const { index, ordinal, timeMs, change } = telling
  if (change.kind !== 'stagesChanged') return [telling as LedgerEvent]
  const { kind: _, stages, count: __, ...alike } = change
  return stagesIn(stages).map((stage, i) => {
    const each = { kind: 'unitChanged' as const, stage, ...alike }
    return { index, ordinal: ordinal + i, timeMs, change: each }
  })
}

/** Characters of all its texts: about what it keeps in memory. */
export function changeBytes(change: Change | StagesChange): number {
  // Most are of these kinds, by far, and going through their parts would cost more than all else here.
  if (change.kind === 'unitChanged') {
    const { kind, run, stage, state, node } = change
    return kind.length + run.length + stage.length + state.length + (node?.length ?? 0)
  }
  if (change.kind === 'kvPut') {
    const { kind, namespace, key, value } = change
    return kind.length + namespace.length + key.length + value.length
  }
  let bytes = 0
  for (const part of Object.values(change)) {
    if (typeof part === 'string') bytes += part.length
    else if (typeof part === 'object') {
      for (const inner of Object.values(part)) if (typeof inner === 'string') bytes += inner.length
    }
  }
  return bytes
}
