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
import { askPassphrase, passphraseIn } from '../cli/passphrase.ts'
import { freshSerial } from './mesh-keys.ts'

export interface Certifier {
  mesh: MeshId
  /** The root, which alone makes masters. */
  isRoot: boolean
  certify(holder: PersonHolder): Credential
}

export async function certifierIn(
  file: string,
  passphraseFile: string | undefined,
): Promise<Certifier> {
  if (!existsSync(file)) throw unusable(file, 'there is no such file')
  const key = parseKeyFile(readFileSync(file, 'utf8'))
  if (key === undefined) throw unusable(file, 'it is no key file')
  const signer = await opened(file, key, passphraseFile)
  const { mesh } = key
  if (key.use === 'root') {
    return { mesh, isRoot: true, certify: (holder) => byRoot(signer, mesh, holder) }
  }
  if (key.use !== 'issuer' || key.credential === undefined) {
    throw unusable(file, `it is ${key.name}’s own key`)
  }
  const issuer = { signer, certificate: key.credential.leaf }
  return {
    mesh,
    isRoot: false,
    certify: (holder) => issuePerson(issuer, holder, serialFrom(freshSerial()), Date.now()),
  }
}

function byRoot(root: Signer, mesh: MeshId, holder: PersonHolder): Credential {
  const nowMs = Date.now()
  const times = { notBeforeMs: nowMs, notAfterMs: nowMs + lifetimes.personMs }
  const named = { mesh, serial: serialFrom(freshSerial()), kind: 'person' as const }
  return { leaf: issueCertificate({ ...named, ...holder, ...times }, root) }
}

async function opened(
  file: string,
  key: KeyFile,
  passphraseFile: string | undefined,
): Promise<Signer> {
  const isPlain = key.key.kind === 'plain'
  if (key.key.kind === 'agent') throw unusable(file, `it is ${key.name}’s own key`)
  const passphrase = isPlain
    ? undefined
    : passphraseFile === undefined
      ? await askPassphrase(`passphrase of ${file}: `)
      : passphraseIn(passphraseFile)
  const signer = openKey(key, passphrase)
  if (signer !== undefined) return signer
  if (isPlain) throw unusable(file, 'it was changed')
  const why = passphrase === undefined ? 'it has a passphrase' : 'that is not its passphrase'
  throw unusable(file, why, 'name a file that holds it with --issuer-passphrase-file')
}

const NAME_IT =
  'name the issuing key that skein init has made, or for masters the root key, with --issuer'

function unusable(file: string, why: string, fix = NAME_IT): Problem {
  return new Problem({
    code: 'issuerUnusable',
    why: `cannot certify anybody with ${file}: ${why}`,
    fix,
    exitCode: exitCodes.usage,
  })
}
