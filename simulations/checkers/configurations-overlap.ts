/**
 * Who decides changes by one voter at a time or through a joint configuration, one change after the
 * other, and only by a leader that has committed an entry of its own term (Ongaro 2015).
 */
import type { LogView } from '../../protocol/consensus/log.ts'
import type { Config, Member } from '../../protocol/consensus/messages.ts'
import type { Standing } from './conduct.ts'
import { type Violation, violation } from './violation.ts'

const LAW = 'configurations overlap'

/** A configuration follows another in some log. */
export function overlaps(before: Config, after: Config): Violation | undefined {
  if (before.voters.length === 0) return undefined
  const kept = shared(before.voters, after.voters)
  const moved = before.voters.length + after.voters.length - 2 * kept
  const joint = after.outgoing.length > 0
  const legal =
    before.outgoing.length > 0
      ? !joint && moved === 0
      : joint
        ? shared(after.outgoing, before.voters) === before.voters.length
        : moved <= 1
  if (legal) return undefined
  return violation(LAW, `${moved} voters come or go at once`, [textOf(before), textOf(after)])
}

/** A leader appends a configuration after another, in its term. */
export function changesInTurn(
  leader: string,
  before: Standing,
  next: number,
  term: number,
  log: LogView,
): Violation | undefined {
  const what = `${leader} changes who decides at ${next}`
  if (log.commit < before.index)
    return violation(LAW, `${what}, and the change at ${before.index} is not committed`)
  if ((log.termAt(log.commit) ?? log.snapshot.term) < term)
    return violation(LAW, `${what}, and has committed nothing of its term ${term}`)
  return undefined
}

function shared(some: readonly Member[], others: readonly Member[]): number {
  return some.filter((a) => others.some((b) => a.id === b.id && a.storage === b.storage)).length
}

function textOf({ voters, outgoing }: Config): string {
  const names = (members: readonly Member[]) => members.map(({ id }) => id).join(' ')
  return `voters ${names(voters)}${outgoing.length > 0 ? `, leaving ${names(outgoing)}` : ''}`
}
