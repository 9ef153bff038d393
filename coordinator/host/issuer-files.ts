/**
 * A new issuing key as files, made where the root key is: first beside the one of now, so that a
 * second run offers the mesh the same one, and in its place once the mesh has taken it.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { notWritable } from '../../agent/life/refusals.ts'
import { replaceFile } from '../../agent/ports/replace-file.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { grantIn, isSignedBy } from '../../protocol/identity/certificate.ts'
import { serialFrom } from '../../protocol/identity/issuing.ts'
import { formatKeyFile, openKey, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { seedBytes } from '../../protocol/identity/limits.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { certifyIssuer } from '../../protocol/identity/new-mesh.ts'
import { type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { askPassphrase, passphraseIn } from '../cli/passphrase.ts'
import { letInLimits } from '../joining/limits.ts'
import type { IssuingSeed } from '../joining/wire.ts'
import { freshSerial } from './mesh-keys.ts'

export interface Root {
  readonly mesh: MeshId
  readonly signer: Signer
}

export async function rootIn(file: string, passphraseFile: string | undefined): Promise<Root> {
  const key = existsSync(file) ? parseKeyFile(readFileSync(file, 'utf8')) : undefined
  if (key === undefined) throw rootUnusable(file, 'there is no such key')
  if (key.use !== 'root') throw rootUnusable(file, `it is the ${key.use} key`)
  const passphrase =
    key.key.kind === 'plain'
      ? undefined
      : passphraseFile === undefined
        ? await askPassphrase(`passphrase of ${file}: `)
        : passphraseIn(passphraseFile)
  const signer = openKey(key, passphrase)
  if (signer !== undefined) return { mesh: key.mesh, signer }
  if (key.key.kind === 'plain') throw rootUnusable(file, 'it was changed')
  const fix = 'name a file that holds its passphrase with --root-passphrase-file'
  throw rootUnusable(
    file,
    passphrase === undefined ? 'it has a passphrase' : 'that is not its passphrase',
    fix,
  )
}

/** One that was made before and has not been put in its place, or a new one. */
export async function draftedIssuer(file: string, root: Root, nowMs: number): Promise<IssuingSeed> {
  const known = draftIn(file, root, nowMs)
  if (known !== undefined) return known
  const seed = new Uint8Array(randomBytes(seedBytes))
  const { id } = signerFromSeed(seed)
  const certificate = certifyIssuer(root.signer, id, serialFrom(freshSerial()), nowMs)
  const key = { kind: 'plain' as const, seed }
  const credential = { leaf: certificate }
  const content = formatKeyFile({
    use: 'issuer',
    mesh: root.mesh,
    name: 'issuer',
    id,
    key,
    credential,
  })
  try {
    await replaceFile(dirname(file), basename(draftOf(file)), Buffer.from(content), 0o600)
  } catch (error) {
    throw notWritable(draftOf(file), '--out', error)
  }
  return { seed, certificate }
}

/** The mesh has it. */
export function putIssuerInPlace(file: string): void {
  renameSync(draftOf(file), file)
}

/** The mesh will never have it. */
export function dropIssuerDraft(file: string): void {
  rmSync(draftOf(file), { force: true })
}

export function draftOf(file: string): string {
  return `${file}.new`
}

function draftIn(file: string, { signer, mesh }: Root, nowMs: number): IssuingSeed | undefined {
  const draft = draftOf(file)
  const key = existsSync(draft) ? parseKeyFile(readFileSync(draft, 'utf8')) : undefined
  if (key?.use !== 'issuer' || key.key.kind !== 'plain' || key.mesh !== mesh) return undefined
  const certificate = key.credential?.leaf
  const grant = certificate && grantIn(certificate)
  if (certificate === undefined || grant === undefined || openKey(key) === undefined)
    return undefined
  const lastsLong = grant.notAfterMs - nowMs > letInLimits.issuerWarnMs
  if (!lastsLong || !isSignedBy(certificate, signer.id)) return undefined
  return { seed: key.key.seed, certificate }
}

function rootUnusable(
  file: string,
  why: string,
  fix = 'name the root key of the mesh with --root-key; skein init has made it',
): Problem {
  return new Problem({
    code: 'rootUnusable',
    why: `cannot make an issuing key with ${file}: ${why}`,
    fix,
    exitCode: exitCodes.usage,
  })
}
