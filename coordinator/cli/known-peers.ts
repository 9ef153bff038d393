/**
 * Where the peers of a mesh were last seen, kept whenever an answer tells it, for the day on which
 * no control API answers. One small file for each mesh; an old one does no harm.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { configFolder } from './profiles.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Peers that are remembered, and addresses of each. */
const PEERS_MAX = 64
const ADDRESSES_MAX = 4

export interface SeenPeer {
  readonly id: string
  readonly addresses: readonly string[]
}

/** Best effort: whoever cannot write there loses nothing today. */
export function keepPeers(env: Env, mesh: MeshId, seen: readonly SeenPeer[]): void {
  // Without a home of its own, a program is no person's.
  if (!env.HOME && !env.XDG_CONFIG_HOME) return
  const addresses = seen
    .slice(0, PEERS_MAX)
    .flatMap(({ id, addresses: known }) =>
      known.slice(0, ADDRESSES_MAX).map((address) => whole(address, id)),
    )
  const text = `${JSON.stringify({ addresses })}\n`
  const file = fileOf(env, mesh)
  if (addresses.length === 0 || textIn(file) === text) return
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, text, { mode: 0o600 })
    renameSync(draft, file)
  } catch {
    // Told when they are needed and not there.
  }
}

export function keptPeers(env: Env, mesh: MeshId): string[] {
  return stringsIn(textIn(fileOf(env, mesh)), 'addresses')
}

/** The peers of a local mesh, from the file in its folder that says who runs. */
export function localPeers(folder: string): string[] {
  const text = textIn(join(folder, 'mesh.json'))
  const { nodes } = documentIn(text) as { nodes?: unknown }
  return (Array.isArray(nodes) ? nodes : []).flatMap((node: unknown) => {
    const { host, meshPort } = { ...(node as object) } as { host?: unknown; meshPort?: unknown }
    return typeof host === 'string' && typeof meshPort === 'number'
      ? [`/ip4/${host}/tcp/${meshPort}`]
      : []
  })
}

function whole(address: string, id: string): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${id}`
}

function fileOf(env: Env, mesh: MeshId): string {
  return join(configFolder(env), 'peers', `${mesh}.json`)
}

function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function stringsIn(text: string | undefined, key: string): string[] {
  const list = documentIn(text)[key]
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []
}

function documentIn(text: string | undefined): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text ?? '{}') as object) }
  } catch {
    return {}
  }
}
