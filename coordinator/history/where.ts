/** The expression of a request that runs are picked by. */

import type { ListQuestion } from '../../agent/history/history.ts'
import { whereOf } from '../../agent/history/where.ts'
import { ApiRefusal } from '../api/refusal.ts'

const NAMES = 'skein runs ls --help lists the names'

/** Throws `badRequest` with the place of the mistake. */
export function whereFrom(source: string): NonNullable<ListQuestion['where']> {
  const read = whereOf(source)
  if (read.ok) return { source, read }
  const { why, hint, at } = read.mistake
  const fix = hint === undefined ? NAMES : `${hint}; ${NAMES}`
  throw new ApiRefusal('badRequest', `--where, at character ${at + 1}: ${why}`, fix)
}
