/** Rows of a namespace in one state, and how one is written. */
import type { SimpleCommand } from './catalogue.ts'
import type { KvItem } from './queries.ts'
import { read } from './read.ts'
import type { LedgerState } from './state.ts'

/** All keys that begin so, with what they hold, in their order: page by page. */
export function* kvRows(state: LedgerState, namespace: string, prefix: string): Generator<KvItem> {
  let after: string | undefined
  do {
    const from = after === undefined ? {} : { after }
    const { value } = read(state, { kind: 'kvList', namespace, prefix, ...from })
    yield* value.items
    after = value.next
  } while (after !== undefined)
}

export function kvRow(state: LedgerState, namespace: string, key: string): KvItem | undefined {
  return read(state, { kind: 'kvGet', namespace, key }).value
}

/** `expect`: only if the row is still at that revision; 0: only if there is none. */
export function kvPut(
  namespace: string,
  key: string,
  value: Uint8Array,
  expect?: number,
): SimpleCommand {
  const expected = expect === undefined ? {} : { expect }
  return { kind: 'kvPut', value: { namespace, key, value, ...expected } }
}
