/**
 * A join token: one line of text that lets a host into a mesh. It says which mesh (the hash of its
 * root's key, so that the host takes no other for it), where agents of it may be found, the swarm
 * key, and a key of its own, good for nothing but joining. Who has the text may join; the ledger
 * has the public half only, so that whoever reads the ledger may not.
 *
 * A checksum ends it: what was cut or mistyped is told apart from what the mesh refuses.
 */
import { createHash } from 'node:crypto'
import { meshIdLength, seedBytes, swarmKeyBytes } from '../identity/limits.ts'
import { type MeshId, parseMeshId } from '../identity/mesh-id.ts'
import { type PeerId, publicKeyOf } from '../identity/peer-id.ts'
import { decode, encode } from '../wire/codec.ts'
import { bytes, field, message, repeated, text, uint } from '../wire/schema.ts'
import { joinLimits } from './limits.ts'

const Content = message('JoinToken', {
  mesh: field(1, bytes(meshIdLength / 2)),
  seed: field(2, bytes(seedBytes)),
  swarmKey: field(3, bytes(swarmKeyBytes)),
  expiresMs: field(4, uint()),
  addresses: repeated(5, text(joinLimits.addressBytesMax), joinLimits.addressesMax),
})

export interface JoinToken {
  mesh: MeshId
  /** Of the token's own key. */
  seed: Uint8Array
  swarmKey: Uint8Array
  /** By the calendar. The mesh decides by its own. */
  expiresMs: number
  /** Where agents of the mesh were when it was made. */
  addresses: string[]
}

export type JoinTokenFault = 'notAToken' | 'otherVersion' | 'damaged'

export type ParsedJoinToken = { ok: true; token: JoinToken } | { ok: false; why: JoinTokenFault }

const prefix = 'skein1.'
const checksumBytes = 4

export function formatJoinToken(token: JoinToken): string {
  const mesh = new Uint8Array(Buffer.from(token.mesh, 'hex'))
  const content = encode(Content, { ...token, mesh })
  return prefix + Buffer.concat([content, checksum(content)]).toString('base64url')
}

/** Never throws. White space is let through: terminals and mails break long lines. */
export function parseJoinToken(given: string): ParsedJoinToken {
  if (given.length > 2 * joinLimits.textLengthMax) return fault('notAToken')
  const text = given.replace(/\s+/g, '')
  if (!text.startsWith(prefix)) {
    return fault(/^skein\d+\./.test(text) ? 'otherVersion' : 'notAToken')
  }
  const whole = new Uint8Array(Buffer.from(text.slice(prefix.length), 'base64url'))
  const content = whole.subarray(0, Math.max(0, whole.length - checksumBytes))
  if (Buffer.compare(checksum(content), whole.subarray(content.length)) !== 0) {
    return fault('damaged')
  }
  const read = decode(Content, content)
  if (!read.ok) return fault('damaged')
  const { value } = read
  const mesh = parseMeshId(Buffer.from(value.mesh).toString('hex'))
  if (mesh === undefined || value.seed.length !== seedBytes) return fault('damaged')
  if (value.swarmKey.length !== swarmKeyBytes) return fault('damaged')
  const token = { ...value, mesh }
  // There is one way to write a token, as there is one of writing an id.
  return formatJoinToken(token) === text ? { ok: true, token } : fault('damaged')
}

/** What a token is called, by its public key: in the ledger, in lists, and by whoever shows it. */
export function joinTokenId(key: PeerId): string {
  const hash = createHash('sha256').update('skein join token v1\n').update(publicKeyOf(key))
  return hash.digest('hex').slice(0, joinLimits.idLength)
}

function checksum(content: Uint8Array): Uint8Array {
  return createHash('sha256').update(content).digest().subarray(0, checksumBytes)
}

function fault(why: JoinTokenFault): ParsedJoinToken {
  return { ok: false, why }
}
