/**
 * Looks after running attempts, again and again: their progress, and what they take. To look at one
 * is to read a few files of each of its processes in one go, so of many only a few are looked at at a
 * time: meanwhile the host hears nothing, not even that all of it is to stop.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Held } from './held.ts'
import type { AttemptLife } from './life.ts'
import { deskLimits } from './limits.ts'
import type { Register } from './register.ts'
import type { Reports } from './reports.ts'

export class Looking {
  readonly #clock: Clock
  readonly #register: Pick<Register, 'all'>
  readonly #reports: Pick<Reports, 'say'>
  #timer: Timer | undefined
  #next: Timer | undefined

  constructor(clock: Clock, register: Pick<Register, 'all'>, reports: Pick<Reports, 'say'>) {
    this.#clock = clock
    this.#register = register
    this.#reports = reports
  }

  /** From now on, until none is left that has begun. */
  begin(): void {
    this.#timer ??= this.#clock.every(deskLimits.lookMs, () => this.#look())
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#next?.cancel()
    this.#next = undefined
  }

  #look(): void {
    // There are so many that the last have not had their turn yet.
    if (this.#next !== undefined) return
    const begun = [...this.#register.all()].filter((held) => held.stage === 'begun' && held.life)
    if (begun.length === 0) return this.end()
    const turns = deskLimits.lookMs / 2 / deskLimits.looksRestMs
    this.#takeTurns(begun, Math.max(deskLimits.looksAtOnce, Math.ceil(begun.length / turns)))
  }

  #takeTurns(left: readonly Held[], atOnce: number): void {
    this.#next = undefined
    for (const held of left.slice(0, atOnce)) {
      const { life } = held
      if (held.stage === 'begun' && life?.running && !life.isKilled) this.#lookAt(held, life)
    }
    const rest = left.slice(atOnce)
    if (rest.length === 0) return
    this.#next = this.#clock.after(deskLimits.looksRestMs, () => this.#takeTurns(rest, atOnce))
  }

  #lookAt(held: Held, life: AttemptLife): void {
    const now = this.#clock.now()
    const isDue = now - held.toldRunningMs >= deskLimits.runningEveryMs
    life.look().then((news) => {
      if (!(news || isDue) || held.stage !== 'begun') return
      held.toldRunningMs = now
      this.#reports.say(held.id, held.fence, { kind: 'running', value: life.news })
    }, bug)
  }
}

/** A look resolves whatever it finds. */
function bug(error: unknown): never {
  throw error
}
