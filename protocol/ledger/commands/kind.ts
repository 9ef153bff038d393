/**
 * What a kind of command is: its form, since which ledger version it means something, where it may
 * stand, and what it does.
 *
 * A kind that was released is frozen: its schema, its limits and its effect. What must change comes
 * as a new kind with a new number and the version that it needs, because a replica of the version
 * before must come to the same state from the same entry.
 */
import { assert } from '../../assert.ts'
import { bytes, type Schema, text, union } from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import type { Result } from '../result.ts'
import type { Transaction } from '../transaction.ts'

/**
 * `anywhere`: alone, in a batch, in a session. `notInBatch`: alone or in a session. `alone`: neither;
 * for commands about sessions and versions themselves.
 */
export type Place = 'anywhere' | 'notInBatch' | 'alone'

export interface Kind<T> {
  readonly number: number
  readonly place: Place
  readonly schema: Schema<T>
  /** The ledger version that this very command needs. */
  needs(value: T): number
  /** Checks first, writes after: it leaves nothing half done behind a refusal. */
  apply(tx: Transaction, value: T): Result
}

export function kind<T>(
  number: number,
  since: number,
  place: Place,
  schema: Schema<T>,
  apply: (tx: Transaction, value: T) => Result,
): Kind<T> {
  return { number, place, schema, needs: () => since, apply }
}

// biome-ignore lint/suspicious/noExplicitAny: each kind's value type is inferred back from it
export type Catalogue = Record<string, Kind<any>>

export type CommandOf<C extends Catalogue> = {
  [K in keyof C & string]: { kind: K; value: C[K] extends Kind<infer T> ? T : never }
}[keyof C & string]

export function commandSchema<C extends Catalogue>(name: string, kinds: C): Schema<CommandOf<C>> {
  const members = Object.entries(kinds).map(([key, { number, schema }]) => [key, [number, schema]])
  return union(name, Object.fromEntries(members)) as Schema<CommandOf<C>>
}

export function kindOf(kinds: Catalogue, name: string): Kind<unknown> {
  const found = kinds[name]
  assert(found !== undefined, 'a command must be of a kind in the catalogue', { name })
  return found
}

/**
 * On the wire, texts and values of people may be as long as the entry: that one is too long is an
 * answer that they get (`tooLarge`), not a refusal to read what they say.
 */
export const freeBytesMax = stateLimits.entryBytesMax
export const freeText = () => text(freeBytesMax)
export const freeBytes = () => bytes(freeBytesMax)

/** UTF-8 bytes of any text up to a third of the limit are within it. */
export function fitsText(value: string, bytesMax: number): boolean {
  return value.length * 3 <= bytesMax || Buffer.byteLength(value) <= bytesMax
}

export function done(tx: Transaction): Result {
  return { code: 'ok', revision: tx.index }
}

export function refused(code: Exclude<Result['code'], 'ok'>): Result {
  return { code }
}
