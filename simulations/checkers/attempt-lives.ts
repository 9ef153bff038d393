/**
 * Attempts, as the ledger has them and as hosts do them. Of a unit one attempt is assigned at most, or
 * two on two hosts where its stage may be raced, once; the first end is that of both; each is begun
 * once, where the ledger says, and not before it says so; of a task a host runs one at a time; what is
 * committed of an attempt is what it did, and what was stopped is gone by then.
 */
import type { Finished } from '../../protocol/work/attempt.ts'
import { type AttemptId, attemptKey, type Fence, taskKey } from '../../protocol/work/fence.ts'
import type { UnitState } from '../../protocol/work/states.ts'
import { type Violation, violation } from './violation.ts'

export type AttemptNews =
  /** `joins`: beside another one, which the stage may allow. */
  | {
      kind: 'assigned'
      id: AttemptId
      node: string
      fence: Fence
      joins: 'no' | 'allowed' | 'forbidden'
    }
  /** Committed. `finished` is absent for one that was lost, `alive` what is left of it by now. */
  | {
      kind: 'ended'
      id: AttemptId
      /** It leaves the unit to another attempt; otherwise no other counts any more. */
      leaves: boolean
      to: UnitState
      finished: Finished | undefined
      outputs: string | undefined
      alive: number
      /** It is a program, so what it does is seen. */
      isSeen: boolean
    }
  /** A program begins. `others`: attempts of its task of which something is alive on this host. */
  | { kind: 'begins'; id: AttemptId; host: string; mark: string; others: readonly string[] }
  /** Not for one that is killed. */
  | { kind: 'exits'; mark: string; code: number; written: string | undefined }
  /** What it had synced is gone: it may be given anew what it had begun. */
  | { kind: 'diskLost'; host: string }

interface Start {
  readonly mark: string
  readonly host: string
  code?: number
  written?: string | undefined
  isForgotten: boolean
}

interface Attempt {
  readonly node: string
  readonly fence: Fence
  readonly starts: Start[]
  isOver: boolean
}

const ONE_FENCE = 'at most one unfenced attempt'
const RACE = 'a race is between two attempts, on two hosts, of a stage that allows it, once'
const BOTH_OVER = 'as long as one of two attempts is at work, only a success ends their unit'
const BEGINS_ONCE = 'an attempt begins once, and only when it is committed'
const TRUE_RESULTS = 'a committed result is what the attempt did'
const GROUPS_EMPTY = 'what was stopped is gone'

export class AttemptLives {
  private readonly attempts = new Map<string, Attempt>()
  private readonly byMark = new Map<string, Start>()
  /** By task: those that are assigned. */
  private readonly open = new Map<string, ReadonlyMap<string, Attempt>>()
  /** Tasks that were raced. */
  private readonly races = new Set<string>()
  begun = 0
  lost = 0
  /** Attempts that another one was before. */
  outrun = 0

  get raced(): number {
    return this.races.size
  }

  observe(news: AttemptNews): Violation | undefined {
    switch (news.kind) {
      case 'assigned':
        return this.assigned(news)
      case 'ended':
        return this.ended(news)
      case 'begins':
        return this.begins(news)
      case 'exits': {
        const start = this.byMark.get(news.mark)
        if (start) Object.assign(start, { code: news.code, written: news.written })
        return undefined
      }
      case 'diskLost': {
        for (const { starts } of this.attempts.values()) {
          for (const start of starts) start.isForgotten ||= start.host === news.host
        }
        return undefined
      }
    }
  }

  /** Where an attempt is assigned to. */
  nodeOf(id: AttemptId): string | undefined {
    return this.attempts.get(attemptKey(id))?.node
  }

  private assigned(news: Extract<AttemptNews, { kind: 'assigned' }>): Violation | undefined {
    const { id, node, fence } = news
    const key = attemptKey(id)
    const task = taskKey(id)
    const others = this.open.get(task) ?? new Map<string, Attempt>()
    if (this.attempts.has(key)) return violation(ONE_FENCE, `${key} is assigned twice`)
    const wrong = news.joins === 'no' ? alone(key, others) : this.joins(key, news, others)
    if (wrong !== undefined) return wrong
    const attempt = { node, fence, starts: [], isOver: false }
    this.attempts.set(key, attempt)
    this.open.set(task, new Map([...others, [key, attempt]]))
    return undefined
  }

  private joins(
    key: string,
    { id, node, joins }: Extract<AttemptNews, { kind: 'assigned' }>,
    others: ReadonlyMap<string, Attempt>,
  ): Violation | undefined {
    const task = taskKey(id)
    const lines = [...others].map(([other, { node: at }]) => `${other} is at ${at}`)
    const against = (why: string) => violation(RACE, `${key} at ${node}: ${why}`, lines)
    if (joins === 'forbidden') return against('its stage allows none beside another')
    if (this.races.has(task)) return against('it was raced before')
    this.races.add(task)
    if (others.size !== 1) return against(`it begins beside ${others.size} others`)
    const [other] = others.values()
    return other?.node === node ? against('both are on one host') : undefined
  }

