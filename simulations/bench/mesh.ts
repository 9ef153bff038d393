/** A mesh of real agents for one measurement, in a folder that is removed afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { Problem } from '../../protocol/problem.ts'
import { type LocalNode, layoutOf, planNodes, prepare } from '../mesh/layout.ts'
import { Supervisor, type SupervisorOptions } from '../mesh/supervisor.ts'
import { untilAllSeeAll } from '../mesh/together.ts'

const READY_DEADLINE_MS = 60_000

export interface MeshOptions extends SupervisorOptions {
  /** Where each agent listens, if not on loopback. */
  readonly hostOf?: (name: string) => string
  /** Where its control API is reached, if not there. */
  readonly apiHost?: string
}

/** By Ctrl-C: said to nobody who has pressed it, but by the exit code. */
export class Interrupted extends Problem {
  constructor() {
    const { interrupted: exitCode } = exitCodes
    super({ code: 'interrupted', why: 'interrupted', fix: 'begin again', exitCode })
  }
}

export class Mesh {
  readonly nodes: LocalNode[]
  /** From the start of the first process until every agent saw every other. */
  readonly togetherMs: number
  private readonly directory: string
  private readonly supervisor: Supervisor
  private readonly interrupted = new AbortController()
  private readonly onInterrupt = () => this.interrupted.abort(new Interrupted())

  private constructor(
    nodes: LocalNode[],
    togetherMs: number,
    directory: string,
    supervisor: Supervisor,
  ) {
    this.nodes = nodes
    this.togetherMs = togetherMs
    this.directory = directory
    this.supervisor = supervisor
    process.on('SIGINT', this.onInterrupt)
  }

  static async start(count: number, options: MeshOptions = {}): Promise<Mesh> {
    const directory = mkdtempSync(join(tmpdir(), 'skein-bench-'))
    const layout = layoutOf(directory)
    await prepare(layout)
    const nodes = await planNodes(layout, count, options.hostOf, options.apiHost)
    const supervisor = new Supervisor(layout, nodes, () => {}, options)
    const startedMs = performance.now()
    await supervisor.start()
    try {
      const signal = new AbortController().signal
      await untilAllSeeAll(nodes, READY_DEADLINE_MS, signal, () => supervisor.firstEnd())
    } catch (error) {
      // The folder stays: the error names a log in it.
      await supervisor.stop()
      throw error
    }
    return new Mesh(nodes, performance.now() - startedMs, directory, supervisor)
  }

  /** What a peer must have to be let in. */
  get swarmKeyFile(): string {
    return layoutOf(this.directory).swarmKeyFile
  }

  /** The key of its person. */
  get operatorKeyFile(): string {
    return join(this.directory, keyFileNames.operator)
  }

  /** What lets a peer in for good. */
  get issuerKeyFile(): string {
    return layoutOf(this.directory).issuerKeyFile
  }

  /** Lets time pass; rejects on Ctrl-C. */
  rest(ms: number): Promise<void> {
    const { signal } = this.interrupted
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort)
    })
  }

  /** `keeping` its folder, with the logs of the agents, of which it then says where they are. */
  async stop({ keeping = false } = {}): Promise<void> {
    process.off('SIGINT', this.onInterrupt)
    await this.supervisor.stop()
    if (keeping && !this.interrupted.signal.aborted) {
      process.stderr.write(`the logs of the agents are kept in ${this.directory}\n`)
      return
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}
