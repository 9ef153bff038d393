/** `skein profile`: a person's meshes, and which of them is in use. */
import { chmodSync, copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { notWritable } from '../../agent/life/refusals.ts'
import { makeDirectory } from '../../agent/ports/make-directory.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { Problem } from '../../protocol/problem.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { SWARM_KEY_FILE, swarmKeyIn } from './estop-ways.ts'
import { personIn } from './operator-key.ts'
import {
  configFolder,
  currentFile,
  LOCAL,
  profileFolder,
  profileInUse,
  profileNamed,
  profiles,
} from './profiles.ts'
import { plain, table } from './table.ts'
import { wrongUse } from './usage.ts'
import { withScheme } from './where.ts'

export function list(context: Context): number {
  const { io } = context
  const inUse = profileInUse(io.env)?.name ?? LOCAL
  const all = [
    { name: LOCAL, address: '', who: '', mesh: '' },
    ...profiles(io.env).map(({ name, address = '', keyFile }) => {
      const { name: who, mesh } = personIn(keyFile) ?? { name: '', mesh: '' }
      return { name, address, who, mesh }
    }),
  ].map((profile) => ({ ...profile, inUse: profile.name === inUse }))
  if (context.json) document(context, { schemaVersion: 1, profiles: all })
  else {
    const columns = ['PROFILE', 'WHO', 'MESH', 'ADDRESS'].map((title) => ({ title }))
    const rows = all.map(({ name, who, mesh, address, inUse: used }) => [
      used ? `${name}*` : name,
      plain(who),
      mesh.slice(0, 16),
      plain(address),
    ])
    io.out(`${table(columns, rows, io.columns())}\n`)
  }
  return exitCodes.done
}

export interface ProfileFlags {
  from: string
  at?: string
  swarmKey?: string
}

export async function add(
  context: Context,
  name: string,
  { from, at, swarmKey }: ProfileFlags,
): Promise<number> {
  const { env, err } = context.io
  const folder = profileFolder(env, name)
  if (name === LOCAL) throw wrongUse(`${LOCAL} is the mesh on this machine`, 'take another name')
  if (existsSync(folder)) {
    throw new Problem({
      code: 'alreadyThere',
      why: `there is a profile ${name}`,
      fix: `take another name, or remove it with skein profile rm ${name}`,
      exitCode: exitCodes.conflict,
    })
  }
  const person = personIn(from)
  if (person === undefined) throw wrongUse(`${from} is no key of a person`, 'name one with --from')
  const swarm = swarmKey === undefined ? undefined : swarmKeyIn(swarmKey)
  try {
    await makeDirectory(folder)
    const file = join(folder, keyFileNames.operator)
    copyFileSync(from, file)
    chmodSync(file, 0o600)
    if (swarm !== undefined) writeFileSync(join(folder, SWARM_KEY_FILE), swarm, { mode: 0o600 })
    const address = at === undefined ? {} : { address: withScheme(at) }
    writeFileSync(join(folder, 'profile.json'), `${JSON.stringify(address)}\n`, { mode: 0o600 })
  } catch (error) {
    throw notWritable(folder, '$XDG_CONFIG_HOME', error)
  }
  if (!context.quiet) err(`profile ${name}: ${plain(person.name)}; use it with --profile ${name}\n`)
  return exitCodes.done
}

export async function use(context: Context, name: string): Promise<number> {
  const { env, err } = context.io
  if (name !== LOCAL) profileNamed(env, name)
  try {
    await makeDirectory(configFolder(env))
    writeFileSync(currentFile(env), `${name}\n`, { mode: 0o600 })
  } catch (error) {
    throw notWritable(currentFile(env), '$XDG_CONFIG_HOME', error)
  }
  if (context.quiet) return exitCodes.done
  err(`from now on commands go to ${name}, unless they say otherwise\n`)
  const other = ['SKEIN_PROFILE', 'SKEIN_HOME'].find((variable) => env[variable])
  if (other !== undefined) err(`in this shell they do: $${other} is set\n`)
  return exitCodes.done
}

export async function remove(context: Context, name: string): Promise<number> {
  const { folder } = profileNamed(context.io.env, name)
  await confirm(context, `this deletes profile ${name} with its key`)
  rmSync(folder, { recursive: true })
  return exitCodes.done
}
