/**
 * What the ledger keeps of versions of the common model: where each comes from, how it did, and how
 * far it is trusted. Every agent reads it; only whoever leads writes it (`coordinator/learning`).
 * At most one version is active, one a canary, and of each family one a shadow.
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
import { type Family, families } from './learned.ts'
import { registryLimits } from './limits.ts'

export const modelsNamespace = 'models'
const VERSION_PREFIX = 'version/'
const headKeys = { net: 'head', trees: 'head/trees' } as const satisfies Record<Family, string>
/** What a version tells, and which family it is of. A program that knows no trees passes over the second. */
const kinds = { net: 'duration', trees: 'duration by trees' } as const satisfies Record<
  Family,
  string
>

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
  /** Without, the network. */
  readonly family?: Family
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
  /** What training of the network goes on from; undefined before anything was learned. */
  readonly head: string | undefined
  readonly headRevision: number
  /** What trees are added to. */
  readonly treesHead: string | undefined
  readonly treesHeadRevision: number
  readonly active: Version | undefined
  readonly canary: Version | undefined
  /** The one that was made last. */
  readonly shadow: Version | undefined
}

export function familyOf({ family = 'net' }: Pick<NewVersion, 'family'>): Family {
  return family
}

export function headOf(view: Pick<RegistryView, 'head' | 'treesHead'>, family: Family) {
  return family === 'trees' ? view.treesHead : view.head
}

/** One of each family at most. */
export function shadowsIn({ versions }: Pick<RegistryView, 'versions'>): Version[] {
  return versions.filter(({ state }) => state === 'shadow')
}

export function registryIn(state: LedgerState): RegistryView {
  const versions: Version[] = []
  for (const { key, value, revision } of kvRows(state, modelsNamespace, VERSION_PREFIX)) {
    const version = versionIn(key.slice(VERSION_PREFIX.length), value, revision)
    if (version !== undefined) versions.push(version)
  }
  versions.sort((a, b) => b.madeMs - a.madeMs || (a.hash < b.hash ? -1 : 1))
  const net = headIn(state, 'net')
  const trees = headIn(state, 'trees')
  const inState = (wanted: VersionState) => versions.find((version) => version.state === wanted)
  return {
    versions,
    head: net.hash,
    headRevision: net.revision,
    treesHead: trees.hash,
    treesHeadRevision: trees.revision,
    active: inState('active'),
    canary: inState('canary'),
    shadow: inState('shadow'),
  }
}

function headIn(state: LedgerState, family: Family) {
  const held = kvRow(state, modelsNamespace, headKeys[family])
  const head = held && decode(HeadRow, held.value)
  const hash = head?.ok === true ? head.value.hash : undefined
  return { hash, revision: held?.revision ?? 0 }
}

/** Versions that hosts need: those that speak or are tried, what those would give way to, and heads. */
export function wanted(view: RegistryView): string[] {
  const { active, canary, head, treesHead } = view
  const shadows = shadowsIn(view).map(({ hash }) => hash)
  const all = [active?.hash, canary?.hash, ...shadows, head, treesHead, active?.replaced]
  return [...new Set(all.filter((hash) => hash !== undefined))]
}

export function isOnTrial({ state }: Version): boolean {
  return onTrial.includes(state)
}

/** Only if it is as it was read; `revision` 0: only if it is not there. */
export function putVersion(version: Version): SimpleCommand {
  const { hash, revision, state, parents, family: _, ...row } = version
  const value = encode(VersionRow, {
    ...row,
    kind: kinds[familyOf(version)],
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
export function moveHead(
  view: RegistryView,
  hash: string | undefined,
  family: Family,
): SimpleCommand[] {
  if (hash === headOf(view, family)) return []
  const key = headKeys[family]
  const expect = family === 'trees' ? view.treesHeadRevision : view.headRevision
  if (hash !== undefined) {
    return [kvPut(modelsNamespace, key, encode(HeadRow, { hash }), expect)]
  }
  return [{ kind: 'kvDelete', value: { namespace: modelsNamespace, key, expect } }]
}

function versionIn(hash: string, bytes: Uint8Array, revision: number): Version | undefined {
  const read = decode(VersionRow, bytes)
  if (!read.ok || !isVersionHash(hash)) return undefined
  const { kind, state: number, ...row } = read.value
  const states = Object.keys(versionStates) as VersionState[]
  const state = states.find((name) => versionStates[name] === number)
  // Of a newer program.
  const family = families.find((each) => kinds[each] === kind)
  if (family === undefined || state === undefined) return undefined
  const ofFamily = family === 'net' ? {} : { family }
  return { ...row, ...ofFamily, hash, kind: 'duration', state, revision }
}
