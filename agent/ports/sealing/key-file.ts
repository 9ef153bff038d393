/**
 * The operator's key of a store: a file of 64 hexadecimal digits or of 32 bytes, which lies elsewhere
 * than the store. That it lies in the host's TPM is the service manager's to arrange
 * (`LoadCredentialEncrypted=` of systemd): it is a file for the agent then as well.
 */
import { open } from 'node:fs/promises'
import { exitCodes } from '../../../protocol/exit-codes.ts'
import { Problem } from '../../../protocol/problem.ts'
import { messageOf } from '../../../protocol/thrown.ts'
import { keyExposed } from '../data-directory-errors.ts'
import { sealKeyBytes } from './value-seal.ts'

const othersMayRead = 0o007
const bytesMax = 1024

/** Rejects with a `Problem`. */
export async function readStoreKey(path: string): Promise<Uint8Array> {
  const bytes = await readSmall(path)
  const text = bytes.length <= bytesMax ? new TextDecoder('latin1').decode(bytes).trim() : ''
  if (/^[0-9a-f]{64}$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'))
  if (bytes.length === sealKeyBytes) return bytes
  throw new Problem({
    code: 'noStoreKey',
    why: `${path} is no key of a store: it is neither 64 hexadecimal digits nor ${sealKeyBytes} bytes`,
    fix: `make one with: openssl rand -hex ${sealKeyBytes} > FILE, and keep it apart from the store`,
    exitCode: exitCodes.failed,
  })
}

async function readSmall(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r')
    try {
      const { mode, size } = await file.stat()
      if ((mode & othersMayRead) !== 0) throw keyExposed(path)
      return size > bytesMax ? new Uint8Array(size) : new Uint8Array(await file.readFile())
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem(
      {
        code: 'noStoreKey',
        why: `the key of the store cannot be read: ${messageOf(error)}`,
        fix: 'mend store.keyFile ($SKEIN_STORE_KEY_FILE); without that key what the store holds is lost',
        exitCode: exitCodes.failed,
      },
      error,
    )
  }
}
