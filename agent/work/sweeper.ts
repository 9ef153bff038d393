/**
 * Ends and removes what belongs to no attempt: processes that have outlived theirs, and directories
 * and secrets that an earlier life of the agent has left.
 */
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import type { Workspace } from '../../protocol/ports/workspace.ts'
import { isOver } from './held.ts'
import { deskLimits } from './limits.ts'
import type { Register } from './register.ts'
import { removerOf } from './steps/containers.ts'

export interface SweeperPorts {
  clock: Clock
  cells: Cells
  workspace: Workspace
  secretFiles: SecretFiles
  log: Log
}

export class Sweeper {
  readonly #ports: SweeperPorts
  readonly #register: Register
  #timer: Timer | undefined
  #isLooking = false
  /** A stage has ended while it was looked. */
  #isWanted = false
  #restUntilMs = 0
  /** Grows with each stop: what a look before it found is of no use any more. */
  #stops = 0

  constructor(ports: SweeperPorts, register: Register) {
    this.#ports = ports
    this.#register = register
  }

  /** Quick stages are not waited for by a look at every process; what they leave does not stay. */
  soon(): void {
    if (this.#isLooking) {
      this.#isWanted = true
      return
    }
    const { clock } = this.#ports
    const waitMs = Math.max(deskLimits.sweepAfterMs, this.#restUntilMs - clock.now())
    this.#timer ??= clock.after(waitMs, () => {
      this.#timer = undefined
      void this.#lookAndSweep()
    })
  }

  stop(): void {
    this.#stops++
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isWanted = false
  }

  /** A look at every process can take long on a busy host, and is not to keep the loop: see `inhabited`. */
  async #lookAndSweep(): Promise<void> {
    const { clock, cells, workspace } = this.#ports
    const stops = this.#stops
    const beganMs = clock.now()
    this.#isLooking = true
    // Of those that come to rest meanwhile the look may have missed somebody.
    const { resting } = workspace
    const inhabited = await cells.inhabited()
    this.#isLooking = false
    workspace.reuse(resting.difference(inhabited))
    const endedMs = clock.now()
    const { sweepRestFactor, sweepRestMsMax } = deskLimits
    const restMs = Math.min((endedMs - beganMs) * sweepRestFactor, sweepRestMsMax)
    this.#restUntilMs = endedMs + restMs
    if (stops === this.#stops) this.sweep(inhabited)
    if (!this.#isWanted) return
    this.#isWanted = false
    this.soon()
  }

  sweep(inhabited: ReadonlySet<string>): void {
    const keep = new Set<string>()
    for (const name of this.#alive()) keep.add(name).add(removerOf(name))
    const stages = this.#ports.cells.sweep(keep, inhabited)
    if (stages === 0) return
    this.#ports.log.warn('processes that outlived their stages ended', { stages })
  }

  /** What an earlier life has left: nothing has begun in this one. */
  async sweepLeft(): Promise<void> {
    this.sweep(await this.#ports.cells.inhabited())
  }

  async clearSecretFiles(): Promise<void> {
    const alive = new Set(this.#alive())
    const { secretFiles, log } = this.#ports
    const failed = (error: unknown): void => {
      log.warn('secrets of an earlier life not removed', { why: String(error) })
    }
    const names = await secretFiles.folders().catch((error: unknown) => {
      failed(error)
      return []
    })
    for (const name of names) {
      if (isAttemptName(name) && !alive.has(name)) await secretFiles.remove(name).catch(failed)
    }
  }

  async clearDirectories(): Promise<void> {
    const alive = new Set(this.#alive())
    for (const name of await this.#ports.workspace.directories()) {
      if (!isAttemptName(name) || alive.has(name)) continue
      await this.#clear(name).catch((error: unknown) => {
        this.notRemoved(name, error)
      })
    }
  }

  async #clear(name: string): Promise<void> {
    const { workspace } = this.#ports
    if (!(await workspace.discardEmpty(name))) await workspace.discard(name)
  }

  notRemoved(name: string, error: unknown): void {
    this.#ports.log.warn('directory of an attempt not removed', { name, why: String(error) })
  }

  *#alive(): IterableIterator<string> {
    for (const held of this.#register.all()) {
      if (held.name !== undefined && !isOver(held)) yield held.name
    }
  }
}

/** Of a cell, a directory and a log: made once only, in all lives of the agent. */
export function attemptName(life: number, number: number): string {
  return `a${life}-${number}`
}

function isAttemptName(name: string): boolean {
  return /^a\d+-\d+$/.test(name)
}
