/**
 * One version of the common model, as this host speaks by it: with this host's own correction, made
 * of its latest attempts, and with the record of how well it has done here.
 */
import { createHash } from 'node:crypto'
import {
  type Correction,
  correctionOf,
  type OwnRow as JudgedRow,
  type Told,
} from '../../models/federation/personal.ts'
import { logOf } from '../../models/measures/duration.ts'
import { pooled } from '../../models/profiles/quantiles.ts'
import { Belief } from '../../models/registry/belief.ts'
import type { Learned } from '../../models/registry/learned.ts'
import { type Judgement, Tally } from '../../models/registry/standing.ts'
import type { Range } from '../../models/rows.ts'
import { assert } from '../../protocol/assert.ts'
import type { OwnRow } from './lesson.ts'
import { adviceLimits } from './limits.ts'
import type { Kind } from './oracle.ts'

export class Speaker {
  readonly hash: string
  readonly learned: Learned
  readonly #belief = new Belief()
  /** Since it is in the state that it is in, beside the one that is active. */
  #trial: { readonly name: string; readonly tally: Tally } | undefined
  #own: JudgedRow[] = []
  #correction: Correction = correctionOf([])
  /** What it said, bare, of work that was asked about, for each of the sizes that it may have. */
  readonly #said = new Map<string, readonly Told[]>()

  constructor(hash: string, learned: Learned) {
    this.hash = hash
    this.learned = learned
  }

  /** The tally of one state; of another state, another one. */
  trial(name: string): Tally {
    if (this.#trial?.name !== name) this.#trial = { name, tally: new Tally() }
    return this.#trial.tally
  }

  /** Since it is here: by this it is believed here, or not. */
  get record(): Tally {
    return this.#belief.record
  }

  get isProven(): boolean {
    return this.#belief.isProven
  }

  /** Of one kind that history knew when it was judged. */
  noteKind(kind: Kind, judgement: Judgement): void {
    this.#belief.noteKind(nameOf(kind), judgement)
  }

  /** Beside history; `isOfKind`: which knows the very same kind. */
  isBelieved(kind: Kind, isOfKind: boolean): boolean {
    return this.#belief.isBelieved(nameOf(kind), isOfKind)
  }

  // ── This host's correction ────────────────────────────────────────────────────────────────────

  /** How attempts ended here, and what it had said of them, bare; in the order of their ends. */
  tell(rows: readonly OwnRow[], bare: readonly Told[]): void {
    const judged = rows.map((row, i) => ({
      task: nameOf(row),
      target: logOf(row.endedMs - row.startedMs),
      told: bare[i] as Told,
    }))
    this.#own = [...this.#own, ...judged].slice(-adviceLimits.ownRowsMax)
    this.#correction = correctionOf(this.#own)
  }

  forget(): void {
    this.#belief.forgetKinds()
    this.#own = []
    this.#correction = correctionOf([])
    this.#said.clear()
  }

  /** In milliseconds; `n` is for the caller to know. */
  corrected(kind: Kind, bare: Told, n = 0): Range {
    return rangeOf(this.#correction.corrected(nameOf(kind), bare), n)
  }

  /** Of one kind, whichever of those it will be. */
  expected(kind: Kind, bare: readonly Told[]): Range {
    return mixed(bare.map((told) => this.corrected(kind, told, 1)))
  }

  // ── What it said ──────────────────────────────────────────────────────────────────────────────

  said(key: string): readonly Told[] | undefined {
    return this.#said.get(key)
  }

  remember(key: string, told: readonly Told[]): void {
    if (this.#said.size >= adviceLimits.saidMax) this.#said.clear()
    this.#said.set(key, told)
  }

  /** Of another host than what was asked about until now: how quick it is was found out, say. */
  moved(): void {
    this.#said.clear()
  }

  /** Sizes of its inputs may be others now. */
  outdated(key: string): void {
    this.#said.delete(key)
  }
}

/** From logarithms. Without what no time is like, whatever was learned. */
export function rangeOf(told: Told, n: number): Range {
  const [p10, p50, p90] = told.map((log) =>
    Math.exp(Math.min(adviceLimits.logMsMax, Math.max(0, log))),
  ) as [number, number, number]
  return { p10: Math.min(p10, p50), p50, p90: Math.max(p50, p90), n }
}

/** Of several that are as likely as each other. */
export function mixed(ranges: readonly Range[]): Range {
  const range = pooled(ranges)
  assert(range !== undefined, 'there must be something to expect')
  return range
}

/** Of a task, as the correction tells them apart. */
function nameOf({ group, task }: Kind): string {
  return `${group}/${task}`
}

export function rankOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
