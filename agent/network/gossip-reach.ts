/**
 * Whom the author of a gossip message has told itself. In a small mesh that is everybody, and
 * without this list everybody would pass the message on to everybody else: 16 messages for each
 * that is news, among five hosts. A hearer passes on only to those who are not on the list, so a
 * host that the author cannot reach still hears by way of one that both can.
 *
 * Peers stand in the list as 16 bits of a hash, salted anew for each message: two peers that are
 * taken for one another once are not the next time.
 */
import { randomBytes } from 'node:crypto'

/** Beyond this many hearers no list is made, and gossipsub's mesh passes the message on. */
export const reachedMax = 16

/** What comes before the payload: the number of peers, the salt, two bytes for each peer. */
export const reachBytesMax = 3 + 2 * reachedMax

/** `reached` is empty when the author does not vouch for anybody. */
export function withReach(reached: readonly string[], payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(3 + 2 * reached.length + payload.length)
  const view = new DataView(message.buffer)
  const salt = randomBytes(2).readUInt16BE()
  message[0] = reached.length
  view.setUint16(1, salt)
  for (const [at, peer] of reached.entries()) view.setUint16(3 + 2 * at, mark(peer, salt))
  message.set(payload, 3 + 2 * reached.length)
  return message
}

export interface Reach {
  payload: Uint8Array
  reached: (peer: string) => boolean
}

/** Undefined when the bytes are no such message. The payload is a copy. */
export function readReach(message: Uint8Array): Reach | undefined {
  const count = message[0]
  if (count === undefined || count > reachedMax || message.length < 3 + 2 * count) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const salt = view.getUint16(1)
  const marks = new Set<number>()
  for (let at = 0; at < count; at++) marks.add(view.getUint16(3 + 2 * at))
  return {
    payload: new Uint8Array(message.subarray(3 + 2 * count)),
    reached: (peer) => marks.has(mark(peer, salt)),
  }
}

/** FNV-1a, folded. It need not resist anybody: an author can only keep its own words from others. */
function mark(peer: string, salt: number): number {
  let hash = Math.imul(0x811c9dc5 ^ salt, 0x01000193)
  for (let at = 0; at < peer.length; at++) {
    hash = Math.imul(hash ^ peer.charCodeAt(at), 0x01000193)
  }
  return ((hash >>> 16) ^ hash) & 0xffff
}
