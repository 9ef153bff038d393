/** What people wish of the registry: it stands in the ledger in their name until whoever leads did it. */
import { modelsNamespace } from '../../models/registry/versions.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { field, type Infer, message, optional, text, uint } from '../../protocol/wire/schema.ts'

export const MODEL_WISH_PREFIX = 'wish/'
const ROLLBACK = `${MODEL_WISH_PREFIX}rollback`

const Wish = message('RollbackWish', {
  /** The version that was active when it was wished, if one was: of another one it means nothing any more. */
  of: field(1, text(64)),
  /** To be active in its place; without, the one that it replaced. */
  to: optional(2, text(64)),
  by: field(3, text(stateLimits.noteBytesMax)),
  reason: field(4, text(stateLimits.noteBytesMax)),
  atMs: field(5, uint()),
})
type Wish = Infer<typeof Wish>

export interface RollbackWish extends Wish {
  /** At which it may be fulfilled, once. */
  readonly revision: number
}

export function rollbackWishIn(state: LedgerState): RollbackWish | undefined {
  const held = read(state, { kind: 'kvGet', namespace: modelsNamespace, key: ROLLBACK }).value
  const wish = held && decode(Wish, held.value)
  return held !== undefined && wish?.ok ? { ...wish.value, revision: held.revision } : undefined
}

/** Only if it stands there as it was seen; 0: only if nobody wishes anything. */
export function putRollbackWish(wish: Wish, expect?: number): SimpleCommand {
  return kvPut(modelsNamespace, ROLLBACK, encode(Wish, wish), expect)
}

/** Of a row as another host has written it: in whose name it is, and of when. */
export function rollbackWishFrom(value: Uint8Array): Pick<Wish, 'by' | 'atMs'> | undefined {
  const read = decode(Wish, value)
  return read.ok ? read.value : undefined
}

export function fulfilWish({ revision }: Pick<RollbackWish, 'revision'>): SimpleCommand {
  const key = ROLLBACK
  return { kind: 'kvDelete', value: { namespace: modelsNamespace, key, expect: revision } }
}
