/**
 * Keeps the agents of a local mesh running: starts each as a process of its own, starts one that
 * died again after a pause, and stops them all in good order. It is to `skein up` what systemd is
 * to a host.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readIssuer } from '../../coordinator/host/mesh-keys.ts'
import { equipPeer } from '../../coordinator/host/peer-files.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { type LocalNode, type MeshLayout, meshAddressOf, processStart } from './layout.ts'
import type { Ended } from './together.ts'

/** Long enough that the others have called a killed agent dead before it is back. */
const RESTART_PAUSE_MS = 5_000
const RESTART_PAUSE_MAX_MS = 60_000
/** An agent that ran this long has earned a short pause again. */
const STEADY_MS = 60_000
const STOP_DEADLINE_MS = 8_000

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))

export interface SupervisorOptions {
  /** Always this long before an agent that ended is started again, instead of longer each time. */
  readonly restartPauseMs?: number
  /** The command line of an agent, where it is not simply `skein agent run`. */
  readonly commandOf?: (node: LocalNode, configFile: string) => readonly string[]
}

interface Kept {
  node: LocalNode
  child?: ChildProcess
  startedMs: number
  pauseMs: number
  restart?: NodeJS.Timeout
}

export class Supervisor {
  private readonly layout: MeshLayout
  private readonly kept: Kept[]
  private readonly options: SupervisorOptions
  private readonly onChange: (text: string) => void
  private stopping = false
  private firstEnded: Ended | undefined

  constructor(
    layout: MeshLayout,
    nodes: LocalNode[],
    onChange: (text: string) => void,
    options: SupervisorOptions = {},
  ) {
    this.layout = layout
    this.options = options
    this.onChange = onChange
    const pauseMs = options.restartPauseMs ?? RESTART_PAUSE_MS
    this.kept = nodes.map((node) => ({ node, startedMs: 0, pauseMs }))
  }

  /** Each agent is let into the mesh before it starts; who has a credential keeps it. */
  async start(): Promise<void> {
    const issuer = readIssuer(this.layout.issuerKeyFile)
    await Promise.all(
      this.kept.map(async (kept) => {
        const { name, dataDirectory } = kept.node
        await equipPeer(dataDirectory, issuer, { name, roles: ['coordinator'], labels: {} })
        this.writeConfig(kept.node, issuer.mesh)
      }),
    )
    for (const kept of this.kept) this.launch(kept)
  }

  /** The first agent that has ended by itself. */
  firstEnd(): Ended | undefined {
    return this.firstEnded
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.kept.map((kept) => this.stopOne(kept)))
  }

  private launch(kept: Kept): void {
    const { node } = kept
    const log = openSync(join(node.dataDirectory, 'agent.log'), 'a', 0o600)
    const configFile = join(node.dataDirectory, 'agent.json')
    const plain = [process.execPath, launcher, 'agent', 'run', '--config', configFile]
    const [program, ...args] = this.options.commandOf?.(node, configFile) ?? plain
    const child = spawn(program as string, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, SKEIN_SUPERVISED: '1' },
    })
    closeSync(log)
    kept.child = child
    kept.startedMs = performance.now()
    node.pid = child.pid ?? 0
    node.start = processStart(node.pid) ?? ''
    child.once('exit', (code, signal) => this.ended(kept, code, signal))
  }

  private ended(kept: Kept, code: number | null, signal: string | null): void {
    delete kept.child
    kept.node.pid = 0
    kept.node.start = ''
    if (this.stopping) return
    const how = signal ? `was killed by ${signal}` : `exited with ${code}`
    this.firstEnded ??= { node: kept.node, how }
    if (code === 0) {
      // It left of its own will (`skein agent leave`): it stays away.
      this.onChange(`${kept.node.name} ${how}; it stays stopped until the next \`skein up\``)
      return
    }
    const pauseMs = this.nextPause(kept)
    this.onChange(`${kept.node.name} ${how}; starting it again in ${pauseMs / 1_000} s`)
    kept.restart = setTimeout(() => {
      this.launch(kept)
      this.onChange(`${kept.node.name} started again as process ${kept.node.pid}`)
    }, pauseMs)
  }

  /** Longer each time, unless it was asked for otherwise or the agent has run long enough. */
  private nextPause(kept: Kept): number {
    if (this.options.restartPauseMs !== undefined) return kept.pauseMs
    const steady = performance.now() - kept.startedMs > STEADY_MS
    const pauseMs = steady ? RESTART_PAUSE_MS : kept.pauseMs
    kept.pauseMs = Math.min(RESTART_PAUSE_MAX_MS, pauseMs * 2)
    return pauseMs
  }

  private stopOne(kept: Kept): Promise<void> {
    clearTimeout(kept.restart)
    const { child } = kept
    if (!child) return Promise.resolve()
    return new Promise((resolve) => {
      const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
      child.once('exit', () => {
        clearTimeout(deadline)
        resolve()
      })
      child.kill('SIGTERM')
      child.kill('SIGCONT')
    })
  }

  private writeConfig(node: LocalNode, mesh: MeshId): void {
    const others = this.kept.filter((kept) => kept.node !== node)
    const config = {
      node: { name: node.name },
      mesh: { id: mesh },
      dataDirectory: node.dataDirectory,
      network: {
        listen: [meshAddressOf(node)],
        bootstrap: others.slice(0, 3).map((kept) => meshAddressOf(kept.node)),
        mdns: false,
        swarmKeyFile: this.layout.swarmKeyFile,
      },
      api: { listen: `127.0.0.1:${node.apiPort}` },
    }
    writeFileSync(join(node.dataDirectory, 'agent.json'), `${JSON.stringify(config, null, 2)}\n`)
  }
}
