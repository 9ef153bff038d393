/**
 * The `Cells` port of one life of a host: groups of the process table, known again by a mark in the
 * environment. Of the limits it enforces memory; that it does not enforce the others, it says.
 */
import type {
  Cell,
  CellExit,
  CellLimits,
  CellRule,
  CellSpec,
  Cells,
  CellUsage,
  OnCellOutput,
} from '../../protocol/ports/cells.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import {
  type ProcessOutput,
  type ProcessSignal,
  StartError,
} from '../../protocol/ports/processes.ts'
import { quickUnit } from './entropy.ts'
import type { Host } from './host.ts'
import { processTimes } from './limits.ts'
import type { Process } from './process.ts'
import type { ProcessGroup } from './process-table.ts'

const MARK = 'SKEIN_CELL'

export class SimulatedCells implements Cells {
  private readonly host: Host
  private readonly life: number
  private readonly entropy: Entropy

  constructor(host: Host) {
    this.host = host
    this.life = host.life
    this.entropy = host.world.entropy.stream(`cells/${host.name}/${host.life}`)
  }

  rules(): readonly CellRule[] {
    return []
  }

  start(spec: CellSpec, onOutput: OnCellOutput): Promise<Cell> {
    return new Promise((resolve, reject) => {
      if (this.life !== this.host.life) return
      const tookMs = processTimes.startMs + processTimes.startJitterMs * quickUnit(this.entropy)
      this.host.later(tookMs, 'process', 'start', () => {
        const table = this.host.processTable
        const marked = { ...spec, env: { ...spec.env, [MARK]: spec.name } }
        const program = table.find(marked)
        if (typeof program === 'string') {
          reject(new StartError(program, `cannot start ${spec.argv[0]} in ${spec.cwd}: ${program}`))
          return
        }
        const output = new HeldOutput(onOutput)
        const group = table.start(program, marked, output)
        const kept = { group, keepsExit: spec.keepsExit, unenforced: unenforced(spec.limits) }
        table.cells.set(spec.name, kept)
        const cell = new SimulatedCell(this.host, spec.name, kept, output)
        cell.limit(spec.limits.memoryBytes)
        resolve(cell)
      })
    })
  }

  find(name: string, trace: string | undefined, onOutput: OnCellOutput): Promise<Cell | undefined> {
    const kept = this.host.processTable.cells.get(name)
    if (kept === undefined) return Promise.resolve(undefined)
    const { group, keepsExit } = kept
    if (trace !== undefined && trace !== String(group.pid)) return Promise.resolve(undefined)
    const output = new HeldOutput(onOutput)
    group.adopt(output)
    const cell = new SimulatedCell(this.host, name, kept, output)
    if (!(group.ended && keepsExit) && cell.empty()) return Promise.resolve(undefined)
    // The end of a program that keeps no record and that nobody waited for is not known.
    cell.unknownEnd = !keepsExit
    return Promise.resolve(cell)
  }

  /** A host without control groups. */
  still(): () => void {
    return () => {}
  }

  /** A host on which nobody waits for a core. */
  hurry(): () => void {
    return () => {}
  }

  killAll(names: ReadonlySet<string>): Promise<void> {
    const { processTable } = this.host
    for (const process of [...processTable.marked(MARK, (name) => names.has(name))]) {
      process.receive('SIGKILL')
    }
    return Promise.resolve()
  }

  inhabited(): Promise<ReadonlySet<string>> {
    const living = this.host.processTable.marked(MARK, () => true)
    return Promise.resolve(new Set([...living].flatMap(({ env }) => env[MARK] ?? [])))
  }

  sweep(keep: ReadonlySet<string>, inhabited: ReadonlySet<string>): number {
    const isMeant = (name: string): boolean => inhabited.has(name) && !keep.has(name)
    const strays = [...this.host.processTable.marked(MARK, isMeant)]
    for (const stray of strays) stray.receive('SIGKILL')
    return new Set(strays.map(({ env }) => env[MARK])).size
  }
}

