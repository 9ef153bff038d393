/** A person's key from its file, opened with a passphrase where it needs one. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { keyFileNames, openKey, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { parsePeerId } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { type OpenKey, SignIn } from './sign-in.ts'

const KEY_BYTES_MAX = 64 * 1024
const TRIES = 3
const othersMayRead = 0o077

export interface KeyWish {
  /** The file, or where all were looked for that are not there. */
  readonly file: string | undefined
  /** Holds the passphrase in its first line. */
  readonly passphraseFile?: string | undefined
  /** Where an ssh-agent listens, for keys that it holds. */
  readonly sshAgent?: string | undefined
}

export function signInWith(wish: KeyWish): SignIn {
  return new SignIn(() => openedKey(wish))
}

/** With the key in the folder of a mesh, which its owner alone can read. */
export function signInFrom(folder: string): SignIn {
  return signInWith({ file: join(folder, keyFileNames.operator) })
}

/** Whose key is in a file, if it is a person's; nothing of it is opened. */
export function personIn(file: string): { name: string; mesh: string } | undefined {
  if (!existsSync(file) || statSync(file).size > KEY_BYTES_MAX) return undefined
  const key = parseKeyFile(readFileSync(file, 'utf8'))
  return key?.use === 'operator' ? { name: key.name, mesh: key.mesh } : undefined
}

async function openedKey({ file, passphraseFile, sshAgent }: KeyWish): Promise<OpenKey> {
  if (file === undefined) {
    throw refused(
      'noKey',
      'there is no key to sign in with',
      'name one with --key-file or --profile',
    )
  }
  const key = parseKeyFile(textOf(file))
  if (key === undefined) throw unusable(file, 'it is no key file')
  if (key.use !== 'operator' || key.credential === undefined) {
    throw unusable(file, `it is the ${key.use} key of a mesh, and no person's`)
  }
  const { credential } = key
  if (key.key.kind === 'agent') {
    const id = parsePeerId(key.id)
    if (id === undefined) throw unusable(file, 'it was changed')
    const { SshAgentSigner } = await import('./ssh-agent.ts')
    return { signer: new SshAgentSigner(sshAgent, id, key.name), credential, from: file }
  }
  if (key.key.kind === 'plain') {
    const signer = openKey(key)
    if (signer === undefined) throw unusable(file, 'it was changed')
    return { signer, credential, from: file }
  }
  const { askPassphrase, passphraseIn } = await import('./passphrase.ts')
  const tries = passphraseFile === undefined ? TRIES : 1
  for (let left = tries; left > 0; left--) {
    const again = left < tries ? 'that is not it; the ' : ''
    const passphrase =
      passphraseFile === undefined
        ? await askPassphrase(`${again}passphrase of ${key.name} (${file}): `)
        : passphraseIn(passphraseFile)
    if (passphrase === undefined) {
      const fix = 'name a file that holds it with --passphrase-file or $SKEIN_PASSPHRASE_FILE'
      throw refused('noPassphrase', `the key in ${file} has a passphrase`, fix)
    }
    const signer = openKey(key, passphrase)
    if (signer !== undefined) return { signer, credential, from: file }
  }
  throw refused('wrongPassphrase', `that is not the passphrase of ${file}`, 'try again')
}

function textOf(file: string): string {
  if (!existsSync(file)) throw unusable(file, 'there is no such file')
  const { size, mode } = statSync(file)
  if (size > KEY_BYTES_MAX) throw unusable(file, 'it is no key file')
  if ((mode & othersMayRead) !== 0) {
    throw unusable(file, 'others on this host may read it; chmod 600 it, and have it made anew')
  }
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unusable(file, (error as Error).message)
  }
}

function unusable(file: string, why: string): Problem {
  return refused(
    'keyUnusable',
    `cannot sign in with ${file}: ${why}`,
    'name another with --key-file',
  )
}

function refused(code: string, why: string, fix: string): Problem {
  return new Problem({ code, why, fix, exitCode: exitCodes.refused })
}
