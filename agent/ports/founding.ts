/**
 * Which host begins the mesh's ledger: exactly one, once. Making a mesh leaves a note beside its
 * swarm key; the first agent that starts there takes it by renaming it to its own, which only one
 * can do, and removes it when the ledger has begun. Hosts that are given the key alone never found.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const NOTE = 'founder'

export function leaveFoundingNote(directory: string): void {
  const text = 'The first agent that starts with the swarm key beside this begins the ledger.\n'
  writeFileSync(join(directory, NOTE), text, { mode: 0o600 })
}

export interface Founding {
  /** True for the agent that is to begin the ledger. */
  readonly founder: boolean
  /** The ledger has begun: nobody is to do so again. */
  done(): void
}

export function claimFounding(swarmKeyFile: string, id: PeerId): Founding {
  const note = join(dirname(swarmKeyFile), NOTE)
  const own = `${note}.${id}`
  try {
    renameSync(note, own)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Not there, or not ours to take: then somebody else begins.
    if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
  // An agent that was killed between taking the note and using it finds it again.
  return { founder: existsSync(own), done: () => rmSync(own, { force: true }) }
}
