/**
 * Where a local mesh keeps what it is: one folder with the mesh's keys, a data directory for each
 * agent, and `mesh.json`, which says who runs and how to reach them. Other programs read that file.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { notWritable } from '../../agent/life/refusals.ts'
import { makeDirectory } from '../../agent/ports/make-directory.ts'
import { quoted } from '../../coordinator/cli/recover-text.ts'
import { stateDirectory } from '../../coordinator/cli/where.ts'
import { writeSwarmKey } from '../../coordinator/host/mesh-files.ts'
import { lockedBy, writeMeshKeys } from '../../coordinator/host/mesh-keys.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'

export interface LocalNode {
  name: string
  /** The address of its host: loopback, unless each agent has a network of its own. */
  host: string
  apiAddress: string
  meshPort: number
  apiPort: number
  pid: number
  /** Start time of the process in clock ticks since boot: a pid alone may be reused. */
  start: string
  dataDirectory: string
}

export interface MeshFile {
  schemaVersion: 1
  /** The agent that a client should ask first. */
  address: string
  supervisorPid: number
  supervisorStart: string
  /** True once every agent has seen every other. */
  ready: boolean
  nodes: LocalNode[]
}

export interface MeshLayout {
  directory: string
  meshFile: string
  swarmKeyFile: string
  issuerKeyFile: string
  logFile: string
}

export const NODES_MAX = 64

/** The one that is given, or the one where the command line looks for a local mesh. */
export function meshDirectory(given: string | undefined): string {
  return given === undefined ? stateDirectory(process.env) : resolve(given)
}

export function layoutOf(directory: string): MeshLayout {
  return {
    directory,
    meshFile: join(directory, 'mesh.json'),
    swarmKeyFile: join(directory, 'swarm.key'),
    issuerKeyFile: join(directory, keyFileNames.issuer),
    logFile: join(directory, 'mesh.log'),
  }
}

/** What stops it, typed as it stands. */
export function downCommand({ directory }: MeshLayout): string {
  const isUsual = directory === meshDirectory(undefined)
  return isUsual ? 'skein down' : `skein down --dir ${quoted(directory)}`
}

/** What shows it, typed as it stands; every other command finds it in the same way. */
export function statusCommand({ directory }: MeshLayout): string {
  const isUsual = directory === meshDirectory(undefined)
  return isUsual ? 'skein status' : `SKEIN_HOME=${quoted(directory)} skein status`
}

export function readMeshFile(layout: MeshLayout): MeshFile | undefined {
  let text: string
  try {
    text = readFileSync(layout.meshFile, 'utf8')
  } catch {
    return undefined
  }
  const mesh = JSON.parse(text) as MeshFile
  return mesh.schemaVersion === 1 ? mesh : undefined
}

export function writeMeshFile(layout: MeshLayout, mesh: MeshFile): void {
  const draft = `${layout.meshFile}.new`
  writeFileSync(draft, `${JSON.stringify(mesh, null, 2)}\n`)
  renameSync(draft, layout.meshFile)
}

/** Makes the folder and the keys on the first `up`; later ones find them. */
export async function prepare(layout: MeshLayout): Promise<void> {
  try {
    await makeDirectory(layout.directory)
    if (!existsSync(layout.swarmKeyFile)) writeSwarmKey(layout.directory)
    // Also for a folder of before there were certificates: its agents stay who they are.
    if (!existsSync(layout.issuerKeyFile)) {
      writeMeshKeys(layout.directory, { name: userInfo().username }, lockedBy(undefined))
    }
  } catch (error) {
    throw notWritable(layout.directory, '--dir', error)
  }
}

/**
 * The nodes of the mesh: those of the last `up` with their ports where these are still free, and
 * new ones behind them. Data directories stay when a smaller mesh is started.
 */
export async function planNodes(
  layout: MeshLayout,
  count: number,
  hostOf: (name: string) => string = () => '127.0.0.1',
  /** Where the control API is reached, if not there. */
  apiHost?: string,
): Promise<LocalNode[]> {
  const before = new Map(readMeshFile(layout)?.nodes.map((node) => [node.name, node]))
  const taken = new Set<number>()
  const nodes: LocalNode[] = []
  for (let i = 1; i <= count; i++) {
    const name = `n${i}`
    const known = before.get(name)
    const meshPort = await freePort(known?.meshPort, taken)
    const apiPort = await freePort(known?.apiPort, taken)
    const host = hostOf(name)
    const apiAddress = `http://${apiHost ?? host}:${apiPort}`
    const dataDirectory = join(layout.directory, 'nodes', name)
    nodes.push({ name, host, apiAddress, meshPort, apiPort, pid: 0, start: '', dataDirectory })
  }
  return nodes
}

async function freePort(preferred: number | undefined, taken: Set<number>): Promise<number> {
  for (const wanted of preferred ? [preferred, 0] : [0]) {
    const port = await tryPort(wanted)
    if (port !== undefined && !taken.has(port)) {
      taken.add(port)
      return port
    }
  }
  return freePort(undefined, taken)
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined))
    })
  })
}

/** Where its peers reach it. */
export function meshAddressOf({ host, meshPort }: LocalNode): string {
  return `/ip4/${host}/tcp/${meshPort}`
}

/** When a process started, in clock ticks since boot; undefined when it is gone (or a zombie). */
export function processStart(pid: number): string | undefined {
  if (pid <= 0) return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

export function isRunning(mesh: MeshFile): boolean {
  const start = processStart(mesh.supervisorPid)
  return start !== undefined && start === mesh.supervisorStart
}
