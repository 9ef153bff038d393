/** Which run a person means: an id, a unique start of one, or `@latest`. */

import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { runLimits } from './limits.ts'

const LIST = 'skein runs ls shows the runs'

/** Its id. Throws `notFound` or `ambiguous`. */
export function findRun(state: LedgerState, reference: string): string {
  if (reference === '@latest') {
    const { value } = read(state, { kind: 'runList', limit: 1 })
    const [newest] = value.items
    if (newest !== undefined) return newest.run
    throw new ApiRefusal('notFound', 'there are no runs', 'start one with skein run FILE')
  }
  const limit = runLimits.candidatesMax
  const { items, next } = read(state, { kind: 'runIdList', prefix: reference, limit }).value
  const [first] = items
  if (first === reference || (first !== undefined && items.length === 1)) return first
  if (first === undefined) {
    const why = `there is no run ${JSON.stringify(reference.slice(0, 64))}`
    throw new ApiRefusal('notFound', why, `${LIST}; those that ended long ago are in its history`)
  }
  const more = next === undefined ? '' : ', and more'
  throw new ApiRefusal(
    'ambiguous',
    `${JSON.stringify(reference)} fits ${items.join(', ')}${more}`,
    'write more of the id',
  )
}
