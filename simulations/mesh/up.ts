/**
 * `skein up`: a mesh of real agents on loopback, each a process with a data directory, a port and
 * an identity of its own. Stays in front with a live view until Ctrl-C, or goes to the background.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { MeshFile, MeshLayout } from './layout.ts'
import {
  downCommand,
  isRunning,
  layoutOf,
  meshDirectory,
  NODES_MAX,
  planNodes,
  prepare,
  processStart,
  readMeshFile,
  statusCommand,
  writeMeshFile,
} from './layout.ts'
import { Supervisor } from './supervisor.ts'
import { untilAllSeeAll } from './together.ts'

export interface UpOptions {
  nodes: number
  detach?: boolean
  dir?: string
  /** When all agents see each other: begins the sample workflow. */
  begin?: (address: string, workflow: string, say: (text: string) => void) => Promise<void>
  /** Shows the mesh until the signal; without it, events are told as lines. */
  view?: (address: string, until: AbortSignal) => Promise<void>
}

/** An agent that ends is told of at once: this is for a machine with much else to do (seen: 25 s). */
const READY_DEADLINE_MS = 60_000
/** The program in the background keeps the one above; this is for one that hangs, or hardly begins. */
const BACKGROUND_DEADLINE_MS = 2 * READY_DEADLINE_MS
const LOOK_EVERY_MS = 50
const sample = new URL('../workloads/sample.yaml', import.meta.url)
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))

export async function up(options: UpOptions): Promise<number> {
  const layout = layoutOf(meshDirectory(options.dir))
  refuseWrongUse(options, layout)
  await prepare(layout)
  return options.detach ? startInBackground(options, layout) : supervise(options, layout)
}

function refuseWrongUse({ nodes }: UpOptions, layout: MeshLayout): void {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
    throw new Problem({
      code: 'badCount',
      why: `--nodes is ${nodes}, and a local mesh has 1 to ${NODES_MAX}`,
      fix: 'ask for a number of agents that this machine can carry',
      exitCode: exitCodes.usage,
    })
  }
  const running = readMeshFile(layout)
  if (running && isRunning(running)) {
    throw new Problem({
      code: 'alreadyUp',
      why: `a mesh of ${running.nodes.length} runs in ${layout.directory} (supervisor ${running.supervisorPid})`,
      fix: `see it with ${statusCommand(layout)}, stop it with ${downCommand(layout)}, or use another --dir`,
      exitCode: exitCodes.conflict,
    })
  }
}

async function supervise(options: UpOptions, layout: MeshLayout): Promise<number> {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const nodes = await planNodes(layout, options.nodes)
  const mesh: MeshFile = {
    schemaVersion: 1,
    address: nodes[0]?.apiAddress ?? '',
    supervisorPid: process.pid,
    supervisorStart: processStart(process.pid) ?? '',
    ready: false,
    nodes,
  }
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const supervisor = new Supervisor(layout, nodes, (text) => {
    writeMeshFile(layout, mesh)
    if (text !== '') say(text)
  })
  try {
    const startedMs = performance.now()
    await supervisor.start()
    writeMeshFile(layout, mesh)
    say(`starting ${nodes.length} agents in ${layout.directory}`)
    await untilAllSeeAll(nodes, READY_DEADLINE_MS, stop.signal, () => supervisor.firstEnd())
    if (!stop.signal.aborted) {
      mesh.ready = true
      writeMeshFile(layout, mesh)
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
      say(`all ${nodes.length} agents see each other after ${seconds} s`)
      say(
        `control API: ${mesh.address}   (${statusCommand(layout)}, skein top, skein events -f; in a checkout: npm run -s skein -- status)`,
      )
      await options.begin?.(mesh.address, readFileSync(sample, 'utf8'), say)
      if (options.view) await options.view(mesh.address, stop.signal)
      else await aborted(stop.signal)
    }
  } finally {
    say('stopping the agents')
    await supervisor.stop()
    mesh.ready = false
    writeMeshFile(layout, mesh)
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return exitCodes.done
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** The same program, in a session of its own, writing to the mesh's log. */
async function startInBackground(options: UpOptions, layout: MeshLayout): Promise<number> {
  const log = openSync(layout.logFile, 'a', 0o600)
  const args = ['up', '--nodes', String(options.nodes), '--dir', layout.directory, '--quiet']
  const child = spawn(process.execPath, [launcher, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let ended: number | null | undefined
  child.once('exit', (code) => {
    ended = code
  })
  const deadline = performance.now() + BACKGROUND_DEADLINE_MS
  for (;;) {
    const mesh = readMeshFile(layout)
    if (mesh?.ready && mesh.supervisorPid === child.pid) {
      child.unref()
      process.stderr.write(
        `a mesh of ${mesh.nodes.length} agents runs in the background\ncontrol API: ${mesh.address}\nsee it with: ${statusCommand(layout)}\nstop it with: ${downCommand(layout)}\n`,
      )
      return exitCodes.done
    }
    if (ended !== undefined || performance.now() > deadline) {
      // Nobody waits here for the end of what is said not to be up, nor is it to be up later.
      child.kill('SIGTERM')
      child.unref()
      throw new Problem({
        code: 'notUp',
        why:
          ended === undefined ? 'the mesh does not come together' : `the mesh ended with ${ended}`,
        fix: `read ${layout.logFile}`,
        exitCode: exitCodes.failed,
      })
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
