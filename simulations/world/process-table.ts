/** The processes of a machine, by group, and what goes from them to the agent that started them. */
import type {
  ProcessExit,
  ProcessOutput,
  ProcessSignal,
  ProcessSpec,
  StartErrorCode,
} from '../../protocol/ports/processes.ts'
import type { Host } from './host.ts'
import { processTimes } from './limits.ts'
import { Process, type StartedWith } from './process.ts'
import { ordinaryPrograms, type Program, type Programs } from './programs.ts'

const noInput = new Uint8Array(0)

export class ProcessTable {
  private readonly host: Host
  private readonly programs: Programs
  private readonly groups = new Set<ProcessGroup>()
  private readonly directories = new Set(['/', '/tmp'])
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
    if (!this.directories.has(spec.cwd)) return 'badDirectory'
    const found = this.programs[spec.argv.join(' ')] ?? this.programs[spec.argv[0]]
    return found ?? 'notFound'
  }

  start(program: Program, spec: ProcessSpec, output: ProcessOutput): ProcessGroup {
    const group = new ProcessGroup(this.host, this.nextPid++, output, () => {
      this.groups.delete(group)
    })
    this.groups.add(group)
    group.lead(program, { ...spec, stdin: spec.stdin?.slice() ?? noInput })
    return group
  }

  powerLoss(): void {
    for (const group of this.groups) group.vanish()
    this.groups.clear()
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
  private readonly output: ProcessOutput
  private readonly empty: () => void
  private readonly life: number
  private readonly exited = Promise.withResolvers<ProcessExit>()

  constructor(host: Host, pid: number, output: ProcessOutput, empty: () => void) {
    this.host = host
    this.pid = pid
    this.output = output
    this.empty = empty
    this.life = host.life
  }

  /** Starts the one whose exit is the group's. */
  lead(program: Program, started: StartedWith): void {
    this.launch(
      program,
      new Process(this, started, (exit) =>
        this.tell('exit', () => {
          this.exited.resolve(exit)
        }),
      ),
    )
  }

  add(program: Program, parent: StartedWith, whenDone: (exit: ProcessExit) => void): void {
    this.launch(program, new Process(this, parent, whenDone))
  }

  leaderExit(): Promise<ProcessExit> {
    return this.exited.promise
  }

  wrote(to: 'stdout' | 'stderr', chunk: Uint8Array): void {
    const { output } = this
    this.tell(to, () => (to === 'stdout' ? output.onStdout(chunk) : output.onStderr(chunk)))
  }

  ended(process: Process): void {
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
