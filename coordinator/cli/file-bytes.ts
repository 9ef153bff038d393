/** Files that people name, and `-` for stdin: read no further than what could be right. */
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { confirm } from './confirm.ts'
import type { Context } from './context.ts'
import { plain } from './table.ts'

const STDIN = '-'

export interface Reading {
  /** What is behind is not read. */
  readonly bytesMax: number
  /** What to do when it cannot be read, as one clause. */
  readonly fix: string
}

export function fileName(file: string): string {
  return file === STDIN ? 'stdin' : file
}

export async function fileBytes(file: string, { bytesMax, fix }: Reading): Promise<Uint8Array> {
  if (file === STDIN) return fromStdin(bytesMax)
  let handle: FileHandle | undefined
  try {
    handle = await open(file)
    const chunks: Buffer[] = []
    for await (const chunk of handle.createReadStream({ end: bytesMax - 1 })) chunks.push(chunk)
    return Buffer.concat(chunks)
  } catch (error) {
    throw unusable('unreadable', file, fix, error as NodeJS.ErrnoException)
  } finally {
    await handle?.close()
  }
}

async function fromStdin(bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bytesMax) break
  }
  return Buffer.concat(chunks).subarray(0, bytesMax)
}

/** Asks before it takes the place of another file. */
export async function writeTo(context: Context, file: string, text: string): Promise<void> {
  try {
    try {
      await writeFile(file, text, { flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      await confirm(context, `${plain(file)} is there already, and is replaced`)
      await writeFile(file, text)
    }
  } catch (error) {
    throw unusable('unwritable', file, 'name another file', error as NodeJS.ErrnoException)
  }
}

const reasons: Readonly<Record<string, [why: string, exitCode: ExitCode]>> = {
  ENOENT: ['there is no such file', exitCodes.notFound],
  ENOTDIR: ['there is no such file', exitCodes.notFound],
  EISDIR: ['it is a folder', exitCodes.usage],
  EACCES: ['access is denied', exitCodes.usage],
  EROFS: ['it cannot be written there', exitCodes.usage],
  ENOSPC: ['the disk is full', exitCodes.failed],
}

function unusable(code: string, file: string, fix: string, error: NodeJS.ErrnoException): unknown {
  const [why, exitCode] = reasons[error.code ?? ''] ?? []
  if (why === undefined || exitCode === undefined) return error
  return new Problem({ code, why: `${plain(file)}: ${why}`, fix, exitCode }, error)
}
