/** Cells on this host: programs in process groups, marked, and in control groups where need be. */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { assert } from '../../../protocol/assert.ts'
import type {
  Cell,
  CellLimits,
  CellRule,
  CellSpec,
  Cells,
  OnCellOutput,
} from '../../../protocol/ports/cells.ts'
import { StartError } from '../../../protocol/ports/processes.ts'
import type { StageUser } from '../identity.ts'
import { cellLimits } from '../limits.ts'
import { startError } from '../processes.ts'
import { type CellParts, SystemCell } from './cell.ts'
import { Census } from './census.ts'
import type { ControlGroup } from './control-group.ts'
import { ControlGroups, controllerOf, stagesGroup } from './control-groups.ts'
import { type Ended, recordedEnd } from './ended.ts'
import { Killing } from './killing.ts'
import { MARK, markedApart } from './marks.ts'
import type { NurseryLanguage } from './nursery.ts'
import { bashNursery } from './nursery-bash.ts'
import { perlNursery } from './nursery-perl.ts'
import { pythonNursery } from './nursery-python.ts'
import { OwnSession } from './own-session.ts'
import { namesIn, PipeEnd, Pipes } from './pipes.ts'
import { Precedence } from './precedence.ts'
import { type Holding, holdingOf, privilegeRules } from './privileges.ts'
import { noSandbox, type Sandbox } from './sandbox.ts'
import { StageShare } from './stage-share.ts'
import { Starter } from './starter.ts'
import { lookFor, Search, standing } from './survivors.ts'
import { parseTrace, type Trace } from './trace.ts'

/** What programs are held to, as far as whoever starts the agent has a say. */
export interface CellHolding {
  user?: StageUser
  sandbox?: Sandbox
}

/** Quickest first. */
export const nurseryLanguages: readonly NurseryLanguage[] = [
  pythonNursery,
  perlNursery,
  bashNursery,
]

export class SystemCells implements Cells {
  readonly #records: string
  readonly #owner: string
  readonly #census: Census
  readonly #search: Search
  readonly #pipes: Pipes
  readonly #groups: ControlGroups | undefined
  readonly #share: StageShare
  readonly #session = OwnSession.open(process.pid)
  readonly #precedence = new Precedence(process.pid)
  /** Those that were not let go of, by name. */
  readonly #open = new Map<string, SystemCell>()
  /** Of programs that are being started, and are in no cell yet. */
  readonly #starting = new Set<CellSpec>()
  readonly #user: StageUser | undefined
  readonly #sandbox: Sandbox
  readonly #holding: Holding
  readonly #starter: Starter
  readonly #killing: Killing

