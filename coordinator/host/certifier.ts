/**
 * Who certifies people: an issuing key, or the root itself, which alone can make masters. From its
 * file, with its passphrase where it has one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { issuePerson, type PersonHolder, serialFrom } from '../../protocol/identity/issuing.ts'
import { type KeyFile, openKey, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { lifetimes } from '../../protocol/identity/limits.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import type { Signer } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { askPassphrase } from '../cli/passphrase.ts'
import { freshSerial } from './mesh-keys.ts'

export interface Certifier {
  mesh: MeshId
  certify(holder: PersonHolder): Credential
}

export async function certifierIn(file: string): Promise<Certifier> {
  const key = existsSync(file) ? parseKeyFile(readFileSync(file, 'utf8')) : undefined
  if (key === undefined) throw unusable(file, 'there is no such key')
  const signer = await opened(file, key)
  const { mesh } = key
  if (key.use === 'root') return { mesh, certify: (holder) => byRoot(signer, mesh, holder) }
  if (key.use !== 'issuer' || key.credential === undefined) {
    throw unusable(file, `it is ${key.name}’s own key`)
  }
  const issuer = { signer, certificate: key.credential.leaf }
  return {
    mesh,
    certify: (holder) => issuePerson(issuer, holder, serialFrom(freshSerial()), Date.now()),
  }
}

function byRoot(root: Signer, mesh: MeshId, holder: PersonHolder): Credential {
  const nowMs = Date.now()
  const times = { notBeforeMs: nowMs, notAfterMs: nowMs + lifetimes.personMs }
  const named = { mesh, serial: serialFrom(freshSerial()), kind: 'person' as const }
  return { leaf: issueCertificate({ ...named, ...holder, ...times }, root) }
}

async function opened(file: string, key: KeyFile): Promise<Signer> {
  const passphrase =
    key.key.kind === 'plain' ? undefined : await askPassphrase(`passphrase of ${file}: `)
  const signer = openKey(key, passphrase)
  if (signer !== undefined) return signer
  throw unusable(file, key.key.kind === 'plain' ? 'it was changed' : 'that is not its passphrase')
}

function unusable(file: string, why: string): Problem {
  return new Problem({
    code: 'issuerUnusable',
    why: `cannot certify anybody with ${file}: ${why}`,
    fix: 'name the issuing key, or for masters the root key, with --issuer',
    exitCode: exitCodes.usage,
  })
}
