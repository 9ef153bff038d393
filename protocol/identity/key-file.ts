/**
 * A key as it is kept in a file: its seed in the open, for machines whose disk is their owner's, or
 * under a passphrase (scrypt, AES-256-GCM), or not at all, where an ssh-agent holds it. Beside it what the key is for: the mesh, a name, and the
 * credential that makes it somebody. All but the seed may be read by anyone.
 */
import { createCipheriv, createDecipheriv, scryptSync } from 'node:crypto'
import { decode, encode } from '../wire/codec.ts'
import { Credential } from './credential.ts'
import { keyFileLimits, seedBytes } from './limits.ts'
import { type MeshId, parseMeshId } from './mesh-id.ts'
import { type Signer, signerFromSeed } from './peer-id.ts'

/** What the key does: signs issuing keys, signs certificates, or speaks for a person. */
export const keyUses = ['root', 'issuer', 'operator'] as const
export type KeyUse = (typeof keyUses)[number]

/** What the file of each is called, wherever it lies. */
export const keyFileNames = {
  root: 'root.key',
  issuer: 'issuer.key',
  operator: 'operator.key',
} as const satisfies Readonly<Record<KeyUse, string>>

export interface KeyFile {
  use: KeyUse
  mesh: MeshId
  name: string
  /** The public half, so that a file can be told from another without its passphrase. */
  id: string
  key: PlainKey | SealedKey | AgentKey
  /** None of a root: nobody stands above it. */
  credential: Credential | undefined
}

interface PlainKey {
  kind: 'plain'
  seed: Uint8Array
}

/** It is somewhere else, and is asked to sign. Only people have such keys. */
interface AgentKey {
  kind: 'agent'
}

interface SealedKey {
  kind: 'scrypt'
  salt: Uint8Array
  nonce: Uint8Array
  sealed: Uint8Array
}

const { saltBytes, sealNonceBytes, tagBytes } = keyFileLimits

export function sealSeed(
  seed: Uint8Array,
  passphrase: string,
  chance: { salt: Uint8Array; nonce: Uint8Array },
): SealedKey {
  const cipher = createCipheriv('aes-256-gcm', stretched(passphrase, chance.salt), chance.nonce)
  const sealed = Buffer.concat([cipher.update(seed), cipher.final(), cipher.getAuthTag()])
  return { kind: 'scrypt', ...chance, sealed: new Uint8Array(sealed) }
}

/** Undefined when the passphrase is wrong, is missing, the file was changed, or it holds no key. */
export function openKey({ key, id }: KeyFile, passphrase?: string): Signer | undefined {
  if (key.kind === 'agent') return undefined
  const seed = key.kind === 'plain' ? key.seed : unsealed(key, passphrase)
  if (seed === undefined) return undefined
  const signer = signerFromSeed(seed)
  return signer.id === id ? signer : undefined
}

function unsealed({ salt, nonce, sealed }: SealedKey, passphrase?: string): Uint8Array | undefined {
  if (passphrase === undefined) return undefined
  const decipher = createDecipheriv('aes-256-gcm', stretched(passphrase, salt), nonce)
  decipher.setAuthTag(sealed.subarray(seedBytes))
  try {
    const seed = Buffer.concat([decipher.update(sealed.subarray(0, seedBytes)), decipher.final()])
    return new Uint8Array(seed)
  } catch {
    return undefined
  }
}

/** About 0.1 s and 32 MiB for each guess. */
function stretched(passphrase: string, salt: Uint8Array): Buffer {
  const { cost, blockSize, memoryBytesMax } = keyFileLimits
  return scryptSync(passphrase.normalize('NFKC'), salt, 32, {
    N: cost,
    r: blockSize,
    p: 1,
    maxmem: memoryBytesMax,
  })
}

const VERSION = 1

export function formatKeyFile({ use, mesh, name, id, key, credential }: KeyFile): string {
  const kept = keptOf(key)
  const shown = credential === undefined ? {} : { credential: text(encode(Credential, credential)) }
  const document = { skein: 'key', version: VERSION, use, mesh, name, id, key: kept, ...shown }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function keptOf(key: KeyFile['key']): Record<string, string> {
  const { kind } = key
  if (kind === 'agent') return { kind }
  if (kind === 'plain') return { kind, seed: text(key.seed) }
  return { kind, salt: text(key.salt), nonce: text(key.nonce), sealed: text(key.sealed) }
}

/** Undefined for all that is no such file, or not a whole one. */
export function parseKeyFile(content: string): KeyFile | undefined {
  const document = jsonIn(content)
  if (document?.skein !== 'key' || document.version !== VERSION) return undefined
  const use = keyUses.find((known) => known === document.use)
  const mesh = typeof document.mesh === 'string' ? parseMeshId(document.mesh) : undefined
  const { name, id } = document
  const key = keyIn(document.key)
  if (key?.kind === 'agent' && use !== 'operator') return undefined
  if (!use || !mesh || !key || typeof name !== 'string' || typeof id !== 'string') return undefined
  if (document.credential === undefined) {
    return use === 'root' ? { use, mesh, name, id, key, credential: undefined } : undefined
  }
  const bytes = bytesIn(document.credential)
  const credential = bytes && decode(Credential, bytes)
  if (!credential?.ok) return undefined
  return { use, mesh, name, id, key, credential: credential.value }
}

function keyIn(value: unknown): KeyFile['key'] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  if (fields.kind === 'plain') {
    const seed = bytesIn(fields.seed, seedBytes)
    return seed && { kind: 'plain', seed }
  }
  if (fields.kind === 'agent') return { kind: 'agent' }
  const salt = bytesIn(fields.salt, saltBytes)
  const nonce = bytesIn(fields.nonce, sealNonceBytes)
  const sealed = bytesIn(fields.sealed, seedBytes + tagBytes)
  if (fields.kind !== 'scrypt' || !salt || !nonce || !sealed) return undefined
  return { kind: 'scrypt', salt, nonce, sealed }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function bytesIn(value: unknown, length?: number): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = new Uint8Array(Buffer.from(value, 'base64url'))
  return length === undefined || bytes.length === length ? bytes : undefined
}

function jsonIn(content: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(content)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
