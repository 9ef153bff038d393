/**
 * `skein init` and `skein agent join`: the files that make a mesh and that let a host into it.
 * Until certificates come with the trust work, a mesh is its swarm key and where to ask.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { readMultiaddr } from '../agent/config/address.ts'
import { notWritable, swarmKeyUnusable } from '../agent/life/refusals.ts'
import { leaveFoundingNote } from '../agent/ports/founding.ts'
import { makeDirectory } from '../agent/ports/make-directory.ts'
import { exitCodes } from '../protocol/exit-codes.ts'
import { formatSwarmKey, meshFingerprint, parseSwarmKey } from '../protocol/identity/swarm-key.ts'
import { Problem } from '../protocol/problem.ts'

export interface InitOptions {
  dir: string
}

export async function initMesh({ dir }: InitOptions): Promise<number> {
  const folder = resolve(dir)
  const file = join(folder, 'swarm.key')
  if (existsSync(file)) {
    throw new Problem({
      code: 'alreadyThere',
      why: `${file} exists, and agents may be using it`,
      fix: 'make the mesh in another folder with --dir, or keep this one',
      exitCode: exitCodes.conflict,
    })
  }
  const key = new Uint8Array(randomBytes(32))
  try {
    await makeDirectory(folder)
    writeFileSync(file, formatSwarmKey(key), { mode: 0o600, flag: 'wx' })
    leaveFoundingNote(folder)
  } catch (error) {
    throw notWritable(file, '--dir', error)
  }
  process.stderr.write(
    [
      `a new mesh, ${meshFingerprint(key)}, with its swarm key in ${file}`,
      'the first agent that is started with the key in this folder begins the ledger',
      'keep the key secret: who has it can join. On each host:',
      '  skein agent join /ip4/ADDRESS/tcp/4130 --swarm-key swarm.key   (name one or two other hosts)',
      '  skein agent run --config agent.yaml',
      '',
    ].join('\n'),
  )
  return exitCodes.done
}

export interface JoinOptions {
  addresses: string[]
  swarmKey: string
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
    ...(options.dataDirectory ? { dataDirectory: resolve(options.dataDirectory) } : {}),
    network: { bootstrap: options.addresses, swarmKeyFile: keyFile },
  }
  try {
    writeFileSync(file, stringify(config), { mode: 0o600 })
  } catch (error) {
    throw notWritable(file, '--config', error)
  }
  process.stderr.write(
    `this host is prepared to join mesh ${meshFingerprint(parsed.key)}\nstart it with: skein agent run --config ${file}\n`,
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
