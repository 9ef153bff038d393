/**
 * Programs run for a stage. Each gets a process group of its own, so that "stopped" can mean that
 * nothing it started is left.
 */
export interface ProcessSpec {
  /** Program and arguments, as they are: no shell, no interpolation. */
  argv: readonly [string, ...string[]]
  cwd: string
  /** The whole environment; nothing of the agent's own is added. */
  env: Readonly<Record<string, string>>
  /** Written to standard input, which is then closed. */
  stdin?: Uint8Array
}

export type ProcessSignal = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGINT' | 'SIGHUP'

export type ProcessExit = { kind: 'exited'; code: number } | { kind: 'signalled'; signal: string }

export type StartErrorCode = 'notFound' | 'notExecutable' | 'badDirectory' | 'limit' | 'failed'

export class StartError extends Error {
  readonly code: StartErrorCode
  constructor(code: StartErrorCode, message: string) {
    super(message)
    this.name = 'StartError'
    this.code = code
  }
}

export interface ProcessOutput {
  onStdout(chunk: Uint8Array): void
  onStderr(chunk: Uint8Array): void
}

export interface RunningProcess {
  readonly pid: number
  /** Signals the whole group. False when the group is already empty. */
  signal(signal: ProcessSignal): boolean
  /** Resolves when the program has exited and its output is delivered; its children may live on. */
  exited(): Promise<ProcessExit>
  /** True while any member of the group is alive, zombies not counted. */
  groupAlive(): boolean
}

export interface Processes {
  /** Rejects with `StartError`. */
  start(spec: ProcessSpec, output: ProcessOutput): Promise<RunningProcess>
}
