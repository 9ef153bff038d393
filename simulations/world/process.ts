/**
 * One simulated process: a program that runs, is stopped, or has ended. It belongs to the machine
 * and not to the agent that started it, so it outlives an agent that is killed.
 */
import type { ProcessExit, ProcessSignal } from '../../protocol/ports/processes.ts'
import { WorldEvent } from './event.ts'
import type { ProcessGroup } from './process-table.ts'
import type { Program, ProgramSelf } from './programs.ts'
import { hashOfText } from './trace.ts'

export type ProcessState = 'running' | 'stopped' | 'ended'

export interface StartedWith {
  argv: readonly string[]
  cwd: string
  env: Readonly<Record<string, string>>
  stdin: Uint8Array
}

const bytesOf = (data: string | Uint8Array) =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data.slice()

export class Process implements ProgramSelf {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: Uint8Array
  state: ProcessState = 'running'
  cpuCores = 0
  memoryBytes = 0
  /** Called when it takes more or less than before. */
  onUse: (process: Process) => void = () => {}
  /** Time of a core that it has taken, up to its last change. */
  private tookMs = 0
  private tookUntilMs = 0
  private readonly group: ProcessGroup
  private readonly whenDone: (exit: ProcessExit) => void
  private readonly answers = new Map<ProcessSignal, 'nothing' | (() => void)>()
  private readonly timers = new Set<ProgramTimer>()
  /** Signals that came while it was stopped, in order. */
  private pendingSignals: ProcessSignal[] = []

  constructor(group: ProcessGroup, started: StartedWith, whenDone: (exit: ProcessExit) => void) {
    this.group = group
    this.argv = started.argv
    this.cwd = started.cwd
    this.env = started.env
    this.stdin = started.stdin
    this.whenDone = whenDone
  }

  after(ms: number, call: () => void): void {
    if (this.state === 'ended') return
    const timer = new ProgramTimer(this.group, this.argv[0] ?? '', () => {
      this.timers.delete(timer)
      call()
    })
    this.timers.add(timer)
    timer.start(ms)
    if (this.state === 'stopped') timer.hold()
  }

  stdout(data: string | Uint8Array): void {
    if (this.state !== 'ended') this.group.wrote('stdout', bytesOf(data))
  }

  stderr(data: string | Uint8Array): void {
    if (this.state !== 'ended') this.group.wrote('stderr', bytesOf(data))
  }

  writeFile(path: string, text: string): void {
    const { files, name } = this.placeOf(path)
    files?.set(name, bytesOf(text))
  }

  readFile(path: string): string | undefined {
    const { files, name } = this.placeOf(path)
    const bytes = files?.get(name)
    return bytes && new TextDecoder().decode(bytes)
  }

  /** In the directory above it that there is, however deep. */
  private placeOf(path: string): { files: Map<string, Uint8Array> | undefined; name: string } {
    const { files } = this.group.host.processTable
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const found = files.get(path.slice(0, at))
      if (found !== undefined) return { files: found, name: path.slice(at + 1) }
    }
    return { files: undefined, name: path }
  }

  exit(code: number): void {
    this.end({ kind: 'exited', code })
  }

  die(signal: ProcessSignal): void {
    this.end({ kind: 'signalled', signal })
  }

  on(signal: ProcessSignal, does: 'nothing' | (() => void)): void {
    this.answers.set(signal, does)
  }

  fork(program: Program, whenDone: (exit: ProcessExit) => void = () => {}): void {
    if (this.state !== 'ended') this.group.add(program, this, whenDone)
  }

  leave(program: Program, whenDone: (exit: ProcessExit) => void = () => {}): void {
    if (this.state !== 'ended') this.group.addAway(program, this, whenDone)
  }

  /** Time of a core that it has taken so far. */
  cpuMs(): number {
    const { nowMs } = this.group.host.world
    if (this.state === 'running') this.tookMs += this.cpuCores * (nowMs - this.tookUntilMs)
    this.tookUntilMs = nowMs
    return this.tookMs
  }

  use(cost: { cpuCores?: number; memoryBytes?: number }): void {
    this.cpuMs()
    this.cpuCores = cost.cpuCores ?? this.cpuCores
    this.memoryBytes = cost.memoryBytes ?? this.memoryBytes
    this.onUse(this)
  }

  receive(signal: ProcessSignal): void {
    if (this.state === 'ended') return
    if (signal === 'SIGKILL') return this.die(signal)
    if (signal === 'SIGSTOP') return this.stop()
    if (signal === 'SIGCONT') return this.continue()
    if (this.state === 'stopped') {
      this.pendingSignals.push(signal)
      return
    }
    const answer = this.answers.get(signal)
    if (answer === undefined) this.die(signal)
    else if (answer !== 'nothing') answer()
  }

  private stop(): void {
    this.cpuMs()
    this.state = 'stopped'
    for (const timer of this.timers) timer.hold()
  }

  private continue(): void {
    if (this.state !== 'stopped') return
    this.cpuMs()
    this.state = 'running'
    for (const timer of this.timers) timer.release()
    for (const signal of this.pendingSignals.splice(0)) this.receive(signal)
  }

  private end(exit: ProcessExit): void {
    if (this.state === 'ended') return
    this.group.tookMs += this.cpuMs()
    this.state = 'ended'
    for (const timer of this.timers) timer.hold()
    this.timers.clear()
    this.group.left(this)
    this.whenDone(exit)
  }
}

class ProgramTimer extends WorldEvent {
  private readonly group: ProcessGroup
  private readonly name: string
  private readonly call: () => void
  private leftMs = 0

  constructor(group: ProcessGroup, name: string, call: () => void) {
    super(group.host.world)
    this.group = group
    this.name = name
    this.call = call
  }

  start(ms: number): void {
    this.leftMs = ms
    this.release()
  }

  hold(): void {
    if (this.place === -1) return
    this.leftMs = this.atMs - this.world.nowMs
    this.world.scheduler.cancel(this)
  }

  release(): void {
    this.world.scheduler.schedule(this, this.world.nowMs + this.leftMs)
  }

  fire(): void {
    const { world, group } = this
    world.trace.event(world.nowMs, group.host.index, 'process', hashOfText(this.name) ^ group.pid)
    this.call()
  }
}
