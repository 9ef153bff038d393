/**
 * Has the process with the models give way to others: by its priority, and, where the system shares out
 * cores between sessions (autogroups of Linux), by that of its session, which is its own: in the
 * agent's it would go before the stages and the other agents of a busy host, as the agent does.
 */
import { writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

const lowestPriority = 19
/** The kernel takes this process before any other when memory runs out. */
const MOST_DISPENSABLE = '1000'

/** Before its other threads begin, which take over what holds for the first. */
export function yieldToOthers(pid: number, priority: number): void {
  try {
    setPriority(pid, Math.min(lowestPriority, getPriority() + priority))
    writeFileSync(`/proc/${pid}/oom_score_adj`, MOST_DISPENSABLE)
  } catch {
    // It may be gone already; and not every system has both.
  }
}

/**
 * Of its session, of which it is the first process. False where it is to be tried again: without
 * rights, on a whole host one such figure is taken in a tenth of a second.
 */
export function weighLess(pid: number, priority: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(priority))
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EAGAIN'
  }
}
