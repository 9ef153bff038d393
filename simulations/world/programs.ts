/**
 * Programs that can be run in a world. A program is a function that is given itself: what it was
 * started with, its outputs, its timers and its signals. It ends by `exit`, or by a signal.
 */
import type { ProcessExit, ProcessSignal } from '../../protocol/ports/processes.ts'

export interface ProgramSelf {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** All that standard input will ever hold. */
  readonly stdin: Uint8Array
  /** Calls after so long of running: time in which the program is stopped does not count for it. */
  after(ms: number, call: () => void): void
  stdout(data: string | Uint8Array): void
  stderr(data: string | Uint8Array): void
  /** Writes a whole file in one of the directories of attempts; elsewhere nothing happens. */
  writeFile(path: string, text: string): void
  /** A whole file there; undefined when there is none. */
  readFile(path: string): string | undefined
  exit(code: number): void
  /** Ends as if by this signal. */
  die(signal: ProcessSignal): void
  /** What a signal does instead of ending the program. SIGKILL, SIGSTOP and SIGCONT take nothing else. */
  on(signal: ProcessSignal, does: 'nothing' | (() => void)): void
  /** Starts a child in the same group, with the same outputs. */
  fork(program: Program, whenDone?: (exit: ProcessExit) => void): void
  /** Starts a child in a group of its own, out of reach of signals to this one. */
  leave(program: Program, whenDone?: (exit: ProcessExit) => void): void
  /** What it takes from the machine from now on. */
  use(cost: { cpuCores?: number; memoryBytes?: number }): void
}

export type Program = (self: ProgramSelf) => void

/**
 * Found by the whole command line, its words joined by spaces, and else by the program's path
 * alone. `notExecutable` stands for a file that is there and is no program.
 */
export type Programs = Readonly<Record<string, Program | 'notExecutable'>>

/** Runs for so long and then exits. */
export function runs(ms: number, code = 0): Program {
  return (self) => self.after(ms, () => self.exit(code))
}

const cat: Program = (self) => {
  if (self.stdin.length > 0) self.stdout(self.stdin)
  self.exit(0)
}

const echo: Program = (self) => {
  self.stdout(`${self.argv.slice(1).join(' ')}\n`)
  self.exit(0)
}

const env: Program = (self) => {
  for (const [name, value] of Object.entries(self.env)) self.stdout(`${name}=${value}\n`)
  self.exit(0)
}

const sleep: Program = (self) => {
  self.after(Number(self.argv[1] ?? 0) * 1000, () => self.exit(0))
}

/** What every machine has. */
export const ordinaryPrograms: Programs = {
  '/bin/cat': cat,
  '/bin/echo': echo,
  '/bin/false': runs(0, 1),
  '/bin/sleep': sleep,
  '/bin/true': runs(0, 0),
  '/usr/bin/env': env,
  '/etc/passwd': 'notExecutable',
}
