/** A folder of traces, read into history: file after file, those that are wrong told by name. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Collection } from '../../models/traces/collection.ts'
import type { Refused } from '../../models/traces/findings.ts'
import { traceLimits } from '../../models/traces/limits.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Context } from './context.ts'
import { fileBytes } from './file-bytes.ts'
import { plain } from './table.ts'

export const WHERE_TRACES =
  'the WfInstances collection of the WfCommons project has some (doi 10.5281/zenodo.12510982)'

export interface TraceFolder {
  readonly collection: Collection
  /** That were read, and those that are no traces for all that their names say. */
  readonly read: number
  readonly refused: readonly { readonly file: string; readonly why: string }[]
}

/** At least one of its files has been read. */
export async function traceFolder(context: Context, directory: string): Promise<TraceFolder> {
  const files = await filesIn(directory)
  if (files.length === 0) {
    const why = `${plain(directory)}: no trace is in it`
    const fix = `name a folder with files *.json or *.csv, also .gz; ${WHERE_TRACES}`
    throw new Problem({ code: 'noTraces', why, fix, exitCode: exitCodes.notFound })
  }
  const collection = new Collection()
  const refused: { file: string; why: string }[] = []
  for (const file of files) {
    const why = collectedWhy(collection.add(file, await bytesOf(join(directory, file))))
    if (why === undefined) continue
    refused.push({ file, why })
    context.io.err(`${plain(file)}: ${plain(why)}; it is left out\n`)
  }
  if (refused.length === files.length) {
    const [first] = refused
    const why = plain(`${join(directory, first?.file ?? '')}: ${first?.why}`)
    const fix = `none of ${files.length} files can be read: name a folder of traces; ${WHERE_TRACES}`
    throw new Problem({ code: 'badTrace', why, fix, exitCode: exitCodes.usage })
  }
  return { collection, read: files.length - refused.length, refused }
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile() && Collection.takes(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(join(directory, '/').length))
      .sort()
  } catch (error) {
    throw noFolder(directory, error as NodeJS.ErrnoException)
  }
}

function noFolder(directory: string, error: NodeJS.ErrnoException): unknown {
  const why = {
    ENOENT: 'there is no such folder',
    ENOTDIR: 'it is no folder',
    EACCES: 'access is denied',
  }[error.code ?? '']
  if (why === undefined) return error
  return new Problem(
    {
      code: 'unreadable',
      why: `${plain(directory)}: ${why}`,
      fix: 'name a folder of traces with --traces',
      exitCode: error.code === 'ENOENT' ? exitCodes.notFound : exitCodes.usage,
    },
    error,
  )
}

function bytesOf(file: string): Promise<Uint8Array> {
  return fileBytes(file, {
    bytesMax: traceLimits.fileBytesMax + 1,
    fix: 'take the file away, or make it readable',
  })
}

function collectedWhy(refused: Refused | undefined): string | undefined {
  if (refused === undefined) return undefined
  const [first] = refused.mistakes
  const others = refused.mistakes.length - 1 + refused.more
  const place = first?.place === '' ? '' : `${first?.place}: `
  const left = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'mistake' : 'mistakes'})`
  return `${place}${first?.why}${left}`
}
