/** How peers are reached past their control APIs: where they are, and the key that lets one in. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readMultiaddr } from '../../agent/config/address.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import { parseSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { Problem } from '../../protocol/problem.ts'
import { keptPeers, localPeers } from './known-peers.ts'

export interface DirectFlags {
  peer?: string[]
  swarmKey?: string
}

export interface Ways {
  swarmKey: Uint8Array
  /** Those that were said first. */
  addresses: readonly string[]
}

export const SWARM_KEY_FILE = 'swarm.key'

export function waysTo(
  env: Readonly<Record<string, string | undefined>>,
  key: { from: string; holder: Grant },
  flags: DirectFlags,
): Ways {
  const said = flags.peer ?? []
  for (const address of said) refuseUndialable(address)
  const folder = dirname(key.from)
  const swarmKey = swarmKeyIn(flags.swarmKey ?? join(folder, SWARM_KEY_FILE))
  const known = [...localPeers(folder), ...keptPeers(env, key.holder.mesh)]
  const good = known.filter((address) => readMultiaddr(address, 'dial').ok)
  const addresses = [...new Set([...said, ...good])]
  if (addresses.length > 0) return { swarmKey, addresses }
  throw refused(
    'noPeers',
    'no address of a peer is known here',
    'name some with --peer /ip4/10.0.0.5/tcp/4130; they are kept whenever nodes are listed',
  )
}

function refuseUndialable(address: string): void {
  const read = readMultiaddr(address, 'dial')
  if (!read.ok) throw refused('badAddress', `--peer ${address} ${read.why}`, read.fix)
}

/** As the file has it. */
export function swarmKeyIn(file: string): Uint8Array {
  const missing = 'name it with --swarm-key, or keep it in the profile'
  if (!existsSync(file)) {
    throw refused('noSwarmKey', `peers take nobody without the swarm key: no ${file}`, missing)
  }
  const bytes = readFileSync(file)
  if (parseSwarmKey(bytes.toString('utf8')).ok) return new Uint8Array(bytes)
  throw refused('noSwarmKey', `${file} is no swarm key`, missing)
}

function refused(code: string, why: string, fix: string): Problem {
  return new Problem({ code, why, fix, exitCode: exitCodes.usage })
}
