/**
 * The operator's key of a store: a file of 64 hexadecimal digits or of 32 bytes, which lies elsewhere
 * than the store. That it lies in the host's TPM is the service manager's to arrange
 * (`LoadCredentialEncrypted=` of systemd): it is a file for the agent then as well.
 */
import { exitCodes } from '../../../protocol/exit-codes.ts'
import { Problem } from '../../../protocol/problem.ts'
import { messageOf } from '../../../protocol/thrown.ts'
import { readPrivateFile } from '../private-file.ts'
import { sealKeyBytes } from './value-seal.ts'

const bytesMax = 1024

/** Rejects with a `Problem`. */
export async function readStoreKey(path: string): Promise<Uint8Array> {
  const bytes = (await readOrTell(path)) ?? new Uint8Array()
  const text = new TextDecoder('latin1').decode(bytes).trim()
  if (/^[0-9a-f]{64}$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'))
  if (bytes.length === sealKeyBytes) return bytes
  throw new Problem({
    code: 'noStoreKey',
    why: `${path} is no key of a store: it is neither 64 hexadecimal digits nor ${sealKeyBytes} bytes`,
    fix: `make one with: openssl rand -hex ${sealKeyBytes} > FILE, and keep it apart from the store`,
    exitCode: exitCodes.failed,
  })
}

async function readOrTell(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readPrivateFile(path, bytesMax)
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
