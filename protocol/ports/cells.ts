/**
 * Programs in cells: a program, everything that it starts, and everything that those start, held
 * together so that "stopped" can mean that nothing of it is left. A cell outlives the agent that
 * started it; the agent's next life finds it again.
 */
import type { ProcessExit, ProcessSignal } from './processes.ts'

export interface CellLimits {
  memoryBytes?: number
  /** Cores' worth of time, over a tenth of a second. */
  cpuCores?: number
  processesMax?: number
}

/** It sees nothing of the agent's, and can change nothing but what it is given. */
export interface CellSandbox {
  /** Its own directory. It may lie in what is the agent's, and shows nothing of that. */
  own: string
  /** Another that it may write in, which must have nothing to do with what is the agent's. */
  directory?: string
  readable: readonly string[]
}

export interface CellSpec {
  /** Letters, digits, `-`, `_` and `.`, up to 200; no other cell of this agent that lives has it. */
  name: string
  /** Program and arguments, as they are: no shell, no interpolation. */
  argv: readonly [string, ...string[]]
  cwd: string
  /** The environment. The port adds one variable, by which it knows the cell's processes again. */
  env: Readonly<Record<string, string>>
  limits: CellLimits
  /** What it starts may gain privileges that it has not itself, as engines of containers must. */
  mayGainPrivileges?: true
  /** Refused where the rule `sandbox` is not held. */
  sandbox?: CellSandbox
  /**
   * How it ends is written down, for a next life of the agent to read, as far as the host can: of a
   * program that is over within a second perhaps only if the agent is gone by then.
   */
  keepsExit: boolean
}

export type CellOutputName = 'stdout' | 'stderr'
export type OnCellOutput = (from: CellOutputName, chunk: Uint8Array) => void

/** `unknown`: it ended while no agent watched, or was not ours to wait for, and kept no record. */
export type CellExit = ProcessExit | { kind: 'unknown' }

/** As far as the host tells. */
export interface CellUsage {
  cpuUserMs?: number
  cpuSystemMs?: number
  memoryPeakBytes?: number
  ioReadBytes?: number
  ioWrittenBytes?: number
}

export interface Cell {
  readonly name: string
  /** With the name, what finds the cell again. Costs a little, the first time that it is asked for. */
  readonly trace: string
  /** Limits that were asked for and that this host cannot hold it to. */
  readonly unenforced: readonly (keyof CellLimits)[]
  /** Resolves when the program has ended and what it wrote is delivered. Others may live on. */
  exited(): Promise<CellExit>
  /** Signals the program's group. False when that is empty. */
  signal(signal: ProcessSignal): boolean
  /** SIGKILL to everything in the cell, also to what left the group. Repeat until it is empty. */
  kill(): void
  /** True when nobody is left in the group. Cheap. */
  groupEmpty(): boolean
  /**
   * True when nobody at all is left, in whatever group or session: by a look at every process that all
   * share who ask meanwhile. Where many end, it waits a little.
   */
  seenEmpty(): Promise<boolean>
  /** True when something in the cell was killed for want of memory. */
  outOfMemory(): boolean
  /**
   * Takes note of what it takes now, which may be a while later. Figures of `usage` may be no better
   * than the last look.
   */
  observe(): void
  usage(): CellUsage
  /** Stops and resumes the reading of output; the program then waits when it writes. */
  hold(held: boolean): void
  /** Lets go of what the port keeps for the cell. Nothing is delivered any more. */
  close(): void
}

/** What this host holds cells to, or why it does not. */
export interface CellRule {
  readonly name: keyof CellLimits | 'noNewPrivileges' | 'ownUser' | 'sandbox'
  /** Undefined: it is held. */
  readonly missing: string | undefined
  /** That it is not held is worth a warning: somebody can change it. */
  readonly isWarning?: true
}

export interface Cells {
  /** What programs here are held to, as far as is known without starting one. */
  rules(): readonly CellRule[]
  /** Rejects with `StartError`. */
  start(spec: CellSpec, onOutput: OnCellOutput): Promise<Cell>
  /**
   * The cell of an earlier life of this agent, if anybody is alive in it or its end was recorded.
   * Without a trace, which a crash may have prevented, by its name alone.
   */
  find(name: string, trace: string | undefined, onOutput: OnCellOutput): Promise<Cell | undefined>
  /**
   * Kills all that is in these cells, of this agent's life or an earlier one, again and again, and
   * resolves when nobody in them is left. All groups are signalled before it returns.
   */
  killAll(names: ReadonlySet<string>): Promise<void>
  /**
   * Holds all cells still, where the host can, until what is returned is called: they take no cores,
   * and start nothing. Whoever is killed meanwhile dies all the same.
   */
  still(): () => void
  /**
   * The agent goes before others on this host, where it may, until what is returned is called: for
   * whoever hears of a stop and has yet to find out whether it is to be believed.
   */
  hurry(): () => void
  /** Cells of this agent in which somebody is alive. Takes its time, and holds nobody up meanwhile. */
  inhabited(): Promise<ReadonlySet<string>>
  /**
   * Kills whatever belongs to those cells of this agent that were `inhabited` a moment ago and are not
   * named, as soon as it is found again, says how many cells that are, and forgets what was kept of
   * all that are not named.
   */
  sweep(keep: ReadonlySet<string>, inhabited: ReadonlySet<string>): number
}
