/**
 * How all that is meant of this host's cells is ended at once. Where that is everybody, the kernel is
 * told so in one word; whoever is left then, or is meant among others, is looked for and killed one by
 * one, until a look finds nobody.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { CellSpec } from '../../../protocol/ports/cells.ts'
import { cellLimits } from '../limits.ts'
import type { SystemCell } from './cell.ts'
import type { Census } from './census.ts'
import { Condemned } from './condemned.ts'
import type { ControlGroup } from './control-group.ts'
import { killProcess, type Marked, markedAmong } from './marks.ts'
import type { Precedence } from './precedence.ts'
import type { StageShare } from './stage-share.ts'
import type { Starter } from './starter.ts'

export interface KillingParts {
  readonly owner: string
  readonly census: Census
  readonly share: StageShare
  readonly precedence: Precedence
  readonly starter: Starter
  /** Those that were not let go of, by name. */
  readonly open: ReadonlyMap<string, SystemCell>
  /** Of programs that are being started, and are in no cell yet. */
  readonly starting: ReadonlySet<CellSpec>
  /** Whether it gets a control group of its own. */
  wantsGroup(spec: CellSpec): boolean
}

export class Killing {
  readonly #parts: KillingParts

  constructor(parts: KillingParts) {
    this.#parts = parts
  }

  async killAll(names: ReadonlySet<string>): Promise<void> {
    const all = this.#groupOfAll(names)
    const condemned = all && this.#condemned(all)
    const cells = [...names].flatMap((name) => this.#parts.open.get(name) ?? [])
    const over = cells.map((cell) => cell.killWithAll(all))
    if (all === undefined && names.size > 0 && this.#areAll(names)) this.#killMembers()
    this.#parts.census.hurry()
    try {
      let killed: SystemCell[] = []
      if (all !== undefined && condemned !== undefined) {
        const rested = wait(cellLimits.killedRestMs)
        this.#parts.starter.abandonAll()
        await this.#parts.share.condemned(() => condemned.gone())
        await rested
        killed = cells.filter((cell) => cell.groupKilled(all))
      }
      await this.#parts.share.unheld(() => this.#untilGone(names))
      for (const cell of killed) cell.seenKilled()
    } finally {
      for (const end of over) end()
    }
  }

  /** Killed, and for a while before all others on this host: whoever takes longer dies like them. */
  #condemned(all: ControlGroup): Condemned {
    const dying = this.#parts.precedence.dying()
    void wait(cellLimits.killedRestMs).then(dying.over)
    return new Condemned(all, dying.first)
  }

  /**
   * The group of all stages, when all that is in it is meant. Whoever starts programs is in it, too,
   * and another takes its place.
   */
  #groupOfAll(names: ReadonlySet<string>): ControlGroup | undefined {
    return this.#areAll(names) ? this.#parts.share.group : undefined
  }

  #areAll(names: ReadonlySet<string>): boolean {
    // One that opens may be in it without being known, and one that is being started may be in a
    // group of its own without having a cell to kill it by.
    if (this.#parts.starter.opens) return false
    for (const spec of this.#parts.starting) {
      if (!names.has(spec.name) || this.#parts.wantsGroup(spec)) return false
    }
    // Of one whose program is over nobody is to live on: it may be killed with the others.
    for (const [name, cell] of this.#parts.open) if (!names.has(name) && !cell.isOver) return false
    return true
  }

  /**
   * All who have a share, but for who starts programs: where all of them are meant nobody need be
   * looked at, and whoever has thrown away its mark is killed as well. Returns how many there were.
   */
  #killMembers(): number {
    const starters = this.#parts.starter.pids
    const others = (this.#parts.share.members() ?? []).filter((pid) => !starters.has(pid))
    for (const pid of others) killProcess(pid)
    return others.length
  }

  async #untilGone(names: ReadonlySet<string>): Promise<void> {
    // First where nearly all of them are. One that is dying loses its mark before it is gone, and
    // with much memory that takes a while: its group tells. Then wherever else they may be, and
    // until none of them is left.
    for (;;) {
      const near = await this.#killNear(names)
      if (near === 0 && this.#groupsEmpty(names)) {
        const found = await this.#parts.census.kill(names)
        if (found.isDisjointFrom(names)) return
      }
      await wait(cellLimits.killAgainMs)
    }
  }

  #groupsEmpty(names: ReadonlySet<string>): boolean {
    for (const name of names) if (this.#parts.open.get(name)?.groupEmpty() === false) return false
    return true
  }

  /** A look at a few, before the one at all processes of the host. Returns how many were meant. */
  async #killNear(names: ReadonlySet<string>): Promise<number> {
    if (names.size > 0 && this.#areAll(names)) return this.#killMembers()
    const pids = this.#parts.share.members() ?? []
    let meant = 0
    const onFound = ({ pid, cell }: Marked): void => {
      if (!names.has(cell)) return
      killProcess(pid)
      meant++
    }
    await markedAmong(this.#parts.owner, pids, { atOnce: cellLimits.censusReadersMax, onFound })
    return meant
  }
}
