/**
 * One file from a host to this machine, in pieces. It is put in its place only when all of it is
 * what its name says, whoever it came from.
 */
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { blobOf, chunkCount, digestOf } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits, digestBytes } from '../../protocol/artifacts/limits.ts'
import { faultOfPath } from '../../protocol/artifacts/paths.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Context } from './context.ts'
import type { File, List } from './run-artifacts.ts'
import { plain } from './table.ts'

/**
 * Its path: below the directory `to` and those of the list's own in it, whatever the agent that is
 * asked makes of the names.
 */
export async function placeFile(
  context: Context,
  { hosts }: List,
  file: File,
  { to, own }: { to: string; own: readonly string[] },
): Promise<string> {
  const below = [...own, file.path].join('/')
  const fault = own.some((name) => name.includes('/')) ? 'it leads elsewhere' : faultOfPath(below)
  if (fault !== undefined) throw failure(`${JSON.stringify(below)} cannot be saved: ${fault}`)
  const isSize = Number.isSafeInteger(file.bytes) && file.bytes >= 0
  if (!isSize || file.bytes > artifactLimits.fileBytesMax) {
    throw failure(`${plain(below)} cannot be saved: no file has a size of ${file.bytes} bytes`)
  }
  const path = join(to, below)
  const part = `${path}.skein-part`
  await mkdir(dirname(path), { recursive: true })
  const asked: string[] = []
  for (const { node, nodeName } of hosts) {
    try {
      if (await bring(context, node, file, part)) {
        if (file.executable) await chmod(part, 0o755)
        await rename(part, path)
        return path
      }
      asked.push(`${nodeName} has it no more, or not as it was`)
    } catch (error) {
      if (!(error instanceof Problem) || context.interrupted.aborted) throw error
      asked.push(error.why)
    } finally {
      await rm(part, { force: true })
    }
  }
  throw failure(`${plain(below)} cannot be had now: ${plain(asked.join('; '))}`)
}

/** False when the host does not have it, or has something else. */
async function bring(
  { client }: Context,
  node: string,
  { bytes, content }: File,
  part: string,
): Promise<boolean> {
  const digests = new Uint8Array(chunkCount(bytes) * digestBytes)
  const { chunkBytes } = artifactLimits
  const target = await open(part, 'w')
  try {
    for (let from = 0; from < bytes; ) {
      const pieces: Uint8Array[] = []
      const end = Math.min(bytes, from - (from % chunkBytes) + chunkBytes)
      const index = Math.floor(from / chunkBytes)
      while (from < end) {
        const parameters = { node, content }
        const { known, base64 } = await client.call('artifactPiece', {
          parameters,
          query: { from },
        })
        const piece = Buffer.from(base64, 'base64')
        if (!known || piece.length === 0 || from + piece.length > end) return false
        pieces.push(piece)
        from += piece.length
      }
      const chunk = Buffer.concat(pieces)
      digests.set(digestOf(chunk), index * digestBytes)
      await target.write(chunk)
    }
    return blobOf(bytes, digests).hash === content
  } finally {
    await target.close()
  }
}

function failure(why: string): Problem {
  const fix = 'skein nodes ls shows whether its hosts are up'
  return new Problem({ code: 'unreachable', why, fix, exitCode: exitCodes.partly })
}
