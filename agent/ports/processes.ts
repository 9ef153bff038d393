/**
 * Programs on this host, each the leader of a process group of its own.
 *
 * What `exited` promises: all that the program itself wrote has been delivered. A child that lives
 * on may hold the same pipes open for ever, so their end is not waited for: once the program has
 * exited, its output is drained until a whole turn of the event loop brings nothing more. What
 * children write later is delivered as it comes, and never delays anybody.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import {
  type ProcessExit,
  type Processes,
  type ProcessOutput,
  type ProcessSignal,
  type ProcessSpec,
  type RunningProcess,
  StartError,
  type StartErrorCode,
} from '../../protocol/ports/processes.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { errnoOf } from './errno.ts'
import { processLimits } from './limits.ts'
import { Group } from './process-group.ts'

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>

export class SystemProcesses implements Processes {
  async start(spec: ProcessSpec, output: ProcessOutput): Promise<RunningProcess> {
    const [program, ...args] = spec.argv
    let child: Child
    try {
      child = spawn(program, args, {
        cwd: spec.cwd,
        env: spec.env,
        detached: true,
        stdio: [spec.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      }) as Child
    } catch (error) {
      throw await startError(error, spec)
    }
    const group = new ProcessGroup(child, output)
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => startError(error, spec).then(reject, reject))
    })
    if (child.stdin) feed(child.stdin, spec.stdin ?? new Uint8Array())
    return group
  }
}

class ProcessGroup implements RunningProcess {
  readonly pid: number
  readonly #exit: Promise<ProcessExit>
  readonly #group: Group
  #chunks = 0

  constructor(child: Child, output: ProcessOutput) {
    // Without a pid the start has failed, and nobody gets to see this object.
    this.pid = child.pid ?? 0
    this.#group = new Group(this.pid)
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks++
      output.onStdout(plain(chunk))
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.#chunks++
      output.onStderr(plain(chunk))
    })
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#group.leaderGone = true
        const exit: ProcessExit =
          signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signalled', signal }
        this.#drain(() => resolve(exit))
      })
    })
  }

  signal(signal: ProcessSignal): boolean {
    return this.#group.signal(signal)
  }

  exited(): Promise<ProcessExit> {
    return this.#exit
  }

  groupAlive(): boolean {
    return this.#group.alive()
  }

  /** Calls when a whole turn of the event loop, which reads all pipes, has brought nothing. */
  #drain(done: () => void): void {
    const startedMs = performance.now()
    let quietTurns = 0
    let chunks = this.#chunks
    const turn = (): void => {
      quietTurns = chunks === this.#chunks ? quietTurns + 1 : 0
      chunks = this.#chunks
      const late = performance.now() - startedMs >= processLimits.drainMsMax
      if (quietTurns >= 2 || late) done()
      else setImmediate(turn)
    }
    setImmediate(turn)
  }
}

/** A program need not read what it is given: a broken pipe is its choice, not an error. */
function feed(stdin: Writable, bytes: Uint8Array): void {
  stdin.on('error', () => {})
  stdin.end(bytes)
}

const startCodes: Readonly<Record<string, StartErrorCode>> = {
  ENOENT: 'notFound',
  EACCES: 'notExecutable',
  ENOEXEC: 'notExecutable',
  EISDIR: 'notExecutable',
  EAGAIN: 'limit',
  ENOMEM: 'limit',
  EMFILE: 'limit',
  ENFILE: 'limit',
  E2BIG: 'limit',
}

export async function startError(
  error: unknown,
  spec: Pick<ProcessSpec, 'argv' | 'cwd'>,
): Promise<StartError> {
  // The system reports a bad directory as if the program were missing.
  const directory = await stat(spec.cwd).catch(() => undefined)
  if (!directory?.isDirectory()) {
    return new StartError('badDirectory', `cannot start ${spec.argv[0]}: no directory ${spec.cwd}`)
  }
  const message = messageOf(error)
  const code = startCodes[errnoOf(error)] ?? 'failed'
  return new StartError(code, `cannot start ${spec.argv[0]} in ${spec.cwd}: ${message}`)
}

function plain(chunk: Buffer): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}
