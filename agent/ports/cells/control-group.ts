/** One control group of version 2: who is in it, what they took, and its words to the kernel. */
import { mkdirSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CellUsage } from '../../../protocol/ports/cells.ts'
import { cellLimits } from '../limits.ts'
import { statFigure } from '../telemetry/control-groups.ts'
import { groupWords } from './group-words.ts'
import { killProcess } from './marks.ts'
import { readText } from './process-stat.ts'

/** Of a group of either version; undefined when it is gone. */
export function membersOf(directory: string): number[] | undefined {
  const lines = readText(join(directory, 'cgroup.procs'))?.split('\n')
  return lines?.map(Number).filter((pid) => pid > 0)
}

/**
 * Whether it works out, if need be by another try: each agent that begins on this host just then may
 * have cleared the group away once, while it was empty. One that went without it for that had its
 * stages killed one by one ever after, a second later than others.
 */
export async function repeatedly(act: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let left = cellLimits.groupTriesMax; left > 0; left--) if (await act()) return true
  return false
}

export class ControlGroup {
  readonly directory: string
  #last: CellUsage = {}
  #oom = false

  constructor(directory: string) {
    this.directory = directory
  }

  get parent(): ControlGroup {
    return new ControlGroup(dirname(this.directory))
  }

  /** False where this host does not let us. */
  make(): boolean {
    try {
      makeGroup(dirname(this.directory))
      makeGroup(this.directory)
      return true
    } catch {
      return false
    }
  }

  /** False where it may not, or is no more. */
  async enter(pid: number): Promise<boolean> {
    const refused = await groupWords.said(join(this.directory, 'cgroup.procs'), String(pid))
    return refused === undefined
  }

  members(): number[] {
    return membersOf(this.directory) ?? []
  }

  exists(): boolean {
    return readText(join(this.directory, 'cgroup.events')) !== undefined
  }

  empty(): boolean {
    const populated = statFigure(this.#read('cgroup.events'), 'populated')
    return populated === undefined || populated === 0
  }

  /**
   * Everybody in it, with groups within, as soon as the kernel takes the word. `taken`: it has, or the
   * group is gone, or the kernel is older than the file: the mark still finds them.
   */
  kill(taken: () => void = () => {}): void {
    groupWords.say(join(this.directory, 'cgroup.kill'), '1', taken)
  }

  /** Those in it that are seen there, one by one, for which no lock is needed. Returns them. */
  killMembers(): number[] {
    const members = this.members()
    for (const pid of members) killProcess(pid)
    return members
  }

  /**
   * With all groups within, as soon as the kernel takes the word. Whoever is killed dies all the same.
   * Of no effect where the group is gone, or the kernel is older than the file.
   */
  freeze(still: boolean): void {
    groupWords.say(join(this.directory, 'cgroup.freeze'), still ? '1' : '0')
  }

  outOfMemory(): boolean {
    this.#oom ||= (statFigure(this.#read('memory.events'), 'oom_kill') ?? 0) > 0
    return this.#oom
  }

  /** As of now, or of the last time that the group was there to be asked. */
  usage(): CellUsage {
    const cpu = this.#read('cpu.stat')
    const userUs = statFigure(cpu, 'user_usec')
    if (userUs === undefined) return this.#last
    const systemUs = statFigure(cpu, 'system_usec') ?? 0
    const peak = readText(join(this.directory, 'memory.peak'))
    const io = readText(join(this.directory, 'io.stat'))
    this.#last = {
      cpuUserMs: Math.round(userUs / 1000),
      cpuSystemMs: Math.round(systemUs / 1000),
      ...(peak === undefined ? {} : { memoryPeakBytes: Number(peak) }),
      ...(io === undefined
        ? {}
        : { ioReadBytes: summed(io, 'rbytes'), ioWrittenBytes: summed(io, 'wbytes') }),
    }
    return this.#last
  }

  /** Only an empty group can go; one that is not is left to the next sweep. */
  remove(): void {
    this.outOfMemory()
    this.usage()
    try {
      rmdirSync(this.directory)
    } catch {
      // It holds somebody still, or is gone.
    }
  }

  #read(file: string): string {
    return readText(join(this.directory, file)) ?? ''
  }
}

function summed(io: string, name: string): number {
  let sum = 0
  for (const [, bytes] of io.matchAll(new RegExp(`${name}=(\\d+)`, 'g'))) sum += Number(bytes)
  return sum
}

export function makeGroup(directory: string): void {
  try {
    mkdirSync(directory)
  } catch (error) {
    if (readText(join(directory, 'cgroup.events')) === undefined) throw error
  }
}
