/** Looks at what the agents of a local mesh say, with the key of the person who has made the mesh. */
import { join } from 'node:path'
import { signInFrom } from '../../coordinator/cli/operator-key.ts'
import type { SignIn } from '../../coordinator/cli/sign-in.ts'
import type { LocalNode } from './layout.ts'

/** Where an agent of a local mesh is, and whose it is. */
export type Looked = Pick<LocalNode, 'apiAddress' | 'dataDirectory'>

const signIns = new Map<string, SignIn>()

/** A local mesh keeps the key of its person beside the folder with its agents. */
export function signInOf({ dataDirectory }: Pick<Looked, 'dataDirectory'>): SignIn {
  const folder = join(dataDirectory, '..', '..')
  const known = signIns.get(folder)
  if (known !== undefined) return known
  const signIn = signInFrom(folder)
  signIns.set(folder, signIn)
  return signIn
}

export async function look(node: Looked, path: string, signal?: AbortSignal): Promise<Response> {
  const url = new URL(path, node.apiAddress)
  // The audience goes with the address; `fetch` says the host by itself.
  const { authorization = '' } = await signInOf(node).headers(url, 'GET')
  return fetch(url, { headers: { authorization }, ...(signal === undefined ? {} : { signal }) })
}
