/**
 * What spoke for the hosts that attempts were given to, in words, as it was when they were chosen.
 * Whoever leads remembers the newest of them, also when their runs are over; nobody writes them
 * down. Of a flood, where one is as good as another, only some: words cost more than the choice.
 */
import { type AttemptId, taskKey } from '../../../protocol/work/fence.ts'
import type { HostView } from '../../placement/host-view.ts'
import type { PlacementPolicy, PlacementRequest, Verdict } from '../../placement/policy.ts'
import { choiceLimits } from './limits.ts'

export class Choices {
  /** By the task, in the order of their choice. */
  private readonly words = new Map<string, string>()
  private secondMs = 0
  private left: number = choiceLimits.perSecondMax

  /** `make` is called where it is remembered. */
  note(id: AttemptId, nowMs: number, make: () => string): void {
    const key = taskKey(id)
    // What was said of the try before holds no more.
    this.words.delete(key)
    if (nowMs - this.secondMs >= 1_000) {
      this.secondMs = nowMs
      this.left = choiceLimits.perSecondMax
    }
    if (this.left === 0) return
    this.left--
    this.words.set(key, make())
    if (this.words.size <= choiceLimits.keptMax) return
    for (const oldest of this.words.keys()) {
      this.words.delete(oldest)
      return
    }
  }

  of(task: Omit<AttemptId, 'attempt'>): string | undefined {
    return this.words.get(taskKey(task))
  }
}

/** What was chosen, of how many, what spoke for it, and who came next. */
export function choiceWords(
  policy: PlacementPolicy,
  request: PlacementRequest,
  chosen: HostView,
  hosts: readonly HostView[],
  attempt: number,
): string {
  const considered = hosts.length > choiceLimits.hostsMax ? [chosen] : hosts
  const could = policy.explain(request, considered).filter(({ refusals }) => refusals.length === 0)
  const own = could.find(({ host }) => host.id === chosen.id)
  const next = could.find(({ host }) => host.id !== chosen.id)
  const reasons = own?.reasons.map(({ message }) => message).join('; ') ?? ''
  const words = [
    `try ${attempt} went to ${chosen.name} by the policy ${policy.name}${scoreOf(own)}`,
    ...(reasons === '' ? [] : [`: ${reasons}`]),
    ...(next === undefined
      ? []
      : [`; the next of ${could.length} was ${next.host.name}${scoreOf(next)}`]),
  ].join('')
  return words.slice(0, choiceLimits.lengthMax)
}

function scoreOf(verdict: Verdict | undefined): string {
  return verdict?.score === undefined ? '' : ` (${verdict.score.toFixed(2)})`
}
