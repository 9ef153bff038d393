/**
 * The mesh key in the ledger: which key it is now and which one was before it, for whom there are
 * copies, and who had one once. Only whoever leads writes these rows, except for what people wish and
 * the row by which a value is written under the key of now or not at all.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type { KvItem } from '../../protocol/ledger/queries.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { field, type Infer, message, optional, text, uint } from '../../protocol/wire/schema.ts'
import { type MeshKeyId, meshKeyIdLength, sealingIn, unnamedKey } from './sealed.ts'
import { COPY_PREFIX, FENCE_KEY, KEY_PREFIX, MADE_KEY, NAMESPACE, ONCE_PREFIX } from './wire.ts'

const idText = () => text(meshKeyIdLength)
const note = () => text(stateLimits.noteBytesMax)

const MeshKeyRow = message('MeshKeyRow', {
  id: field(1, idText()),
  madeMs: field(2, uint()),
  by: field(3, note()),
  why: field(4, note()),
  /** As long as something may stand under it. */
  was: optional(5, idText()),
})

export interface HeldMeshKey {
  /** Everything new is sealed under this one. */
  id: MeshKeyId
  madeMs: number
  by: string
  why: string
  /** The one before, as long as something may stand under it. */
  was?: MeshKeyId
  /** At which the row may be changed; 0: there is none yet. */
  revision: number
}

const unnamed = { id: unnamedKey, madeMs: 0, by: '', why: '' }

/** Undefined where nobody has needed a key yet. */
export function meshKeyIn(state: LedgerState): HeldMeshKey | undefined {
  const held = rowAt(state, MADE_KEY)
  if (held === undefined) return undefined
  const row = decode(MeshKeyRow, held.value)
  if (held.value.length === 0 || !row.ok) return { ...unnamed, revision: held.revision }
  const { id, was, ...rest } = row.value
  const before = was === undefined ? {} : { was: was as MeshKeyId }
  return { ...rest, id: id as MeshKeyId, ...before, revision: held.revision }
}

export function putMeshKey({ revision, ...row }: HeldMeshKey): SimpleCommand {
  return put(MADE_KEY, encode(MeshKeyRow, row), revision)
}

/** Keys under which something may stand. */
export function keysInUse(state: LedgerState): MeshKeyId[] {
  const row = meshKeyIn(state)
  if (row === undefined) return []
  return row.was === undefined ? [row.id] : [row.id, row.was]
}

// ── Who has it ───────────────────────────────────────────────────────────────────────────────────

const copiesOf = (id: MeshKeyId): string =>
  id === unnamedKey ? KEY_PREFIX : `${COPY_PREFIX}${id}/`
const onceOf = (id: MeshKeyId): string => `${ONCE_PREFIX}${id}/`

/** Sealed to that peer. */
export function copyFor(state: LedgerState, id: MeshKeyId, peer: PeerId): Uint8Array | undefined {
  return rowAt(state, copiesOf(id) + peer)?.value
}

export function putCopy(id: MeshKeyId, peer: PeerId, sealed: Uint8Array): SimpleCommand {
  return put(copiesOf(id) + peer, sealed)
}

/** Those with a copy. */
export function holdersOf(state: LedgerState, id: MeshKeyId): PeerId[] {
  return peersUnder(state, copiesOf(id))
}

/** Those without a copy that had one, or were about to be told the key. */
export function formerHoldersOf(state: LedgerState, id: MeshKeyId): PeerId[] {
  const now = new Set(holdersOf(state, id))
  return peersUnder(state, onceOf(id)).filter((peer) => !now.has(peer))
}

/** Nobody is told the key who does not stand there first. */
export function isWrittenDown(state: LedgerState, id: MeshKeyId, peer: PeerId): boolean {
  return copyFor(state, id, peer) !== undefined || rowAt(state, onceOf(id) + peer) !== undefined
}

export function writeDown(id: MeshKeyId, peer: PeerId): SimpleCommand {
  return put(onceOf(id) + peer, new Uint8Array(0))
}

/** Its copy goes, and that it had one stays. */
export function takeCopy(id: MeshKeyId, peer: PeerId): SimpleCommand[] {
  return [writeDown(id, peer), remove(copiesOf(id) + peer)]
}

/** All that tells of keys under which nothing stands any more. */
export function* leftovers(state: LedgerState): Generator<SimpleCommand> {
  const kept = keysInUse(state).flatMap((id) => [copiesOf(id), onceOf(id)])
  for (const prefix of [KEY_PREFIX, COPY_PREFIX, ONCE_PREFIX]) {
    for (const { key } of kvRows(state, NAMESPACE, prefix)) {
      if (!kept.some((each) => key.startsWith(each))) yield remove(key)
    }
  }
}

// ── Writing under the key of now ─────────────────────────────────────────────────────────────────

/**
 * Goes along with whatever is written under the key of now, in one entry: it does not apply where
 * another key has come in the meantime. Undefined where one has come already.
 *
 * Invariant: once another key is there, nothing new is written under the one before.
 */
export function fenceOf(state: LedgerState, packed: Uint8Array): SimpleCommand | undefined {
  const { key } = sealingIn(packed)
  if (meshKeyIn(state)?.id !== key) return undefined
  return put(FENCE_KEY, Buffer.from(key), rowAt(state, FENCE_KEY)?.revision ?? 0)
}

/** With another key: whatever is on its way under the one before does not apply. */
export function moveFence(to: MeshKeyId): SimpleCommand {
  return put(FENCE_KEY, Buffer.from(to))
}

// ── What people wish ─────────────────────────────────────────────────────────────────────────────

export const WISH_PREFIX = 'wish/'
const ROTATE_WISH = `${WISH_PREFIX}rotate`

const KeyWish = message('MeshKeyWish', {
  /** The key that it was said of: a wish about another one means nothing any more. */
  key: field(1, idText()),
  by: field(2, note()),
  atMs: field(3, uint()),
})
export type KeyWish = Infer<typeof KeyWish>

/** That there is to be another key than this one. */
export function wishOf(state: LedgerState, id: MeshKeyId): KeyWish | undefined {
  const held = rowAt(state, ROTATE_WISH)
  const wish = held && decode(KeyWish, held.value)
  return wish?.ok && wish.value.key === id ? wish.value : undefined
}

/** Of a row as another host has written it: in whose name it is, and of when. */
export function wishFrom(value: Uint8Array): KeyWish | undefined {
  const wish = decode(KeyWish, value)
  return wish.ok ? wish.value : undefined
}

export function putWish(wish: KeyWish): SimpleCommand {
  return put(ROTATE_WISH, encode(KeyWish, wish))
}

// ─────────────────────────────────────────────────────────────────────────────────────────────────

function peersUnder(state: LedgerState, prefix: string): PeerId[] {
  return [...kvRows(state, NAMESPACE, prefix)].map(({ key }) => key.slice(prefix.length) as PeerId)
}

function put(key: string, value: Uint8Array, expect?: number): SimpleCommand {
  return kvPut(NAMESPACE, key, value, expect)
}

function remove(key: string): SimpleCommand {
  return { kind: 'kvDelete', value: { namespace: NAMESPACE, key } }
}

function rowAt(state: LedgerState, key: string): KvItem | undefined {
  return kvRow(state, NAMESPACE, key)
}
