/**
 * Who an agent is, as files in its data directory: the key that it made for itself, and the
 * credential by which others know it for one of the mesh.
 */
import { randomBytes } from 'node:crypto'
import { credentialFile, identityFile, issuerFile, Secrets } from '../../agent/ports/secrets.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import { believe, Credential, type Trust } from '../../protocol/identity/credential.ts'
import { issuePeer, serialFrom } from '../../protocol/identity/issuing.ts'
import { parseKeyFile } from '../../protocol/identity/key-file.ts'
import { lifetimes, seedBytes } from '../../protocol/identity/limits.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { hasRole, type PeerRole } from '../../protocol/identity/roles.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { IssuingSeed } from '../joining/wire.ts'
import { freshSerial, type KnownIssuer } from './mesh-keys.ts'

/** Made once, on the first start, and never leaves the directory. */
export async function seedIn(secrets: Secrets): Promise<Uint8Array> {
  const known = await secrets.read(identityFile)
  if (known) return known
  const seed = new Uint8Array(randomBytes(seedBytes))
  await secrets.write(identityFile, seed)
  return seed
}

/** Undefined when there is none, or what is there is none. */
export async function credentialIn(secrets: Secrets): Promise<Credential | undefined> {
  const bytes = await secrets.read(credentialFile)
  const read = bytes && decode(Credential, bytes)
  return read?.ok ? read.value : undefined
}

/** The key that makes certificates, on hosts that have one; undefined also for what is none. */
export async function issuingSeedIn(secrets: Secrets): Promise<IssuingSeed | undefined> {
  const text = await secrets.read(issuerFile)
  const file = text && parseKeyFile(Buffer.from(text).toString('utf8'))
  if (file?.use !== 'issuer' || file.key.kind !== 'plain' || !file.credential) return undefined
  return { seed: file.key.seed, certificate: file.credential.leaf }
}

export async function keepCredential(secrets: Secrets, credential: Credential): Promise<void> {
  await secrets.write(credentialFile, encode(Credential, credential))
}

export interface Equipment {
  name: string
  roles: readonly PeerRole[]
  labels: Readonly<Record<string, string>>
}

/**
 * Makes the directory that of a peer: with a key, and with a credential by this issuer. What is
 * there and will be good for a while is kept, unless this issuer has taken the place of the one
 * behind it: then nobody may believe it any more, which cannot be known here.
 */
export async function equipPeer(
  dataDirectory: string,
  issuer: KnownIssuer,
  equipment: Equipment,
): Promise<Credential> {
  const secrets = new Secrets(dataDirectory)
  await secrets.prepare()
  const { id } = signerFromSeed(await seedIn(secrets))
  const nowMs = Date.now()
  const known = await credentialIn(secrets)
  const holder = known && holderOf(known, trustIn(issuer.mesh), nowMs + lifetimes.peerRenewalMs)
  const isOurs = holder?.subject === id && hasAll(holder, equipment.roles)
  if (known && isOurs && !isOvertaken(known, issuer)) return known
  const credential = credentialBy(issuer, id, equipment)
  await keepCredential(secrets, credential)
  return credential
}

export function credentialBy(
  issuer: KnownIssuer,
  subject: PeerId,
  equipment: Equipment,
): Credential {
  return issuePeer(issuer, { subject, ...equipment }, serialFrom(freshSerial()), Date.now())
}

/** Before the ledger is there to ask what was taken back. */
export function trustIn(mesh: MeshId): Trust {
  return { mesh, isRevoked: () => false }
}

function holderOf(credential: Credential, trust: Trust, atMs: number): Grant | undefined {
  const believed = believe(credential, trust, atMs)
  return believed.ok ? believed.holder : undefined
}

/** A mesh has one issuing key at a time: the newer one is in the place of the other. */
function isOvertaken({ issuer: behind }: Credential, { certificate }: KnownIssuer): boolean {
  const [before, now] = [behind && grantIn(behind), grantIn(certificate)]
  return before !== undefined && now !== undefined && before.notBeforeMs < now.notBeforeMs
}

function hasAll({ roles }: Grant, asked: readonly PeerRole[]): boolean {
  return asked.every((role) => hasRole(roles, [role]))
}
