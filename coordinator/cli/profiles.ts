/**
 * Profiles: for each mesh that a person works with, one folder with the key and where to ask. One of
 * them may be in use; else it is the local mesh.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { Problem } from '../../protocol/problem.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface Profile {
  name: string
  folder: string
  keyFile: string
  address: string | undefined
}

/** What the local mesh is called where a profile could stand. */
export const LOCAL = 'local'
const NAMES = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function configFolder(env: Env): string {
  const { XDG_CONFIG_HOME: base } = env
  return join(base?.startsWith('/') ? base : join(env.HOME ?? homedir(), '.config'), 'skein')
}

/** Holds the name of the one in use. */
export function currentFile(env: Env): string {
  return join(configFolder(env), 'profile')
}

export function profileFolder(env: Env, name: string): string {
  if (NAMES.test(name)) return join(configFolder(env), 'profiles', name)
  throw new Problem({
    code: 'badName',
    why: `${JSON.stringify(name)} is no name for a profile`,
    fix: 'take letters, digits, dots, dashes and underscores',
    exitCode: exitCodes.usage,
  })
}

export function profileNamed(env: Env, name: string): Profile {
  const folder = profileFolder(env, name)
  if (!existsSync(folder)) {
    throw new Problem({
      code: 'noProfile',
      why: `there is no profile ${name}`,
      fix: 'skein profile ls shows those that there are; skein profile add makes one',
      exitCode: exitCodes.notFound,
    })
  }
  const keyFile = join(folder, keyFileNames.operator)
  return { name, folder, keyFile, address: addressIn(join(folder, 'profile.json')) }
}

/** Undefined where the local mesh is meant, as whoever says where it lives does. */
export function profileInUse(env: Env): Profile | undefined {
  if (env.SKEIN_HOME) return undefined
  const name = firstLine(currentFile(env))
  if (name === '' || name === LOCAL || !NAMES.test(name)) return undefined
  return existsSync(profileFolder(env, name)) ? profileNamed(env, name) : undefined
}

export function profiles(env: Env): Profile[] {
  const folder = join(configFolder(env), 'profiles')
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => NAMES.test(name)) : []
  return names.sort().map((name) => profileNamed(env, name))
}

function addressIn(file: string): string | undefined {
  try {
    const { address } = JSON.parse(readFileSync(file, 'utf8')) as { address?: unknown }
    return typeof address === 'string' ? address : undefined
  } catch {
    return undefined
  }
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]?.trim() ?? ''
  } catch {
    return ''
  }
}
