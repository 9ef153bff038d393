/**
 * The keys of a mesh as files in one folder: made once, each for its owner's eyes alone, and read
 * again by who issues certificates with them.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Issuer } from '../../protocol/identity/issuing.ts'
import {
  formatKeyFile,
  keyFileNames,
  openKey,
  parseKeyFile,
  sealSeed,
} from '../../protocol/identity/key-file.ts'
import { keyFileLimits, seedBytes } from '../../protocol/identity/limits.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { type FirstOperator, type Lock, newMesh } from '../../protocol/identity/new-mesh.ts'
import { Problem } from '../../protocol/problem.ts'

const SERIAL_BYTES = 16

/** The root and the person's key under the passphrase; the issuing key is for hosts, which have none. */
export function lockedBy(passphrase: string | undefined): Lock {
  return (use, seed) => {
    if (passphrase === undefined || use === 'issuer') return { kind: 'plain', seed }
    const { saltBytes, sealNonceBytes } = keyFileLimits
    return sealSeed(seed, passphrase, { salt: chance(saltBytes), nonce: chance(sealNonceBytes) })
  }
}

/** Throws what the system says, also where one of the files is there already. */
export function writeMeshKeys(folder: string, operator: FirstOperator, lock: Lock): MeshId {
  const made = newMesh(
    {
      rootSeed: chance(seedBytes),
      issuerSeed: chance(seedBytes),
      operatorSeed: chance(seedBytes),
      issuerSerial: chance(SERIAL_BYTES),
      operatorSerial: chance(SERIAL_BYTES),
    },
    operator,
    Date.now(),
    lock,
  )
  for (const use of ['root', 'issuer', 'operator'] as const) {
    const file = join(folder, keyFileNames[use])
    writeFileSync(file, formatKeyFile(made[use]), { mode: 0o600, flag: 'wx' })
  }
  return made.root.mesh
}

/** Those that are there already, of the files that make a mesh. */
export function meshFilesIn(folder: string): string[] {
  const names = [...Object.values(keyFileNames), 'swarm.key']
  return names.map((name) => join(folder, name)).filter((file) => existsSync(file))
}

export interface KnownIssuer extends Issuer {
  mesh: MeshId
}

export function readIssuer(file: string): KnownIssuer {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw issuerUnusable(file, missing ? 'there is no such file' : String(error))
  }
  const issuer = issuerIn(text)
  if (issuer === undefined) throw issuerUnusable(file, 'it is no issuing key')
  return issuer
}

/** Undefined where this is not the text of an issuing key in the open. */
export function issuerIn(text: string): KnownIssuer | undefined {
  const file = parseKeyFile(text)
  const signer = file?.use === 'issuer' ? openKey(file) : undefined
  if (!file?.credential || signer === undefined) return undefined
  return { mesh: file.mesh, signer, certificate: file.credential.leaf }
}

export function freshSerial(): Uint8Array {
  return chance(SERIAL_BYTES)
}

function chance(bytes: number): Uint8Array {
  return new Uint8Array(randomBytes(bytes))
}

function issuerUnusable(file: string, why: string): Problem {
  return new Problem({
    code: 'issuerUnusable',
    why: `cannot use the issuing key ${file}: ${why}`,
    fix: 'put the one that skein init has made there again, or move this one away',
    exitCode: exitCodes.usage,
  })
}
