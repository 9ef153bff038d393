/** The processes of a machine, by group, and what goes from them to the agent that started them. */
import type {
  ProcessExit,
  ProcessOutput,
  ProcessSignal,
  ProcessSpec,
  StartErrorCode,
} from '../../protocol/ports/processes.ts'
import type { KeptCell } from './cells.ts'
import type { Host } from './host.ts'
import { processTimes } from './limits.ts'
import { Process, type StartedWith } from './process.ts'
import { ordinaryPrograms, type Program, type Programs } from './programs.ts'

const noInput = new Uint8Array(0)

export class ProcessTable {
  private readonly host: Host
  private readonly programs: Programs
  private readonly groups = new Set<ProcessGroup>()
  /** What programs may be started in, besides the directories of attempts. */
  private readonly directories = new Set(['/', '/tmp'])
  /** Files of attempts: by directory, by name. */
  readonly files = new Map<string, Map<string, Uint8Array>>()
  /** Cells with anybody in them, or whose end is still to be asked for. */
  readonly cells = new Map<string, KeptCell>()
  private nextPid = 1000

  constructor(host: Host, programs: Programs) {
    this.host = host
    this.programs = { ...ordinaryPrograms, ...programs }
  }

  /** Cores and memory that programs take now. */
  get cpuCores(): number {
    return this.sum((process) => (process.state === 'running' ? process.cpuCores : 0))
  }

  get memoryBytes(): number {
    return this.sum((process) => process.memoryBytes)
  }

  /** Groups with anybody alive in them, those of earlier lives of the agent included. */
  get alive(): number {
    return this.groups.size
  }

  find(spec: ProcessSpec): Program | StartErrorCode {
    const known = this.directories.has(spec.cwd) || this.files.has(spec.cwd)
    if (!known) return 'badDirectory'
    const found = this.programs[spec.argv.join(' ')] ?? this.programs[spec.argv[0]]
    return found ?? 'notFound'
  }

  start(program: Program, spec: ProcessSpec, output: ProcessOutput): ProcessGroup {
    const group = this.newGroup(output)
    group.lead(program, { ...spec, stdin: spec.stdin?.slice() ?? noInput })
    return group
  }

  /** Everybody who was started with this variable so, or by somebody who was. */
  *marked(name: string, accepts: (value: string) => boolean): IterableIterator<Process> {
    for (const group of this.groups) {
      for (const process of group.members) {
        const value = process.env[name]
        if (value !== undefined && accepts(value)) yield process
      }
    }
  }

  private newGroup(output: ProcessOutput): ProcessGroup {
    const group = new ProcessGroup(
      this.host,
      this.nextPid++,
      output,
      () => this.groups.delete(group),
      () => this.newGroup(output),
    )
    this.groups.add(group)
    return group
  }

  powerLoss(): void {
    for (const group of this.groups) group.vanish()
    this.groups.clear()
    this.cells.clear()
    this.files.clear()
  }

  private sum(of: (process: Process) => number): number {
    let total = 0
    for (const group of this.groups) for (const process of group.members) total += of(process)
    return total
  }
}

export class ProcessGroup {
  readonly host: Host
  readonly pid: number
  readonly members = new Set<Process>()
  /** Time of a core that those who have ended took. */
  tookMs = 0
  /** How the one whose exit is the group's has ended. */
  ended: ProcessExit | undefined
  private output: ProcessOutput
  private readonly empty: () => void
  private readonly another: () => ProcessGroup
  private life: number
  private exited = Promise.withResolvers<ProcessExit>()

  constructor(
    host: Host,
    pid: number,
    output: ProcessOutput,
    empty: () => void,
    another: () => ProcessGroup,
  ) {
    this.host = host
    this.pid = pid
    this.output = output
    this.empty = empty
    this.another = another
    this.life = host.life
  }

  /** Goes on telling a new life of the agent what it has told an earlier one. */
  adopt(output: ProcessOutput): void {
    this.output = output
    this.life = this.host.life
    this.exited = Promise.withResolvers<ProcessExit>()
    if (this.ended) this.exited.resolve(this.ended)
  }

  /** Starts the one whose exit is the group's. */
  lead(program: Program, started: StartedWith): void {
    this.launch(
      program,
      new Process(this, started, (exit) => {
        this.ended = exit
        this.tell('exit', () => {
          this.exited.resolve(exit)
        })
      }),
    )
  }

  add(program: Program, parent: StartedWith, whenDone: (exit: ProcessExit) => void): void {
    this.launch(program, new Process(this, parent, whenDone))
  }

  /** In a group of its own, as a program that has made itself a session. */
  addAway(program: Program, parent: StartedWith, whenDone: (exit: ProcessExit) => void): void {
    this.another().add(program, parent, whenDone)
  }

  leaderExit(): Promise<ProcessExit> {
    return this.exited.promise
  }

  wrote(to: 'stdout' | 'stderr', chunk: Uint8Array): void {
    const { output } = this
    this.tell(to, () => (to === 'stdout' ? output.onStdout(chunk) : output.onStderr(chunk)))
  }

  left(process: Process): void {
    this.members.delete(process)
    if (this.members.size === 0) this.empty()
  }

  signal(signal: ProcessSignal): boolean {
    if (this.members.size === 0) return false
    this.host.world.plan(processTimes.signalMs, 'process', `${signal} to ${this.pid}`, () => {
      for (const process of [...this.members]) process.receive(signal)
    })
    return true
  }

  /** The machine beneath is off. */
  vanish(): void {
    for (const process of [...this.members]) process.receive('SIGKILL')
  }

  private launch(program: Program, process: Process): void {
    this.members.add(process)
    process.after(0, () => program(process))
  }

  /** The pipe to an agent that was killed has no reader. */
  private tell(what: string, call: () => void): void {
    if (this.life === this.host.life) this.host.later(processTimes.pipeMs, 'process', what, call)
  }
}
