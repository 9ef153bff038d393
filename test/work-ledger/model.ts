/**
 * What must hold of a run, said once more and as plainly as can be, with nothing of the ledger's: no
 * rows, no codes, no limits. It knows only whether a transition is lawful, and what comes of it.
 */
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'

type Held = 'waiting' | 'open' | 'assigned' | 'over'

export interface ModelUnit {
  held: Held
  /** See `unitStates`. */
  state: number
  attempt: number
  fence: string
  node: string
  /** The second attempt, while both are at work. */
  rival: { attempt: number; fence: string; node: string } | undefined
  /** The number that it had; 0 before. */
  raced: number
  waitsFor: number | undefined
  items: number
}

const ends = [4, 5, 6, 7]
const [retry, fallback, approval, subflow] = [5, 6, 2, 4]

export class Model {
  state: 'queued' | 'running' | 'over' = 'queued'
  stop = 0
  readonly units = new Map<string, ModelUnit>()
  readonly votes = new Map<string, { count: number; yes: Set<string>; no: Set<string> }>()

  at(stage: string, item?: number): ModelUnit | undefined {
    return this.units.get(item === undefined ? stage : `${stage}/${item}`)
  }

  isLawful({ kind, value }: AnyTransition): boolean {
    if (this.state === 'over') return false
    switch (kind) {
      case 'admitted':
        return this.state === 'queued' && this.stop === 0
      case 'stopped':
        return [0, 1, 2].includes(value.mode)
      case 'ended': {
        const isEnd = [3, 4, 5].includes(value.to)
        const atWork = [...this.units.values()].some(({ held }) => held === 'assigned')
        if (!this.areOver(value.after)) return false
        return isEnd && !atWork && !(this.state === 'queued' && value.to === 3)
      }
      case 'assigned':
      case 'launched': {
        const { stage, item, attempt } = value
        const { attempt: latest = 0, raced = 0 } = this.at(stage, item) ?? {}
        const before = kind === 'assigned' ? Math.max(latest, raced) : latest
        return this.mayBegin(value) && attempt === before + 1
      }
      case 'raced': {
        const unit = this.at(value.stage, value.item)
        if (unit?.held !== 'assigned' || unit.raced > 0 || this.stop > 0) return false
        return value.attempt === unit.attempt + 1 && value.node !== unit.node
      }
      case 'fellOut': {
        const { stage, item, attempt, term, index } = value
        const unit = this.at(stage, item)
        return unit?.rival !== undefined && isAtWork(unit, attempt, `${term}.${index}`)
      }
      case 'opened':
        return this.mayBegin(value)
      case 'waiting': {
        const now = this.at(value.stage, value.item)?.waitsFor
        const tries = [retry, fallback]
        const counts = value.errorClass !== undefined
        if (counts && (tries.includes(now ?? 0) || !tries.includes(value.waitsFor))) return false
        return this.mayBegin(value) && value.waitsFor >= 1 && value.waitsFor <= 6
      }
      case 'finished': {
        const { stage, item, attempt, term, index, to, waitsFor } = value
        const unit = this.at(stage, item)
        if (unit === undefined || !isAtWork(unit, attempt, `${term}.${index}`)) return false
        if (unit.rival !== undefined && to !== 4) return false
        if (to === 1) return waitsFor === retry || waitsFor === fallback
        return [4, 5, 7].includes(to) && waitsFor === undefined
      }
      case 'settled': {
        const { stage, item, to, after } = value
        if (!ends.includes(to) || !this.areOver(after)) return false
        if (!this.maySettle(stage, item)) return false
        const isNew = this.at(stage, item) === undefined
        return to !== 4 || (!(isNew && this.stop === 2) && this.isApproved(stage, item))
      }
      case 'passed': {
        const { stages, to, after } = value
        if (![6, 7].includes(to) || !this.areOver(after)) return false
        return stages.every((stage) => this.maySettle(stage))
      }
    }
  }

  private mayBegin(value: {
    stage: string
    item?: number
    after: string[]
    closing?: boolean
  }): boolean {
    const { stage, item, after, closing } = value
    const held = this.at(stage, item)?.held
    if (held !== undefined && held !== 'waiting') return false
    if (this.state === 'queued' || this.stop === 2) return false
    if (this.stop === 1 && closing !== true) return false
    return this.areOver(after) && this.isOpenFor(stage, item) && this.isApproved(stage, item)
  }

