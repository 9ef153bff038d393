/**
 * Approvals: everyone has one vote, whoever started the run has none, and what asked goes on only
 * with as many as it takes and none against.
 */
import type { UnitView } from '../../protocol/ledger/work-view.ts'
import { type Violation, violation } from './violation.ts'

interface Question {
  readonly count: number
  readonly starter: string
  readonly dueMs: number | undefined
  readonly by: Set<string>
  isDenied: boolean
}

const LAW = 'an approval counts once'

export class VotesOnce {
  private readonly questions = new Map<string, Question>()
  voted = 0

  /** The unit waits for people, from now on. */
  asks(unit: string, { approval, dueMs }: UnitView, starter: string): void {
    const count = approval?.count ?? Number.POSITIVE_INFINITY
    this.questions.set(unit, { count, starter, dueMs, by: new Set(), isDenied: false })
  }

  votes(unit: string, by: string, approves: boolean): Violation | undefined {
    const question = this.questions.get(unit)
    this.voted++
    if (!question) return violation(LAW, `a vote of ${by} counts for ${unit}, which asks nobody`)
    const { starter, by: voters } = question
    if (by === starter) return violation(LAW, `${by} started ${unit}, and has a vote on it`)
    if (voters.has(by)) return violation(LAW, `two votes of ${by} count for ${unit}`)
    voters.add(by)
    question.isDenied ||= !approves
    return undefined
  }

  /** It waits for people no more. */
  goesOn(unit: string, { state, why }: UnitView, nowMs: number): Violation | undefined {
    const question = this.questions.get(unit)
    if (!question) return undefined
    this.questions.delete(unit)
    const { count, by, dueMs, isDenied } = question
    if (state === 'cancelled') return undefined
    const isLate = dueMs !== undefined && nowMs >= dueMs
    // With its approval it may still fail, for want of a value.
    if (state === 'failed' && (isDenied || isLate || by.size >= count)) return undefined
    if (state === 'failed') return violation(LAW, `${unit} failed undenied: ${why}`)
    if (isDenied) return violation(LAW, `${unit} was denied, and is ${state}`)
    const lacks = by.size < count
    return lacks
      ? violation(LAW, `${unit} is ${state} with ${by.size} of ${count} votes`)
      : undefined
  }
}
