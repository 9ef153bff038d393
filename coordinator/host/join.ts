/** `skein agent join`: prepares a host for a mesh, with what an operator has brought to it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { readMultiaddr } from '../../agent/config/address.ts'
import { notWritable, swarmKeyUnusable } from '../../agent/life/refusals.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { parseSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { Problem } from '../../protocol/problem.ts'
import { readConfig } from '../cli/config-file.ts'
import { readIssuer } from './mesh-keys.ts'
import { equipPeer } from './peer-files.ts'

export interface JoinOptions {
  addresses: string[]
  swarmKey: string
  /** The key of the mesh that makes certificates; beside the swarm key, if nothing is said. */
  issuerKey?: string
  config: string
  dataDirectory?: string
}

export async function joinMesh(options: JoinOptions): Promise<number> {
  for (const address of options.addresses) {
    const read = readMultiaddr(address, 'dial')
    if (!read.ok) {
      throw new Problem({
        code: 'badAddress',
        why: `${address}: ${read.why}`,
        fix: read.fix,
        exitCode: exitCodes.usage,
      })
    }
  }
  const keyFile = resolve(options.swarmKey)
  const text = readKey(keyFile)
  const parsed = parseSwarmKey(text)
  if (!parsed.ok) throw swarmKeyUnusable(keyFile, 'it is not a swarm key')
  const issuer = readIssuer(
    resolve(options.issuerKey ?? join(dirname(keyFile), keyFileNames.issuer)),
  )
  const file = resolve(options.config)
  if (existsSync(file)) {
    throw new Problem({
      code: 'alreadyThere',
      why: `${file} exists`,
      fix: 'add the addresses to its network.bootstrap, or write another with --config',
      exitCode: exitCodes.conflict,
    })
  }
  const config = {
    mesh: { id: issuer.mesh },
    ...(options.dataDirectory ? { dataDirectory: resolve(options.dataDirectory) } : {}),
    network: { bootstrap: options.addresses, swarmKeyFile: keyFile },
  }
  try {
    writeFileSync(file, stringify(config), { mode: 0o600 })
  } catch (error) {
    throw notWritable(file, '--config', error)
  }
  const { node, dataDirectory } = readConfig({ config: file, flags: {} })
  await equipPeer(dataDirectory, issuer, { name: node.name, roles: ['coordinator'], labels: {} })
  process.stderr.write(
    `this host is prepared to join mesh ${shortMeshId(issuer.mesh)}\nstart it with: skein agent run --config ${file}\n`,
  )
  return exitCodes.done
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw swarmKeyUnusable(file, missing ? 'there is no such file' : String(error))
  }
}
