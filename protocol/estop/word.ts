/**
 * The word that raises or releases an emergency stop, as it travels and as it is kept: what it says,
 * once, and the hands of those who have signed that. What is signed is its bytes as they came.
 *
 * A release names every raise that it releases. So a stop that was raised where the releaser could
 * not see it, on the other side of a partition, stays in force whatever the epochs say.
 */
import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import { Credential } from '../identity/credential.ts'
import { meshIdLength, signatureBytes } from '../identity/limits.ts'
import { type MeshId, parseMeshId } from '../identity/mesh-id.ts'
import { type PeerId, type Signer, verify } from '../identity/peer-id.ts'
import type { SlowSigner } from '../identity/token.ts'
import { decode, encode } from '../wire/codec.ts'
import { bytes, field, type Infer, message, nested, repeated, text, uint } from '../wire/schema.ts'
import { estopLimits as limits } from './limits.ts'
import { parseScope, type StopMode, type StopScope, scopeText, stopModes } from './scope.ts'

const Covered = message('StopCovered', {
  id: field(1, bytes(limits.idBytes)),
  epoch: field(2, uint()),
})

const Body = message('StopBody', {
  mesh: field(1, text(meshIdLength)),
  /** `kill`, `drain`, or empty for a release. */
  mode: field(2, text(8)),
  scope: field(3, text(limits.scopeBytesMax)),
  epoch: field(4, uint()),
  covers: repeated(5, nested(Covered), limits.coveredMax),
  floor: field(6, uint()),
  reason: field(7, text(limits.reasonBytesMax)),
  nonce: field(8, bytes(limits.nonceBytes)),
  issuedMs: field(9, uint()),
})

const Hand = message('StopHand', {
  credential: field(1, nested(Credential)),
  signature: field(2, bytes(signatureBytes)),
})
export type Hand = Infer<typeof Hand>

export const StopWord = message('StopWord', {
  body: field(1, bytes(limits.bodyBytesMax)),
  hands: repeated(2, nested(Hand), limits.handsMax),
})
export type StopWord = Infer<typeof StopWord>

/** A raise that is released, by name. */
export interface CoveredRaise {
  id: string
  epoch: number
}

interface Said {
  mesh: MeshId
  scope: StopScope
  /** Of a scope: the highest that whoever says it has heard of, and one more. */
  epoch: number
  reason: string
  nonce: Uint8Array
  issuedMs: number
}

export interface Raise extends Said {
  act: 'raise'
  mode: StopMode
}

export interface Release extends Said {
  act: 'release'
  covers: readonly CoveredRaise[]
  /** Raises that are not above it and that nobody remembers are old. */
  floor: number
}

export type StopSaying = Raise | Release

const context = Buffer.from('skein emergency stop v1\n')

export function sayWord(saying: StopSaying): Uint8Array {
  const release = saying.act === 'release' ? saying : undefined
  const body = encode(Body, {
    mesh: saying.mesh,
    mode: saying.act === 'raise' ? saying.mode : '',
    scope: scopeText(saying.scope),
    epoch: saying.epoch,
    covers: (release?.covers ?? []).map(({ id, epoch }) => ({
      id: new Uint8Array(Buffer.from(id, 'hex')),
      epoch,
    })),
    floor: release?.floor ?? 0,
    reason: saying.reason,
    nonce: saying.nonce,
    issuedMs: saying.issuedMs,
  })
  assert(sayingIn(body) !== undefined, 'a word must read as it was meant', { epoch: saying.epoch })
  return body
}

export function handOf(body: Uint8Array, credential: Credential, signer: Signer): Hand {
  return { credential, signature: signer.sign(signedBytes(body)) }
}

/** Where the key is somewhere else, and takes its time. */
export async function slowHandOf(
  body: Uint8Array,
  credential: Credential,
  signer: SlowSigner,
): Promise<Hand> {
  return { credential, signature: await signer.sign(signedBytes(body)) }
}

export function isSignedBy(body: Uint8Array, holder: PeerId, { signature }: Hand): boolean {
  return verify(holder, signedBytes(body), signature)
}

/** The name of a word, whoever has signed it. */
export function wordId(body: Uint8Array): string {
  return createHash('sha256')
    .update(body)
    .digest('hex')
    .slice(0, 2 * limits.idBytes)
}

/** Undefined for all that is no word. Says nothing on who signed it. Never throws. */
export function sayingIn(body: Uint8Array): StopSaying | undefined {
  const read = decode(Body, body)
  if (!read.ok) return undefined
  const { value } = read
  const mesh = parseMeshId(value.mesh)
  const scope = parseScope(value.scope)
  const { epoch, floor, reason, nonce, issuedMs } = value
  if (mesh === undefined || scope === undefined || nonce.length !== limits.nonceBytes) return
  if (epoch < 1 || epoch > limits.epochMax || floor >= epoch) return undefined
  const said = { mesh, scope, epoch, reason, nonce, issuedMs }
  if (value.mode !== '') {
    const mode = stopModes.find((known) => known === value.mode)
    if (mode === undefined || value.covers.length > 0 || floor !== 0) return undefined
    return { act: 'raise', mode, ...said }
  }
  const covers = value.covers.map(({ id, epoch: at }) => ({
    id: Buffer.from(id).toString('hex'),
    epoch: at,
  }))
  const isLawful = covers.every(
    (one) => one.id.length === 2 * limits.idBytes && one.epoch <= epoch && one.epoch > floor,
  )
  // Only who has no room left to name them may call raises old.
  if (!isLawful || (floor > 0 && covers.length < limits.coveredMax)) return undefined
  return { act: 'release', covers, floor, ...said }
}

/** Undefined for all that is no word. Never throws. */
export function readWord(encoded: Uint8Array): StopWord | undefined {
  const read = decode(StopWord, encoded)
  return read.ok ? read.value : undefined
}

function signedBytes(body: Uint8Array): Uint8Array {
  return Buffer.concat([context, body])
}
