/** A public key that somebody has made themselves and keeps in an ssh-agent, as they name it. */
import { readFileSync } from 'node:fs'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { peerIdInSshKey } from '../../protocol/identity/ssh-key.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

const QUOTED_LENGTH_MAX = 60

/** As a line of SSH, or the file that holds it. */
export function publicKeyIn(said: string): PeerId {
  const id = peerIdInSshKey(/^ssh-\S+ /.test(said) ? said : lineIn(said))
  if (id !== undefined) return id
  const quoted = plain(said).slice(0, QUOTED_LENGTH_MAX)
  const fix = 'make one with ssh-keygen -t ed25519, and name its .pub file'
  throw wrongUse(`${quoted} is no Ed25519 key as SSH writes it`, fix)
}

function lineIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0] ?? ''
  } catch {
    throw wrongUse(`cannot read ${plain(file)}`, 'name the .pub file of an ssh-ed25519 key')
  }
}
