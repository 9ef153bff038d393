/** The bytes of a file into its text: unpacked if they are packed, whatever the file is called. */
import { gunzipSync } from 'node:zlib'
import { type Refused, refused } from './findings.ts'
import { traceLimits as limits } from './limits.ts'

export type Unpacked = { readonly ok: true; readonly text: string } | Refused

const smaller = 'take a smaller trace'

export function unpack(bytes: Uint8Array): Unpacked {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (bytes.length > limits.fileBytesMax) {
    return refused('', `the file has more than ${limits.fileBytesMax} bytes`, smaller)
  }
  if (!isPacked) return decoded(bytes)
  try {
    // Never makes more than it may give: a bomb costs no more than the limit.
    return decoded(gunzipSync(bytes, { maxOutputLength: limits.textBytesMax }))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      return refused('', `it unpacks to more than ${limits.textBytesMax} bytes`, smaller)
    }
    if (code === 'Z_BUF_ERROR') return refused('', 'the packed file ends too early', 'get it again')
    if (code === undefined || !code.startsWith('Z_')) throw error
    return refused(
      '',
      `it cannot be unpacked: ${message}`,
      'get it again, or unpack it with gunzip',
    )
  }
}

function decoded(bytes: Uint8Array): Unpacked {
  if (bytes.length > limits.textBytesMax) {
    return refused('', `the file has more than ${limits.textBytesMax} bytes`, smaller)
  }
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return refused(
      '',
      'it is no text in UTF-8',
      'name a trace in WfFormat, as JSON or packed by gzip',
    )
  }
}
