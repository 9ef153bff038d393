/** All keys of a namespace that begin so, with what they hold, in their order: of one state, page by page. */
import type { KvItem } from './queries.ts'
import { read } from './read.ts'
import type { LedgerState } from './state.ts'

export function* kvRows(state: LedgerState, namespace: string, prefix: string): Generator<KvItem> {
  let after: string | undefined
  do {
    const from = after === undefined ? {} : { after }
    const { value } = read(state, { kind: 'kvList', namespace, prefix, ...from })
    yield* value.items
    after = value.next
  } while (after !== undefined)
}