  private maySettle(stage: string, item?: number): boolean {
    const held = this.at(stage, item)?.held
    if (held === 'over' || held === 'assigned') return false
    if (held === 'open' && this.itemsOf(stage).some((each) => each.held === 'assigned'))
      return false
    return this.isOpenFor(stage, item)
  }

  private itemsOf(stage: string): ModelUnit[] {
    return [...this.units].filter(([at]) => at.startsWith(`${stage}/`)).map(([, unit]) => unit)
  }

  private isOpenFor(stage: string, item: number | undefined): boolean {
    if (item === undefined) return true
    const whole = this.at(stage)
    if (whole?.held !== 'open') return false
    return this.at(stage, item) !== undefined || item < whole.items
  }

  private areOver(stages: string[]): boolean {
    return stages.every((stage) => this.at(stage)?.held === 'over')
  }

  private isApproved(stage: string, item: number | undefined): boolean {
    if (this.at(stage, item)?.waitsFor !== approval) return true
    const asked = this.votes.get(item === undefined ? stage : `${stage}/${item}`)
    return asked !== undefined && asked.no.size === 0 && asked.yes.size >= asked.count
  }

  /** Of a lawful one. */
  take({ kind, value }: AnyTransition, entry: string): void {
    switch (kind) {
      case 'admitted':
        this.state = 'running'
        break
      case 'stopped':
        this.stop = Math.max(this.stop, value.mode)
        break
      case 'ended':
        this.state = 'over'
        break
      case 'assigned':
        this.put(value, {
          held: 'assigned',
          state: 3,
          attempt: value.attempt,
          fence: entry,
          node: value.node,
        })
        break
      case 'raced': {
        const { stage, item, attempt, node } = value
        const unit = this.at(stage, item)!
        unit.raced = attempt
        unit.rival = { attempt, node, fence: entry }
        break
      }
      case 'fellOut': {
        const unit = this.at(value.stage, value.item)!
        if (value.attempt === unit.attempt) Object.assign(unit, unit.rival)
        unit.rival = undefined
        break
      }
      case 'launched': {
        const waits = { held: 'waiting', state: 1, waitsFor: subflow } as const
        const over = { held: 'over', state: 4 } as const
        this.put(value, { ...(value.waits ? waits : over), attempt: value.attempt })
        break
      }
      case 'opened':
        this.put(value, { held: 'open', state: 2, items: value.items })
        break
      case 'waiting': {
        this.put(value, { held: 'waiting', state: 1, waitsFor: value.waitsFor })
        const { stage, item, count = 1 } = value
        if (value.waitsFor !== approval) break
        const asked = { count, yes: new Set<string>(), no: new Set<string>() }
        this.votes.set(item === undefined ? stage : `${stage}/${item}`, asked)
        break
      }
      case 'finished':
        if (value.to === 1) {
          const { attempt, waitsFor } = value
          this.put(value, { held: 'waiting', state: 1, attempt, waitsFor })
        } else this.put(value, { held: 'over', state: value.to, attempt: value.attempt })
        break
      case 'settled':
        this.put(value, { held: 'over', state: value.to })
        break
      case 'passed':
        for (const stage of value.stages) this.put({ stage }, { held: 'over', state: value.to })
        break
    }
  }

  private put(
    { stage, item }: { stage: string; item?: number },
    change: Partial<ModelUnit> & { held: Held; state: number },
  ): void {
    const before = this.at(stage, item)
    const { attempt = 0, items = 0, raced = 0, node = '' } = before ?? {}
    const kept = { attempt, items, raced, node }
    const unit = { ...kept, fence: '', waitsFor: undefined, rival: undefined, ...change }
    this.units.set(item === undefined ? stage : `${stage}/${item}`, unit)
  }

  vote(place: string, by: string, approves: boolean): void {
    const unit = this.units.get(place)
    const asked = this.votes.get(place)
    if (!asked || this.state === 'over' || unit?.waitsFor !== approval) return
    if (!asked.yes.has(by) && !asked.no.has(by)) (approves ? asked.yes : asked.no).add(by)
  }
}

function isAtWork(unit: ModelUnit, attempt: number, fence: string): boolean {
  if (unit.held !== 'assigned') return false
  return [unit, unit.rival].some((one) => one?.attempt === attempt && one.fence === fence)
}
