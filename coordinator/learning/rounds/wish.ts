/**
 * What people wish of rounds: that so many are done, or that no more are. It stands in the ledger in
 * their name, and whoever leads does it. Each wish says at which revision of the row it was said: of two
 * that were said at once one counts, and one that is said again for an answer that was lost is the same.
 */
import { type Family, families } from '../../../models/registry/learned.ts'
import type { SimpleCommand } from '../../../protocol/ledger/catalogue.ts'
import { kvPut } from '../../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import { field, type Infer, message, optional, text, uint } from '../../../protocol/wire/schema.ts'
import { NAMESPACE } from './wire.ts'

export const WISH_KEY = 'wish'

const familyBytesMax = 16
const note = () => text(stateLimits.noteBytesMax)

/** Field numbers are for ever. */
export const WishRow = message('FederationWish', {
  /** So many rounds; 0: no more are wished, and the one that is under way is to end. */
  count: field(1, uint()),
  by: field(2, note()),
  atMs: field(3, uint()),
  reason: optional(4, note()),
  /** At which the row was, as whoever wishes saw it. */
  seen: optional(5, uint()),
  /** The round that was begun last, by then. */
  after: optional(6, uint()),
  /** Of a wish that no more are done: how many were to come. */
  awaited: optional(7, uint()),
  /** Of which family; without, as settings have it. */
  family: optional(8, text(familyBytesMax)),
})
export type Wish = Infer<typeof WishRow>

/** Only if the row is as it was seen; 0: only if there was none. */
export function putWish(wish: Wish, expect?: number): SimpleCommand {
  return kvPut(NAMESPACE, WISH_KEY, encode(WishRow, wish), expect)
}

/** Of which family they are to be; undefined as settings have it. */
export function wishedFamily(wish: Pick<Wish, 'family'> | undefined): Family | undefined {
  return families.find((each) => each === wish?.family)
}

/** Whether somebody wishes that no more rounds are done. */
export function isStop({ count }: Pick<Wish, 'count'>): boolean {
  return count === 0
}

/** Of a row as another host has written it: what it says, and in whose name. */
export function wishFrom(value: Uint8Array): Wish | undefined {
  const read = decode(WishRow, value)
  return read.ok ? read.value : undefined
}
