/**
 * What the ledger keeps of versions of the common model: where each comes from, how it did, and how
 * far it is trusted. Every agent reads it; only whoever leads writes it (`coordinator/learning`).
 * At most one version is active, one a canary, and one a shadow.
 */
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  float,
  message,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { isVersionHash } from './blob.ts'
import { registryLimits } from './limits.ts'

export const modelsNamespace = 'models'
const VERSION_PREFIX = 'version/'
const HEAD_KEY = 'head'

/**
 * `shadow`: hosts note what it would have said. `canary`: some hosts speak by it. `active`: all do.
 * `retired`: a newer one has taken its place. `rejected`: it was no better. `rolledBack`: it was
 * active, and taken back.
 */
export const versionStates = {
  shadow: 1,
  canary: 2,
  active: 3,
  retired: 4,
  rejected: 5,
  rolledBack: 6,
} as const
export type VersionState = keyof typeof versionStates

/** In those states a version is listened to, or may be soon. */
const onTrial: readonly VersionState[] = ['shadow', 'canary']

const HASH_LENGTH = 64

/** Field numbers are for ever. */
const VersionRow = message('ModelVersion', {
  kind: field(1, text(32)),
  parents: repeated(2, text(HASH_LENGTH), registryLimits.parentsMax),
  round: optional(3, uint()),
  madeMs: field(4, uint()),
  hosts: field(5, uint()),
  rows: field(6, uint()),
  lossBefore: optional(7, float()),
  lossAfter: optional(8, float()),
  state: field(9, uint()),
  sinceMs: field(10, uint()),
  why: field(11, text(registryLimits.whyBytesMax)),
  replaced: optional(12, text(HASH_LENGTH)),
})

const HeadRow = message('ModelHead', { hash: field(1, text(HASH_LENGTH)) })

/** As it comes out of a round. */
export interface NewVersion {
  readonly hash: string
  /** What it tells. */
  readonly kind: 'duration'
  /** What its training went on from. */
  readonly parents: readonly string[]
  /** The federated round that it comes from. */
  readonly round?: number
  readonly madeMs: number
  /** That it was trained by. */
  readonly hosts: number
  /** Of their histories, about. */
  readonly rows: number
  /** What hosts say of the version before it and of it, each on its own held-out rows: in the middle. */
  readonly lossBefore?: number
  readonly lossAfter?: number
}

export interface Version extends NewVersion {
  readonly state: VersionState
  readonly sinceMs: number
  readonly why: string
  /** The one that was active when this became so. */
  readonly replaced?: string
  /** At which the row may be changed. */
  readonly revision: number
}

export interface RegistryView {
  /** Newest first. */
  readonly versions: readonly Version[]
  /** What training goes on from; undefined before anything was learned. */
  readonly head: string | undefined
  readonly headRevision: number
  readonly active: Version | undefined
  readonly canary: Version | undefined
  readonly shadow: Version | undefined
}

export function registryIn(state: LedgerState): RegistryView {
  const versions: Version[] = []
  for (const { key, value, revision } of kvRows(state, modelsNamespace, VERSION_PREFIX)) {
    const version = versionIn(key.slice(VERSION_PREFIX.length), value, revision)
    if (version !== undefined) versions.push(version)
  }
  versions.sort((a, b) => b.madeMs - a.madeMs || (a.hash < b.hash ? -1 : 1))
  const held = kvRow(state, modelsNamespace, HEAD_KEY)
  const head = held && decode(HeadRow, held.value)
  const inState = (wanted: VersionState) => versions.find((version) => version.state === wanted)
  return {
    versions,
    head: head?.ok === true ? head.value.hash : undefined,
    headRevision: held?.revision ?? 0,
    active: inState('active'),
    canary: inState('canary'),
    shadow: inState('shadow'),
  }
}

/** Versions that hosts need: those that speak or are tried, what those would give way to, and the head. */
export function wanted(view: RegistryView): string[] {
  const { active, canary, shadow, head } = view
  const all = [active?.hash, canary?.hash, shadow?.hash, head, active?.replaced]
  return [...new Set(all.filter((hash) => hash !== undefined))]
}

export function isOnTrial({ state }: Version): boolean {
  return onTrial.includes(state)
}

/** Only if it is as it was read; `revision` 0: only if it is not there. */
export function putVersion({ hash, revision, state, parents, ...row }: Version): SimpleCommand {
  const value = encode(VersionRow, {
    ...row,
    parents: [...parents],
    state: versionStates[state],
  })
  return kvPut(modelsNamespace, VERSION_PREFIX + hash, value, revision)
}

export function forgetVersion({ hash, revision }: Version): SimpleCommand {
  const key = VERSION_PREFIX + hash
  return { kind: 'kvDelete', value: { namespace: modelsNamespace, key, expect: revision } }
}

/** `hash` undefined: training begins anew. */
export function moveHead(view: RegistryView, hash: string | undefined): SimpleCommand[] {
  if (hash === view.head) return []
  const expect = view.headRevision
  if (hash !== undefined) {
    return [kvPut(modelsNamespace, HEAD_KEY, encode(HeadRow, { hash }), expect)]
  }
  return [{ kind: 'kvDelete', value: { namespace: modelsNamespace, key: HEAD_KEY, expect } }]
}

function versionIn(hash: string, bytes: Uint8Array, revision: number): Version | undefined {
  const read = decode(VersionRow, bytes)
  if (!read.ok || !isVersionHash(hash)) return undefined
  const { kind, state: number, ...row } = read.value
  const states = Object.keys(versionStates) as VersionState[]
  const state = states.find((name) => versionStates[name] === number)
  // Of a newer program.
  if (kind !== 'duration' || state === undefined) return undefined
  return { ...row, hash, kind, state, revision }
}
