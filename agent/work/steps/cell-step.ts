/**
 * A program in a cell, as a step: what it writes for others to read, and the promise that nothing
 * of it is left when it has ended. A program that ends and leaves children behind has them ended.
 */
import type { Cell, CellExit, CellUsage } from '../../../protocol/ports/cells.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
import type { Workspace } from '../../../protocol/ports/workspace.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import { stepLimits } from '../limits.ts'
import {
  OUTPUT_FILE,
  PROGRESS_FILE,
  type RunningStep,
  type StepEnd,
  type StepOrder,
  type StepProgress,
} from './executor.ts'
import { failureOf } from './exit-class.ts'
import { endWithOutputs } from './outputs.ts'
import { progressIn } from './progress.ts'

export interface CellStepPorts {
  clock: Clock
  workspace: Workspace
}

/** Where the program stands for something outside its cell. */
export interface StandIn {
  remove(): Promise<void>
  /** Where its exit says something about itself. */
  failure(exit: CellExit): StepEnd | undefined
}

export interface CellStepOptions {
  /** Where files are that it hands on, as the host sees it. */
  directory: string
  /** An earlier life of the agent has started it. */
  found?: boolean
  standIn?: StandIn
}

export class CellStep implements RunningStep {
  readonly unenforced: readonly string[]
  readonly #ports: CellStepPorts
  readonly #order: StepOrder
  readonly #cell: Cell
  /** Long ago, for one that an earlier life has started. */
  readonly #startedMs: number
  readonly #ended: Promise<StepEnd>
  /** It was asked to end: whatever brings its end about, it is told of when nothing is left. */
  #stopping = false
  #killing = false
  #over = false
  /** Why it was ended for what it has written. */
  #tooLarge: string | undefined
  /** Its directory is gone. */
  #clean = false
  readonly #standIn: StandIn | undefined
  readonly #directory: string

  constructor(
    ports: CellStepPorts,
    order: StepOrder,
    cell: Cell,
    { directory, found = false, standIn }: CellStepOptions,
  ) {
    this.#directory = directory
    this.#ports = ports
    this.#order = order
    this.#cell = cell
    this.#standIn = standIn
    this.unenforced = cell.unenforced.map((limit) => asked[limit])
    this.#startedMs = found ? Number.NEGATIVE_INFINITY : ports.clock.now()
    this.#ended = this.#live()
  }

  get trace(): string {
    return this.#cell.trace
  }

  ended(): Promise<StepEnd> {
    return this.#ended
  }

  askToEnd(): void {
    this.#stopping = true
    if (!this.#cell.signal('SIGTERM')) this.kill()
  }

  kill(): void {
    this.#stopping = true
    if (this.#killing || this.#over) return
    this.#killing = true
    this.#cell.hold(false)
    this.#killAgain()
  }

  hold(held: boolean): void {
    if (!this.#over) this.#cell.hold(held)
  }

  async look(): Promise<StepProgress | undefined> {
    if (this.#over) return undefined
    this.#cell.observe()
    await this.#boundDisk()
    const file = this.#ports.workspace.file(this.#order.name, PROGRESS_FILE)
    try {
      const read = await file.read(stepLimits.progressBytesMax)
      if (read === undefined || (read instanceof Uint8Array && read.length === 0)) return undefined
      // What has been read goes, so that the same words written again are a sign of life.
      await file.write(new Uint8Array(0))
      return read instanceof Uint8Array ? progressIn(read) : {}
    } catch {
      // The stage has made something else of the file. Its progress is its own affair.
      return undefined
    }
  }

  /**
   * What its directory takes is looked at, and not held to: whoever writes fast is beyond it for a
   * moment, and what is written elsewhere is not seen.
   */
  async #boundDisk(): Promise<void> {
    const { workspace } = this.#ports
    const { name, assignment } = this.#order
    const { diskBytes = Number.POSITIVE_INFINITY } = assignment.resources
    const freeBytes = workspace.freeBytes()
    const isLow = freeBytes < stepLimits.freeBytesMin
    const bytesMax = isLow ? Math.min(diskBytes, stepLimits.spareBytes) : diskBytes
    if (bytesMax === Number.POSITIVE_INFINITY || this.#tooLarge !== undefined) return
    const bytes = await workspace.size(name, bytesMax).catch(() => 0)
    if (bytes <= bytesMax || this.#over || this.#stopping) return
    this.#tooLarge =
      bytes > diskBytes
        ? `it has written more than the ${mebibytes(diskBytes)} of disk that it asked for`
        : `the disk of its host has only ${mebibytes(freeBytes)} left, and it has written more than ${mebibytes(bytesMax)}`
    this.#order.onNote(`${this.#tooLarge}: it is ended`)
    this.kill()
  }

  usage(): CellUsage {
    return this.#cell.usage()
  }

  async cleanUp(): Promise<void> {
    if (!this.#clean) await this.#ports.workspace.discard(this.#order.name)
  }

  async #live(): Promise<StepEnd> {
    const exit = await this.#cell.exited()
    await this.#empty()
    // A program that did not end by itself has not taken along what it stood for.
    if (this.#killing || exit.kind !== 'exited') await this.#standIn?.remove()
    this.#over = true
    // Before the cell forgets how it ended: another life of the agent would have to do it again.
    const end = await this.#order.files.handOn(this.#directory, await this.#judge(exit))
    // It may have been asked only now, after nothing but a quick look at what it has left.
    if (this.#stopping) await this.#empty()
    this.#cell.close()
    return end
  }

  /** Ends what the program has left behind. */
  async #empty(): Promise<void> {
    // Whether anybody has left the group takes a look at every process of the host.
    const quick = this.#ports.clock.now() - this.#startedMs < stepLimits.quickMs
    const gone = (): boolean | Promise<boolean> =>
      quick && !this.#stopping ? this.#cell.groupEmpty() : this.#cell.seenEmpty()
    if (await gone()) return
    if (!this.#killing) {
      this.#order.onNote('the program has ended and left others running: they are ended too')
    }
    while (!(await gone())) {
      this.#cell.kill()
      await new Promise<void>((resolve) => {
        this.#ports.clock.after(stepLimits.killAgainMs, resolve)
      })
    }
  }

  async #judge(exit: CellExit): Promise<StepEnd> {
    if (this.#tooLarge !== undefined) {
      return { kind: 'failed', errorClass: 'resource', code: 'disk', message: this.#tooLarge }
    }
    const failure = this.#standIn?.failure(exit) ?? failureOf(exit, this.#cell.outOfMemory())
    if (failure) return failure
    const { workspace } = this.#ports
    const { name, files } = this.#order
    const file = workspace.file(name, OUTPUT_FILE)
    try {
      // Most have written nothing, and then this is all that there is to do.
      if (!files.isAny) this.#clean = await workspace.discardEmpty(name)
      if (this.#clean) return { kind: 'succeeded' }
      return endWithOutputs(await file.read(workLimits.outputsBytesMax))
    } catch (error) {
      const message = `its $SKEIN_OUTPUT cannot be read: ${String(error)}`
      return { kind: 'failed', errorClass: 'input', code: 'badOutput', message }
    }
  }

  #killAgain(): void {
    if (this.#over) return
    this.#cell.kill()
    this.#ports.clock.after(stepLimits.killAgainMs, () => this.#killAgain())
  }
}

function mebibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toFixed(1))} MiB`
}

const asked = { memoryBytes: 'memory', cpuCores: 'cpu', processesMax: 'pids' } as const
