/**
 * The secret that keeps strangers off the mesh's connections, in the text form that libp2p's
 * private networks read and IPFS tools write. Whoever has it may connect; what a peer may then do
 * is another matter.
 */
import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import { meshFingerprintLength, swarmKeyBytes } from './limits.ts'

const firstLine = '/key/swarm/psk/1.0.0/'
const secondLine = '/base16/'

export type SwarmKeyFault = 'notASwarmKey' | 'notBase16' | 'wrongLength'

export type ParsedSwarmKey = { ok: true; key: Uint8Array } | { ok: false; why: SwarmKeyFault }

export function formatSwarmKey(key: Uint8Array): string {
  assertLength(key)
  return `${firstLine}\n${secondLine}\n${Buffer.from(key).toString('hex')}\n`
}

export function parseSwarmKey(text: string): ParsedSwarmKey {
  const [first, second, digits = '', ...rest] = text.split(/\r\n|\r|\n/).map((line) => line.trim())
  if (first !== firstLine || rest.some((line) => line !== '')) return fault('notASwarmKey')
  if (second !== secondLine || !/^[0-9a-f]*$/i.test(digits)) return fault('notBase16')
  if (digits.length !== swarmKeyBytes * 2) return fault('wrongLength')
  return { ok: true, key: new Uint8Array(Buffer.from(digits, 'hex')) }
}

/** Tells meshes apart without telling their secret. */
export function meshFingerprint(key: Uint8Array): string {
  assertLength(key)
  return createHash('sha256').update(key).digest('hex').slice(0, meshFingerprintLength)
}

function assertLength(key: Uint8Array): void {
  assert(key.length === swarmKeyBytes, 'a swarm key must be 32 bytes', { length: key.length })
}

function fault(why: SwarmKeyFault): ParsedSwarmKey {
  return { ok: false, why }
}