  /**
   * `owner` is short and this agent's alone on the host, and the same in its next life. `directory`
   * is for pipes and records. Programs are started by a nursery in the first language that is spoken
   * here, or else directly; as `user`, where that is not the agent's own.
   */
  constructor(
    directory: string,
    owner: string,
    languages = nurseryLanguages,
    { user, sandbox = noSandbox('it was not looked for') }: CellHolding = {},
  ) {
    this.#user = user
    this.#sandbox = sandbox
    this.#holding = holdingOf(user)
    this.#records = join(directory, 'ends')
    this.#owner = owner
    this.#census = new Census(owner)
    this.#search = new Search(owner)
    this.#groups = ControlGroups.open(owner)
    this.#share = StageShare.open(owner, stagesGroup(owner), this.#groups?.weighs ?? false)
    const holding = this.#holding
    this.#starter = new Starter({ languages, share: this.#share, user, sandbox, holding })
    this.#killing = new Killing({
      owner,
      census: this.#census,
      share: this.#share,
      precedence: this.#precedence,
      starter: this.#starter,
      open: this.#open,
      starting: this.#starting,
      wantsGroup: (spec) => this.#wantsGroup(spec),
    })
    const life = `${process.pid}-${Date.now().toString(36)}`
    this.#pipes = new Pipes(join(directory, 'pipes'), life, user)
    this.#makeRecords(directory)
  }

  /** A nursery writes them, as the user that it runs as. */
  #makeRecords(directory: string): void {
    mkdirSync(this.#records, { recursive: true, mode: 0o700 })
    if (this.#user === undefined) return
    chmodSync(directory, PASSABLE)
    chownSync(this.#records, this.#user.uid, this.#user.gid)
  }

  /** Which limits the kernel enforces here. */
  get enforces(): readonly (keyof CellLimits)[] {
    return limitNames.filter((limit) => this.#groups?.enforces(limit))
  }

  rules(): readonly CellRule[] {
    const groups = 'control groups (version 2) cannot be made here'
    const limits = limitNames.map((name) => {
      const controller = `the controller ${controllerOf[name]} is not handed down to the agent`
      const why = this.#groups === undefined ? groups : controller
      return { name, missing: this.#groups?.enforces(name) ? undefined : why }
    })
    const sandbox = { name: 'sandbox', missing: this.#sandbox.missing } as const
    return [...limits, ...privilegeRules(this.#holding, this.#user), sandbox]
  }

  async start(spec: CellSpec, onOutput: OnCellOutput): Promise<Cell> {
    assert(lawfulName.test(spec.name), 'a cell has a plain name', { name: spec.name })
    this.#precedence.open()
    this.#starting.add(spec)
    try {
      return await this.#start(spec, onOutput)
    } finally {
      this.#starting.delete(spec)
    }
  }

  async #start(spec: CellSpec, onOutput: OnCellOutput): Promise<Cell> {
    const pipes = await this.#takePipes(onOutput)
    let controlGroup: ControlGroup | undefined
    try {
      controlGroup = this.#groupFor(spec)
      const recordPath = spec.keepsExit ? this.#recordOf(spec.name) : undefined
      const launched = await this.#starter.launch({
        spec,
        env: { ...spec.env, [MARK]: `${this.#owner}/${spec.name}` },
        outputs: [pipes[0].path, pipes[1].path],
        groupDirectory: controlGroup?.directory,
        recordPath,
      })
      const unenforced = limitNames.filter(
        (limit) => spec.limits[limit] !== undefined && !this.#groups?.enforces(limit),
      )
      const { pid, end, stages } = launched
      const parts = { pid, started: undefined, unenforced, controlGroup, stages, recordPath, pipes }
      const cell = this.#cell(spec.name, parts)
      cell.watch(cellLimits.programPollMs)
      cell.listenIn(cellLimits.listenAfterMs)
      void end.then((how) => cell.programEnded(how))
      return cell
    } catch (error) {
      for (const pipe of pipes) {
        pipe.destroy()
        this.#pipes.discard(pipe.path)
      }
      controlGroup?.remove()
      throw error instanceof StartError ? error : await startError(error, spec)
    }
  }

  async find(
    name: string,
    trace: string | undefined,
    onOutput: OnCellOutput,
  ): Promise<Cell | undefined> {
    const recordPath = this.#recordOf(name)
    const known = trace === undefined ? undefined : parseTrace(trace)
    const survivors = await lookFor(name, this.#search, known)
    const recorded =
      survivors === undefined && known !== undefined
        ? await recordOfEnded(recordPath, known)
        : recordedEnd(recordPath)
    const controlGroup = this.#groups?.known(name)
    const alive = survivors !== undefined || controlGroup?.empty() === false
    if (!alive && recorded === undefined) return undefined
    const cell = this.#cell(name, {
      pid: survivors?.pid,
      started: survivors?.started,
      unenforced: survivors?.unenforced ?? [],
      controlGroup,
      stages: undefined,
      recordPath,
      pipes: this.#reopened(survivors?.outputs ?? [], onOutput),
    })
    if (recorded !== undefined) cell.programEnded(recorded)
    else cell.watch(cellLimits.orphanPollMs)
    cell.listenIn(0)
    return cell
  }

  still(): () => void {
    const asUsual = this.#precedence.first()
    const slowDown = this.hurry()
    const goOn = this.#share.still()
    return () => {
      goOn()
      slowDown()
      asUsual()
    }
  }

  hurry(): () => void {
    return this.#session?.hurry() ?? (() => {})
  }

  killAll(names: ReadonlySet<string>): Promise<void> {
    return this.#killing.killAll(names)
  }

  async inhabited(): Promise<ReadonlySet<string>> {
    const marked = await markedApart(this.#owner)
    return new Set(marked.map(({ cell }) => cell))
  }

  sweep(keep: ReadonlySet<string>, inhabited: ReadonlySet<string>): number {
    const strays = inhabited.difference(keep)
    // Whoever has begun since then is neither named nor a stray, and is not touched.
    if (strays.size > 0) void this.#census.kill(strays)
    for (const name of namesIn(this.#records)) {
      // In the place of a record a stage's user may have put whatever he likes.
      if (!keep.has(name)) rmSync(this.#recordOf(name), { force: true, recursive: true })
    }
    this.#groups?.removeAllBut(keep)
    this.#pipes.clear()
    return strays.size
  }

  /** Starts nothing any more. What runs goes on, and keeps a record of its end. */
  async close(): Promise<void> {
    await this.#starter.close()
    this.#precedence.close()
    this.#pipes.close()
    this.#share.close()
    this.#groups?.close()
  }

  async #takePipes(onOutput: OnCellOutput): Promise<readonly [PipeEnd, PipeEnd]> {
    const out = await this.#pipes.take()
    const err = await this.#pipes.take()
    return [
      this.#pipes.open(out, (chunk) => onOutput('stdout', chunk)),
      this.#pipes.open(err, (chunk) => onOutput('stderr', chunk)),
    ]
  }

  /** Only for a limit that the kernel will enforce: to make one costs as much as a small program. */
  #groupFor(spec: CellSpec): ControlGroup | undefined {
    const { name, limits } = spec
    if (!this.#wantsGroup(spec)) return undefined
    try {
      return this.#groups?.make(name, limits)
    } catch (error) {
      throw new StartError('limit', `no control group for ${name}: ${String(error)}`)
    }
  }

  #wantsGroup({ limits }: CellSpec): boolean {
    return limitNames.some(
      (limit) => limits[limit] !== undefined && this.#groups?.enforces(limit) === true,
    )
  }

  #cell(name: string, parts: Omit<CellParts, 'name' | 'census' | 'onClose'>): SystemCell {
    const onClose = (): void => {
      if (this.#open.get(name) === cell) this.#open.delete(name)
      for (const pipe of parts.pipes) pipe.retire((end) => this.#pipes.giveBack(pipe.path, end))
    }
    const cell: SystemCell = new SystemCell({
      ...parts,
      name,
      census: this.#census,
      onClose,
    })
    this.#open.set(name, cell)
    return cell
  }

  /** Without a pipe there is nothing to be read; the program is watched all the same. */
  #reopened(paths: readonly string[], onOutput: OnCellOutput): PipeEnd[] {
    const names = ['stdout', 'stderr'] as const
    return paths.flatMap((path, i) => {
      const name = names[i]
      if (name === undefined || !this.#pipes.adopt(path)) return []
      try {
        return [new PipeEnd(path, (chunk) => onOutput(name, chunk))]
      } catch {
        return []
      }
    })
  }

  #recordOf(name: string): string {
    return join(this.#records, name)
  }
}

/** Of a program that may have ended just now, and be about to be written down. */
async function recordOfEnded(path: string, trace: Trace): Promise<Ended | undefined> {
  let leftMs = cellLimits.recordWaitMsMax
  do {
    const recorded = recordedEnd(path)
    if (recorded !== undefined) return recorded
    await wait(cellLimits.orphanPollMs)
    leftMs -= cellLimits.orphanPollMs
  } while ((await standing(trace)) === 'ended' && leftMs > 0)
  return recordedEnd(path)
}

/** Others may go through, to what they know is theirs. */
const PASSABLE = 0o711
const limitNames = ['memoryBytes', 'cpuCores', 'processesMax'] as const
const lawfulName = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/
