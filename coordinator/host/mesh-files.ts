/**
 * `skein init`: the files that make a mesh, in a folder of their own, and what to do with each.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { notWritable } from '../../agent/life/refusals.ts'
import { leaveFoundingNote } from '../../agent/ports/founding.ts'
import { makeDirectory } from '../../agent/ports/make-directory.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { swarmKeyBytes } from '../../protocol/identity/limits.ts'
import { type MeshId, shortMeshId } from '../../protocol/identity/mesh-id.ts'
import type { FirstOperator } from '../../protocol/identity/new-mesh.ts'
import { faultOfPersonName } from '../../protocol/identity/person-name.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { Problem } from '../../protocol/problem.ts'
import { askNewPassphrase, passphraseIn } from '../cli/passphrase.ts'
import { publicKeyIn } from '../cli/public-key.ts'
import { lockedBy, meshFilesIn, writeMeshKeys } from './mesh-keys.ts'

export interface InitOptions {
  dir: string
  operator?: string
  /** Of the first operator, who keeps it in an ssh-agent: a line of SSH, or the file that holds it. */
  publicKey?: string
  passphraseFile?: string
}

export async function initMesh(options: InitOptions): Promise<number> {
  const folder = resolve(options.dir)
  const [there] = meshFilesIn(folder)
  if (there !== undefined) {
    throw new Problem({
      code: 'alreadyThere',
      why: `${there} exists, and a mesh may rest on it`,
      fix: 'make the mesh in another folder with --dir, or keep this one',
      exitCode: exitCodes.conflict,
    })
  }
  const name = options.operator ?? userInfo().username
  const fault = faultOfPersonName(name)
  if (fault !== undefined) {
    throw new Problem({
      code: 'badName',
      why: `nobody can be called ${JSON.stringify(name)}: ${fault}`,
      fix: 'name the first operator with --operator, as people are to read it',
      exitCode: exitCodes.usage,
    })
  }
  const own = options.publicKey === undefined ? undefined : publicKeyIn(options.publicKey)
  const passphrase =
    options.passphraseFile === undefined
      ? await askNewPassphrase(own ? 'root.key' : 'root.key and operator.key')
      : passphraseIn(options.passphraseFile)
  const operator = { name, own }
  const config = join(folder, 'agent.yaml')
  let mesh: MeshId
  try {
    await makeDirectory(folder)
    mesh = writeMeshKeys(folder, operator, lockedBy(passphrase))
    writeSwarmKey(folder)
    const founder = { mesh: { id: mesh }, network: { swarmKeyFile: join(folder, 'swarm.key') } }
    writeFileSync(config, stringify(founder), { mode: 0o600 })
  } catch (error) {
    throw notWritable(folder, '--dir', error)
  }
  process.stderr.write(report(folder, mesh, operator, passphrase !== undefined))
  return exitCodes.done
}

/** With the note that lets the first agent which starts beside it begin the ledger. */
export function writeSwarmKey(folder: string): void {
  const key = formatSwarmKey(new Uint8Array(randomBytes(swarmKeyBytes)))
  writeFileSync(join(folder, 'swarm.key'), key, { mode: 0o600, flag: 'wx' })
  leaveFoundingNote(folder)
}

function report(folder: string, mesh: MeshId, operator: FirstOperator, sealed: boolean): string {
  const under = sealed ? 'under the passphrase' : 'in the open, without a passphrase'
  const held = operator.own === undefined ? under : 'whose ssh-agent has the key'
  return [
    `a new mesh, ${shortMeshId(mesh)}, in ${folder}`,
    `  ${keyFileNames.root}      is the mesh: it makes masters and issuing keys (${under}).`,
    '                Take it offline now: who has it owns every host, and nothing can revoke it.',
    `  ${keyFileNames.operator}  speaks for ${operator.name}, a master (${held}). Keep it with you.`,
    `  ${keyFileNames.issuer}    lets hosts in; the first agent takes a copy. Keep the original offline.`,
    '  swarm.key     is shared by all hosts of the mesh, and by nobody else.',
    'start the first agent on this host; it begins the ledger:',
    `  skein agent run --config ${join(folder, 'agent.yaml')}`,
    'then ask it (skein profile add keeps the key, so that it need not be named each time):',
    `  skein status --key-file ${join(folder, keyFileNames.operator)}`,
    '',
  ].join('\n')
}