  /** The unit is over, or goes on with another try: so are those that are left. How many? */
  private close(task: string, leaves: boolean, key: string): number {
    const others = new Map(this.open.get(task))
    others.delete(key)
    if (leaves) {
      this.open.set(task, others)
      return others.size
    }
    this.open.delete(task)
    for (const attempt of others.values()) {
      attempt.isOver = true
      this.outrun++
    }
    return others.size
  }

  private ended({
    id,
    to,
    leaves,
    finished,
    outputs,
    alive,
    isSeen,
  }: Extract<AttemptNews, { kind: 'ended' }>): Violation | undefined {
    const key = attemptKey(id)
    const attempt = this.attempts.get(key)
    if (!attempt || attempt.isOver) {
      return violation(ONE_FENCE, `${key} ends as ${to}, and is ${attempt ? 'over' : 'nobody’s'}`)
    }
    attempt.isOver = true
    const others = this.close(taskKey(id), leaves, key)
    if (!leaves && others > 0 && finished?.outcome.kind !== 'succeeded') {
      const what = `${key} ends as ${to}, and another attempt is at work`
      return violation(BOTH_OVER, what, [`it ran at ${attempt.node}`])
    }
    if (finished === undefined) {
      this.lost++
      return undefined
    }
    const { outcome } = finished
    const isStopped = outcome.kind === 'cancelled' || outcome.kind === 'timedOut'
    const isGone = isStopped || (outcome.kind === 'failed' && outcome.value.errorClass === 'lost')
    if (isGone && alive > 0) {
      const what = `${key} is committed as ${outcome.kind}, and ${alive} of its processes live`
      return violation(GROUPS_EMPTY, what, [`it ran at ${attempt.node}`])
    }
    return isSeen ? judge(key, attempt, finished, outputs) : undefined
  }

  private begins({
    id,
    host,
    mark,
    others,
  }: Extract<AttemptNews, { kind: 'begins' }>): Violation | undefined {
    const key = attemptKey(id)
    const attempt = this.attempts.get(key)
    this.begun++
    if (!attempt) return violation(BEGINS_ONCE, `${key} begins at ${host}, and is not committed`)
    if (attempt.node !== host) {
      return violation(BEGINS_ONCE, `${key} begins at ${host}, and is assigned to ${attempt.node}`)
    }
    const before = attempt.starts.find(({ isForgotten }) => !isForgotten)
    if (before) return violation(BEGINS_ONCE, `${key} begins at ${host} for the second time`)
    if (others.length > 0) {
      const what = `${key} begins at ${host} beside ${others.join(', ')}`
      return violation('of one task one attempt runs', what)
    }
    const start: Start = { mark, host, isForgotten: false }
    attempt.starts.push(start)
    this.byMark.set(mark, start)
    return undefined
  }
}

/** Whether some start of it did what is told. */
function judge(
  key: string,
  { starts, node }: Attempt,
  { outcome }: Finished,
  outputs: string | undefined,
): Violation | undefined {
  const did = starts.map(({ mark, code, written }) => `${mark} exited ${code}, wrote ${written}`)
  const untrue = (told: string) => violation(TRUE_RESULTS, `${key} at ${node}: ${told}`, did)
  if (outcome.kind === 'succeeded') {
    const isTrue = starts.some(({ code, written }) => code === 0 && sameJson(written, outputs))
    return isTrue ? undefined : untrue(`committed as succeeded with ${outputs}`)
  }
  if (outcome.kind !== 'failed') return undefined
  const { code, exitCode } = outcome.value
  if (code === 'exit' && !starts.some((start) => start.code === exitCode)) {
    return untrue(`committed as having exited ${exitCode}`)
  }
  if (code === 'badOutput' && !starts.some((start) => start.code === 0)) {
    return untrue('committed as having written what cannot be read')
  }
  return undefined
}

function sameJson(written: string | undefined, told: string | undefined): boolean {
  if (written === undefined || told === undefined) return written === told
  return JSON.stringify(JSON.parse(written)) === told
}

function alone(key: string, others: ReadonlyMap<string, Attempt>): Violation | undefined {
  const [before] = others
  if (before === undefined) return undefined
  const [other, { fence, node }] = before
  const lines = [`${other}: ${fenceText(fence)} at ${node}`]
  return violation(ONE_FENCE, `${key} is assigned while ${other} is not over`, lines)
}

function fenceText({ term, index }: Fence): string {
  return `fence ${term}/${index}`
}
