/**
 * What a host would have said of its later rows, one after the other as they began: by its own history,
 * or by a version with the host's own correction where that has done better there, or where history
 * knows nothing. It lives on: what has ended is history, corrects the version and says whether it is
 * believed (`models/registry/belief.ts`, as hosts themselves go by).
 *
 * The version is new to the host when it is first asked, so at first history has the word.
 */
import { type Judged, logOf } from '../../measures/duration.ts'
import { type Plain, Profiles } from '../../profiles/profiles.ts'
import { Belief } from '../../registry/belief.ts'
import { judged } from '../../registry/standing.ts'
import type { Range, Row } from '../../rows.ts'
import { type Correction, correctionOf, type OwnRow, type Told } from '../personal.ts'

/** As many as hosts judge at once, and as many as their correction is made of. */
const judgedAtOnce = 64
const ownRowsMax = 1_024

/** A row, and what the version says of it, bare. */
export interface SaidOf {
  readonly row: Row
  readonly told: Told
}

/** `known`: in the order of their ends; `held`: in that of their starts, as what comes back. */
export function asUsed(known: readonly SaidOf[], held: readonly SaidOf[]): Judged[] {
  const host = new UsingHost(known)
  const ending = held.toSorted((a, b) => a.row.endedMs - b.row.endedMs)
  let next = 0
  return held.map((one) => {
    for (; (ending[next]?.row.endedMs ?? Number.NaN) <= one.row.startedMs; next++) {
      host.ended(ending[next] as SaidOf)
    }
    return { range: host.says(one), actualMs: tookMs(one.row) }
  })
}

class UsingHost {
  readonly #history = new Profiles()
  readonly #belief = new Belief()
  readonly #own: OwnRow[] = []
  #correction: Correction
  #count = 0
  #pending: SaidOf[] = []
  /** By kind, what history said before the first of those ended: versions, too, knew no more then. */
  readonly #plain = new Map<string, Plain>()

  constructor(known: readonly SaidOf[]) {
    for (const one of known) this.#remember(one)
    this.#correction = this.#corrected()
  }

  says(one: SaidOf): Range {
    const { group, task } = one.row
    const { range, isOfKind } = this.#history.plain(group, task)
    if (range !== undefined && !this.#belief.isBelieved(nameOf(one.row), isOfKind)) return range
    return this.#saidByVersion(one)
  }

  ended(one: SaidOf): void {
    const { group, task } = one.row
    const name = nameOf(one.row)
    if (!this.#plain.has(name)) this.#plain.set(name, this.#history.plain(group, task))
    this.#pending.push(one)
    this.#remember(one)
    if (this.#pending.length >= judgedAtOnce) this.#judge()
  }

  #judge(): void {
    for (const one of this.#pending) {
      const name = nameOf(one.row)
      const { range, isOfKind } = this.#plain.get(name) as Plain
      if (range === undefined) continue
      const judgement = judged(this.#saidByVersion(one), undefined, range, tookMs(one.row))
      this.#belief.record.add(judgement)
      if (isOfKind) this.#belief.noteKind(name, judgement)
    }
    this.#pending = []
    this.#plain.clear()
    this.#correction = this.#corrected()
  }

  #remember({ row, told }: SaidOf): void {
    const { group, task, endedMs, ended } = row
    const id = ++this.#count
    this.#history.add({ id, group, task, endedMs, tookMs: tookMs(row), ended })
    this.#own.push({ task: nameOf(row), target: logOf(tookMs(row)), told })
  }

  #corrected(): Correction {
    return correctionOf(this.#own.slice(-ownRowsMax))
  }

  #saidByVersion({ row, told }: SaidOf): Range {
    const [p10, p50, p90] = this.#correction.corrected(nameOf(row), told)
    return { p10: Math.exp(p10), p50: Math.exp(p50), p90: Math.exp(p90), n: 0 }
  }
}

/** Of its task, among those of all workflows. */
export function nameOf({ group, task }: Row): string {
  return `${group}/${task}`
}

function tookMs({ startedMs, endedMs }: Row): number {
  return endedMs - startedMs
}
