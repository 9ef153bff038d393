/**
 * One cell, started here or found again. What ends it differs; who is in it, how it is ended and
 * what it took does not.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Cell, CellExit, CellLimits, CellUsage } from '../../../protocol/ports/cells.ts'
import type { ProcessSignal } from '../../../protocol/ports/processes.ts'
import { cellLimits, processLimits } from '../limits.ts'
import { Group } from '../process-group.ts'
import { processStatus } from '../process-status.ts'
import type { Census } from './census.ts'
import type { ControlGroup } from './control-group.ts'
import { type Ended, killedEnd, recordedEnd, unknownEnd } from './ended.ts'
import { Observation } from './observation.ts'
import type { PipeEnd } from './pipes.ts'
import { processStatApart } from './process-stat.ts'
import { type Trace, traceText } from './trace.ts'

export interface CellParts {
  name: string
  /** Of the program; undefined when it is not known, because it has ended. */
  pid: number | undefined
  /** When its program was started, where that is known. */
  started: string | undefined
  unenforced: readonly (keyof CellLimits)[]
  controlGroup: ControlGroup | undefined
  /** The group of all stages, where the kernel holds it in that. */
  stages: ControlGroup | undefined
  recordPath: string | undefined
  pipes: readonly PipeEnd[]
  census: Census
  /** Called once, when the cell is let go. */
  onClose(): void
}

export class SystemCell implements Cell {
  readonly name: string
  readonly unenforced: readonly (keyof CellLimits)[]
  readonly #parts: CellParts
  readonly #group: Group | undefined
  #programGone = false
  readonly #observation = new Observation()
  readonly #exit = Promise.withResolvers<CellExit>()
  #started: string | undefined
  #isIdentifying = false
  #identifiedMs = Number.NEGATIVE_INFINITY
  /** Its program's number is another's by now. */
  #isAnother = false
  #goneSinceMs: number | undefined
  #accounts: CellUsage = {}
  #watch: NodeJS.Timeout | undefined
  #listening: NodeJS.Timeout | undefined
  #closed = false
  /** How many see to it already, until nobody is left, that all of it is killed. */
  #killers = 0
  /** The kernel has killed everybody in it, and nobody was left. */
  #emptied = false

  constructor(parts: CellParts) {
    this.#parts = parts
    this.#started = parts.started
    this.name = parts.name
    this.unenforced = parts.unenforced
    this.#group = parts.pid === undefined ? undefined : new Group(parts.pid)
  }