/** What a machine remembers of a cell, whoever asks. */
export interface KeptCell {
  group: ProcessGroup
  keepsExit: boolean
  unenforced: readonly (keyof CellLimits)[]
}

class SimulatedCell implements Cell {
  readonly name: string
  readonly trace: string
  readonly unenforced: readonly (keyof CellLimits)[]
  unknownEnd = false
  private readonly host: Host
  private readonly group: ProcessGroup
  private oom = false
  private peakBytes = 0
  private readonly output: HeldOutput
  private readonly exit: Promise<CellExit>

  constructor(host: Host, name: string, { group, unenforced }: KeptCell, output: HeldOutput) {
    this.host = host
    this.name = name
    this.group = group
    this.trace = String(group.pid)
    this.unenforced = unenforced
    this.output = output
    this.exit = group.leaderExit().then((exit) => output.afterwards().then(() => exit))
  }

  limit(memoryBytes: number | undefined): void {
    if (memoryBytes === undefined) return
    const watch = (process: Process): void => {
      this.observe()
      if (this.inUse() <= memoryBytes) return
      this.oom = true
      process.receive('SIGKILL')
    }
    for (const process of this.members()) process.onUse = watch
  }

  async exited(): Promise<CellExit> {
    const exit = await this.exit
    return this.unknownEnd ? { kind: 'unknown' } : exit
  }

  signal(signal: ProcessSignal): boolean {
    return this.group.signal(signal)
  }

  kill(): void {
    this.group.signal('SIGKILL')
    for (const process of [...this.members()]) process.receive('SIGKILL')
  }

  groupEmpty(): boolean {
    return this.group.members.size === 0
  }

  empty(): boolean {
    return this.groupEmpty() && this.members().next().done === true
  }

  seenEmpty(): Promise<boolean> {
    return Promise.resolve(this.empty())
  }

  outOfMemory(): boolean {
    return this.oom
  }

  observe(): void {
    this.peakBytes = Math.max(this.peakBytes, this.inUse())
  }

  usage(): CellUsage {
    let cpuMs = this.group.tookMs
    for (const process of this.members()) cpuMs += process.cpuMs()
    const memory = this.peakBytes === 0 ? {} : { memoryPeakBytes: this.peakBytes }
    return { cpuUserMs: Math.round(cpuMs), cpuSystemMs: 0, ...memory }
  }

  hold(held: boolean): void {
    this.output.hold(held)
  }

  close(): void {
    const { cells } = this.host.processTable
    if (cells.get(this.name)?.group === this.group) cells.delete(this.name)
    this.output.close()
  }

  private inUse(): number {
    let bytes = 0
    for (const process of this.members()) bytes += process.memoryBytes
    return bytes
  }

  private members(): IterableIterator<Process> {
    return this.host.processTable.marked(MARK, (name) => name === this.name)
  }
}

/** Programs write on while it is held, into a pipe without a bottom. */
class HeldOutput implements ProcessOutput {
  private readonly onOutput: OnCellOutput
  private held = false
  private closed = false
  private waiting: (() => void)[] = []

  constructor(onOutput: OnCellOutput) {
    this.onOutput = onOutput
  }

  onStdout(chunk: Uint8Array): void {
    this.pass(() => this.onOutput('stdout', chunk))
  }

  onStderr(chunk: Uint8Array): void {
    this.pass(() => this.onOutput('stderr', chunk))
  }

  /** Resolves when all that was written so far is delivered. */
  afterwards(): Promise<void> {
    return new Promise((resolve) => this.pass(resolve))
  }

  hold(held: boolean): void {
    this.held = held && !this.closed
    if (this.held) return
    for (const call of this.waiting.splice(0)) call()
  }

  close(): void {
    this.closed = true
    this.waiting = []
    this.held = false
  }

  private pass(call: () => void): void {
    if (this.held) this.waiting.push(call)
    else if (!this.closed) call()
  }
}

function unenforced(limits: CellLimits): (keyof CellLimits)[] {
  return (['cpuCores', 'processesMax'] as const).filter((limit) => limits[limit] !== undefined)
}
