/** Which agent a command asks: the one named, the local mesh's, or the one on this host. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const DEFAULT_ADDRESS = 'http://127.0.0.1:4131'

export function agentAddress(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const named = given ?? env.SKEIN_ADDRESS
  if (named) return named.includes('://') ? named.replace(/\/+$/, '') : `http://${named}`
  return addressIn(join(stateDirectory(env), 'mesh.json')) ?? DEFAULT_ADDRESS
}

/** Where the local mesh of this user, or of this checkout, lives. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
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
