/**
 * A small process from which programs are started. To start one from the agent itself means to copy
 * a large process and to wait, with everything else, until the copy has become the program: twice
 * the work, and a millisecond in which the agent is deaf. The nursery is small, waits elsewhere, and
 * writes down how programs ended though the agent be gone.
 *
 * It closes whatever descriptors the agent was itself started with: they are no affair of a program.
 *
 * What it says, on descriptor 3, in lines: `ready`, `started ID PID`, `refused ID`,
 * `used ID USER SYSTEM` in seconds, and then `ended ID CODE` or `killed ID SIGNAL`, with `alone` at
 * the end where it has seen that the program has left nobody in its group. It keeps a record of what
 * took a second or more, and of the rest only when nobody hears of its end: to make a file costs a
 * third of what a small program does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { CellExit, CellUsage } from '../../../protocol/ports/cells.ts'
import { StartError } from '../../../protocol/ports/processes.ts'
import { cellLimits } from '../limits.ts'
import type { ControlGroup } from './control-group.ts'
import { type Ended, exitOf } from './ended.ts'
import { findProgram, type Launch, type Launched } from './launch.ts'
import type { StageShare } from './stage-share.ts'

/** What a nursery is written in, and how it is spoken to. */
export interface NurseryLanguage {
  argv: readonly [string, ...string[]]
  /** Whether this launch can be said in it. */
  takes(launch: Launch): boolean
  command(id: number, launch: Launch, program: string): Buffer
}

interface Starting {
  resolve(launched: Launched): void
  reject(error: StartError): void
}

interface Running {
  usage: CellUsage
  resolve(end: Ended): void
}

export class Nursery {
  readonly #language: NurseryLanguage
  readonly #process: ChildProcess
  readonly #reports: Socket
  /** The group of all stages, once it is in that. */
  #stages: ControlGroup | undefined
  readonly #taking: Promise<void> | undefined
  readonly #starting = new Map<number, Starting>()
  readonly #running = new Map<number, Running>()
  readonly #ready = Promise.withResolvers<boolean>()
  #partial = ''
  #nextId = 1
  #opening = true
  /** It can start nothing any more. What it has started goes on, and is still reported. */
  dead = false

  get pid(): number | undefined {
    return this.#process.pid
  }

  private constructor(language: NurseryLanguage, share: StageShare, before: readonly string[]) {
    this.#language = language
    const [program = '', ...args] = [...before, ...language.argv]
    this.#process = spawn(program, args, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    })
    if (this.#process.pid !== undefined) this.#taking = this.#takenBy(share, this.#process.pid)
    this.#reports = this.#process.stdio[3] as Socket
    this.#reports.setEncoding('latin1')
    this.#reports.on('data', (text: string) => this.#heard(text))
    this.#reports.on('error', () => {})
    this.#input.on('error', () => {})
    this.#process.once('error', () => this.#died())
    this.#process.once('exit', () => this.#died())
    this.#holdLoop()
  }

  /**
   * In the first of the languages that is spoken here; undefined where none is. `before`: a program
   * that becomes the nursery, and what it is to hold it to.
   */
  static async open(
    languages: readonly NurseryLanguage[],
    share: StageShare,
    before: readonly string[],
  ): Promise<Nursery | undefined> {
    for (const language of languages) {
      const nursery = new Nursery(language, share, before)
      const ready = await nursery.#ready.promise
      // It may wait for others to be moved; nothing is started outside of the group meanwhile.
      await nursery.#taking
      nursery.#opening = false
      nursery.#holdLoop()
      if (ready) return nursery
      nursery.close()
    }
    return undefined
  }

  async #takenBy(share: StageShare, pid: number): Promise<void> {
    this.#stages = await share.take(pid)
  }

  /** Whether this program can be started so. The others are few, and are started directly. */
  takes(launch: Launch): boolean {
    const { argv, cwd } = launch.spec
    const words = [cwd, ...argv, ...Object.values(launch.env)]
    const length = words.reduce((sum, word) => sum + word.length, 0)
    if (length > cellLimits.nurseryCommandLengthMax) return false
    return this.#language.takes(launch) && !words.some((word) => word.includes('\0'))
  }

  launch(launch: Launch): Promise<Launched> {
    const program = findProgram(launch.spec)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#starting.set(id, { resolve, reject })
      this.#holdLoop()
      this.#send(this.#language.command(id, launch, program))
    })
  }

  /** What is to be started at one time goes to the shell at one time. */
  #send(command: Buffer): void {
    if (this.#input.writableCorked === 0) {
      this.#input.cork()
      setImmediate(() => this.#input.uncork())
    }
    this.#input.write(command)
  }

  close(): void {
    this.#died()
    this.#input.destroy()
  }

  get #input(): Writable {
    return this.#process.stdin as Writable
  }

  #heard(text: string): void {
    const lines = (this.#partial + text).split('\n')
    this.#partial = lines.pop() ?? ''
    for (const line of lines) {
      const [what, id, first, second] = line.split(' ')
      if (what === 'ready') this.#ready.resolve(true)
      else if (what === 'started') this.#started(Number(id), Number(first))
      else if (what === 'used') this.#used(Number(id), Number(first), Number(second))
      else if (what === 'refused') this.#refused(Number(id))
      else if (what === 'ended' || what === 'killed') {
        const exit = exitOf(what, Number(first))
        this.#ended(Number(id), exit, second === 'alone')
      }
    }
  }

  #started(id: number, pid: number): void {
    const starting = this.#starting.get(id)
    this.#starting.delete(id)
    const end = new Promise<Ended>((resolve) => this.#running.set(id, { usage: {}, resolve }))
    starting?.resolve({ pid, end, stages: this.#stages })
  }

  #used(id: number, userSeconds: number, systemSeconds: number): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    const ms = (seconds: number): number => Math.round(seconds * 1000)
    running.usage = { cpuUserMs: ms(userSeconds), cpuSystemMs: ms(systemSeconds) }
  }

  #refused(id: number): void {
    const starting = this.#starting.get(id)
    this.#starting.delete(id)
    starting?.reject(new StartError('limit', 'the system has no room for another process'))
  }

  #ended(id: number, exit: CellExit, groupEmpty: boolean): void {
    const running = this.#running.get(id)
    this.#running.delete(id)
    this.#holdLoop()
    running?.resolve({ exit, usage: running.usage, groupEmpty })
  }

  #died(): void {
    this.dead = true
    this.#ready.resolve(false)
    for (const { reject } of this.#starting.values()) {
      reject(new StartError('failed', 'the nursery of programs was ended; try again'))
    }
    this.#starting.clear()
    this.#holdLoop()
  }

  /** The process lives on for those who wait for a program, and not for the shell itself. */
  #holdLoop(): void {
    this.#process.unref()
    ;(this.#input as Socket).unref()
    const awaited = this.#starting.size + this.#running.size > 0
    if (awaited || this.#opening) this.#reports.ref()
    else this.#reports.unref()
  }
}