  /** Says when its program was started only once that is known, which nobody waits for. */
  get trace(): string {
    const { pid, pipes, unenforced } = this.#parts
    const paths = pipes.map(({ path }) => path)
    return traceText({ pid, started: this.#started, pipes: paths, unenforced } satisfies Trace)
  }

  /** Called by whoever learns of the program's end; the first is believed. */
  programEnded({ exit, usage, groupEmpty }: Ended): void {
    if (this.#programGone) return
    this.#programGone = true
    this.#accounts = usage
    if (this.#group) this.#group.leaderGone = true
    if (groupEmpty) this.#group?.emptied()
    clearInterval(this.#watch)
    clearTimeout(this.#listening)
    this.hold(false)
    this.#drain(() => this.#exit.resolve(exit))
  }

  /** Looks after a program whose end nobody may ever tell of. */
  watch(everyMs: number): void {
    this.#watch = setInterval(() => this.#look(), everyMs)
  }

  /** To what it writes, if it still runs by then; what is there at its end is read in any case. */
  listenIn(ms: number): void {
    if (this.#programGone) return
    this.#listening = setTimeout(() => {
      void this.#identify()
      let isAll = true
      for (const pipe of this.#parts.pipes) isAll = pipe.listen() && isAll
      const { listenAfterMs, programPollMs } = cellLimits
      if (!isAll) this.listenIn(Math.min(programPollMs, Math.max(listenAfterMs, 2 * ms)))
    }, ms)
  }

  /** Its program has ended: what is left of it is to go as well. */
  get isOver(): boolean {
    return this.#programGone
  }

  exited(): Promise<CellExit> {
    return this.#exit.promise
  }

  signal(signal: ProcessSignal): boolean {
    return this.#group?.signal(signal) ?? false
  }

  kill(): void {
    // To look for them once more is to take cores from those who die, and from hosts that share some.
    if (this.#killers > 0) return
    this.killGroups()
    void this.#parts.census.kill([this.name])
  }

  /**
   * With all others, until what is returned is called: `kill` has nothing to add then. `killed`: a
   * group that was already. Who is in no group that the kernel kills is looked for.
   */
  killWithAll(killed: ControlGroup | undefined): () => void {
    this.#killers++
    this.killGroups(killed)
    if (this.#heldBy(killed) === undefined) void this.#parts.census.kill([this.name])
    return () => {
      this.#killers--
    }
  }

  /** As far as the kernel holds the cell together by itself. `killed`: a group that was already. */
  killGroups(killed?: ControlGroup): void {
    const { controlGroup, stages } = this.#parts
    if (killed === undefined || stages !== killed) this.#group?.signal('SIGKILL')
    controlGroup?.kill()
  }

  /**
   * Everybody in that group was killed, whoever would tell of ends among them, and is gone. True when
   * that says that the program is.
   */
  groupKilled(group: ControlGroup): boolean {
    const held = this.#heldBy(group)
    if (held === undefined || (held !== group && !held.empty())) return false
    this.programEnded(killedEnd)
    return true
  }

  /** A look at all processes of the host, after the kernel has killed it, has found none of it. */
  seenKilled(): void {
    this.#emptied = true
  }

  /** Whose death is its own: its group, or that of all stages, where that was killed. */
  #heldBy(killed: ControlGroup | undefined): ControlGroup | undefined {
    const { controlGroup, stages } = this.#parts
    return controlGroup ?? (stages === killed ? killed : undefined)
  }

  groupEmpty(): boolean {
    return !(this.#group?.alive() ?? false)
  }

  async seenEmpty(): Promise<boolean> {
    const { controlGroup, census, name } = this.#parts
    if (this.#emptied) return true
    if (!this.groupEmpty()) return false
    if (controlGroup !== undefined) return controlGroup.empty()
    return !(await census.next()).has(name)
  }

  outOfMemory(): boolean {
    return this.#parts.controlGroup?.outOfMemory() ?? false
  }

  observe(): void {
    const { pid } = this.#parts
    if (pid !== undefined && !this.#programGone) void this.#observation.look(pid)
  }

  /**
   * The kernel's accounts; where it keeps none, the nursery's, which leave out those for whom their
   * parent has not waited, or else what was seen: whichever is more.
   */
  usage(): CellUsage {
    const kernel = this.#parts.controlGroup?.usage()
    const seen = this.#observation.usage()
    const most = { ...seen, ...this.#accounts }
    for (const name of ['cpuUserMs', 'cpuSystemMs'] as const) {
      if (most[name] !== undefined) most[name] = Math.max(most[name], seen[name] ?? 0)
    }
    return { ...most, ...kernel }
  }

  hold(held: boolean): void {
    // What is left after the program's end is one pipe's fill, and is waited for.
    if (held && this.#programGone) return
    for (const pipe of this.#parts.pipes) pipe.hold(held)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#watch)
    clearTimeout(this.#listening)
    this.#parts.controlGroup?.remove()
    this.#forgetRecord()
    this.#parts.onClose()
  }

  /** Most programs leave none: the shell writes it only when there may be need of it. */
  #forgetRecord(): void {
    const { recordPath } = this.#parts
    if (recordPath === undefined || !existsSync(recordPath)) return
    rmSync(recordPath, { force: true })
  }

  #look(): void {
    if (this.#seemsAlive()) {
      void this.#identify()
      return
    }
    const { recordPath } = this.#parts
    const recorded = recordPath === undefined ? undefined : recordedEnd(recordPath)
    const now = performance.now()
    this.#goneSinceMs ??= now
    const late = recordPath === undefined || now - this.#goneSinceMs >= cellLimits.recordWaitMsMax
    if (recorded !== undefined) this.programEnded(recorded)
    else if (late) this.programEnded(unknownEnd)
  }

  #seemsAlive(): boolean {
    const { pid } = this.#parts
    if (pid === undefined || this.#isAnother) return false
    const status = processStatus(pid)
    return status !== undefined && !status.ended
  }

  /** Who it is that has its number takes longer to know, and changes seldom. */
  async #identify(): Promise<void> {
    const { pid } = this.#parts
    const nowMs = performance.now()
    const isKnown = nowMs - this.#identifiedMs < cellLimits.programPollMs
    if (pid === undefined || isKnown || this.#isIdentifying || this.#programGone) return
    this.#isIdentifying = true
    const stat = await processStatApart(pid)
    this.#isIdentifying = false
    this.#identifiedMs = nowMs
    if (stat === undefined || this.#programGone) return
    this.#started ??= stat.startedTicks
    this.#isAnother = stat.startedTicks !== this.#started
  }

  /** Calls when all pipes have ended, or a whole turn of the event loop has brought nothing. */
  #drain(done: () => void): void {
    const { pipes } = this.#parts
    for (const pipe of pipes) pipe.readOut()
    const startedMs = performance.now()
    const count = (): number => pipes.reduce((sum, pipe) => sum + pipe.chunks, 0)
    let quietTurns = 0
    let chunks = count()
    const turn = (): void => {
      quietTurns = chunks === count() ? quietTurns + 1 : 0
      chunks = count()
      const late = performance.now() - startedMs >= processLimits.drainMsMax
      const ended = pipes.every((pipe) => pipe.ended)
      if (this.#closed || ended || quietTurns >= 2 || late) done()
      else setImmediate(turn)
    }
    if (pipes.every((pipe) => pipe.ended)) done()
    else setImmediate(turn)
  }
}
