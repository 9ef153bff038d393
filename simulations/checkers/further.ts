/**
 * Which of two logs is the further one, by the paper (§5.4.1) and not by the code that is judged: a
 * checker that asks the accused how to compare finds nothing.
 */
import type { Position } from '../../protocol/consensus/log.ts'

export function reachesBeyond(a: Position, b: Position): boolean {
  if (a.term === b.term) return a.index > b.index
  return a.term > b.term
}
