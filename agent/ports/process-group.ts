/**
 * Whether anybody of a process group is alive. The kernel answers for the group as a whole, but
 * counts zombies, which a container without an init process may keep for ever; /proc tells them
 * apart. Where there is no /proc the kernel's answer stands. Nobody is waited for: see
 * `process-status.ts`.
 */
import { readdirSync } from 'node:fs'
import type { ProcessSignal } from '../../protocol/ports/processes.ts'
import { errnoOf } from './errno.ts'
import { processLimits } from './limits.ts'
import { processStatus } from './process-status.ts'

/** One group, for as long as its number is its own. */
export class Group {
  readonly pid: number
  /** Set by whoever learns that the program which leads the group has ended. */
  leaderGone = false
  /** Once true, the group's number may be another's: it is never signalled again. */
  #empty = false
  readonly #sinceMs = performance.now()

  constructor(pid: number) {
    this.pid = pid
  }

  /** Somebody who has waited for the leader has seen that nobody was left. */
  emptied(): void {
    this.#empty = true
  }

  alive(): boolean {
    if (this.#empty) return false
    // While the group lives its number is taken, so a process with the leader's number after the
    // leader is gone is a stranger, and our group had emptied before it came.
    const alive =
      !(this.leaderGone && processExists(this.pid)) && groupHasLiving(this.pid, this.#sinceMs)
    this.#empty = this.leaderGone && !alive
    return alive
  }

  signal(signal: ProcessSignal): boolean {
    if (this.leaderGone && !this.alive()) return false
    try {
      process.kill(-this.pid, signal)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ESRCH') return false
      // Somebody is there, though none of them is ours to signal: not empty, and seen to live on.
      if (errnoOf(error) === 'EPERM') return true
      throw error
    }
  }
}

/** `sinceMs`: a look at all processes from before then says nothing of this group. */
export function groupHasLiving(group: number, sinceMs = performance.now()): boolean {
  try {
    process.kill(-group, 0)
  } catch (error) {
    // EPERM: somebody is there, though not ours. ESRCH: nobody is.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
    return true
  }
  // The leader answers for most groups, without a look at every process of the host.
  const leader = processStatus(group)
  if (leader && leader.group === group && !leader.ended) return true
  return livingGroups(sinceMs)?.has(group) ?? true
}

export function processExists(pid: number): boolean {
  return processStatus(pid) !== undefined
}

/** Groups in which somebody is alive; undefined where /proc does not tell. */
let seen: { beganMs: number; groups: ReadonlySet<number> } | undefined

/**
 * A look at every process of the host. Many groups that end together share one: a group that had
 * nobody in it has nobody a moment later, and one that had somebody is looked at again.
 */
function livingGroups(sinceMs: number): ReadonlySet<number> | undefined {
  const beganMs = performance.now()
  const isFresh =
    seen && seen.beganMs > sinceMs && beganMs - seen.beganMs < processLimits.lookGoodMs
  if (isFresh) return seen?.groups
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return undefined
  }
  const groups = new Set<number>()
  for (const name of names) {
    if (name.charCodeAt(0) > 0x39) continue
    const member = processStatus(name)
    if (member === undefined || member.ended) continue
    if (member.group === undefined) return undefined
    groups.add(member.group)
  }
  seen = { beganMs, groups }
  return groups
}
