/**
 * Which agent a command asks, and with whose key: what is named, a profile, or else the local mesh
 * or the agent on this host.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isLoopback } from '../../agent/http/admission.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import type { KeyWish } from './operator-key.ts'
import { LOCAL, type Profile, profileInUse, profileNamed } from './profiles.ts'

export const DEFAULT_ADDRESS = 'http://127.0.0.1:4131'

type Env = Readonly<Record<string, string | undefined>>

export interface WhereFlags {
  address?: string
  keyFile?: string
  profile?: string
  passphraseFile?: string
}

export interface Where {
  address: string
  /** It was not said whether it speaks TLS. */
  isGuess: boolean
  key: KeyWish
}

/** What is given goes before the environment, that before the profile in use, that before the local mesh. */
export function whereOf(flags: WhereFlags, env: Env): Where {
  const profile = profileOf(flags.profile ?? env.SKEIN_PROFILE, env)
  const home = stateDirectory(env)
  const named = flags.address ?? env.SKEIN_ADDRESS ?? profile?.address
  const address = named
    ? withScheme(named)
    : (addressIn(join(home, 'mesh.json')) ?? DEFAULT_ADDRESS)
  const local = join(home, keyFileNames.operator)
  const file =
    flags.keyFile ?? env.SKEIN_KEY ?? profile?.keyFile ?? (existsSync(local) ? local : undefined)
  const passphraseFile = flags.passphraseFile ?? env.SKEIN_PASSPHRASE_FILE
  const isGuess = !named?.includes('://') && address.startsWith('http:')
  return { address, isGuess, key: { file, passphraseFile, sshAgent: env.SSH_AUTH_SOCK } }
}

function profileOf(name: string | undefined, env: Env): Profile | undefined {
  if (name === undefined || name === '') return profileInUse(env)
  return name === LOCAL ? undefined : profileNamed(env, name)
}

/**
 * An agent speaks plainly on loopback, and TLS everywhere else. What is no host:port stays as it is,
 * to be refused as it was written: before a scheme, `http//node1` would be a host named http.
 */
export function withScheme(address: string): string {
  if (address.includes('://')) return address.replace(/\/+$/, '')
  const url = URL.parse(`http://${address}`)
  if (url === null || url.pathname + url.search + url.hash !== '/') return address
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return `http${host === 'localhost' || isLoopback(host) ? '' : 's'}://${address}`
}

/** Where the local mesh of this user, or of this checkout, lives. */
export function stateDirectory(env: Env): string {
  if (env.SKEIN_HOME) return resolve(env.SKEIN_HOME)
  const checkout = fileURLToPath(new URL('../../', import.meta.url))
  const inCheckout = existsSync(join(checkout, 'tsconfig.json'))
  return join(inCheckout ? checkout : homedir(), '.skein')
}

/** Only of a mesh that is up: an old file must not hide the agent of this host. */
function addressIn(file: string): string | undefined {
  try {
    const mesh = JSON.parse(readFileSync(file, 'utf8')) as { ready?: unknown; address?: unknown }
    return mesh.ready === true && typeof mesh.address === 'string' ? mesh.address : undefined
  } catch {
    return undefined
  }
}
