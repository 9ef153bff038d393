/**
 * What LevelDB says, in the port's words. LevelDB keeps no error number, only the C library's text
 * for it, which the runtime never localises.
 */
import { DiskError, type DiskErrorCode } from '../../protocol/ports/disk.ts'

/** Another process has the store open. */
export class DiskLocked extends Error {
  constructor(directory: string, cause: unknown) {
    super(`${directory} is in use by another process`, { cause })
    this.name = 'DiskLocked'
  }
}

const codeOfLevel: Readonly<Record<string, DiskErrorCode>> = {
  LEVEL_CORRUPTION: 'corrupt',
  LEVEL_DATABASE_NOT_OPEN: 'closed',
  LEVEL_ITERATOR_NOT_OPEN: 'closed',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'readOnly',
  EACCES: 'readOnly',
  EPERM: 'readOnly',
}

const codeOfText: readonly (readonly [text: string, code: DiskErrorCode])[] = [
  ['No space left on device', 'full'],
  ['Disk quota exceeded', 'full'],
  ['Read-only file system', 'readOnly'],
  ['Permission denied', 'readOnly'],
  ['Operation not permitted', 'readOnly'],
  ['Corruption:', 'corrupt'],
]

export function diskError(error: unknown, doing: string): DiskError {
  if (error instanceof DiskError) return error
  const { code, text } = innermost(error)
  const known = (code && codeOfLevel[code]) || codeOfText.find(([part]) => text.includes(part))?.[1]
  return new DiskError(known ?? 'failed', `${doing}: ${text}`, error)
}

export function openError(error: unknown, directory: string): DiskError | DiskLocked {
  const { code, text } = innermost(error)
  // LevelDB's code stands for any failure of its lock, such as a file system that has none.
  const held = text.includes('already held') || text.includes('temporarily unavailable')
  if (code === 'LEVEL_LOCKED' && held) return new DiskLocked(directory, error)
  // A file that the store's own files name is missing: LevelDB says so as the system does.
  const incomplete = /\/(MANIFEST-\d+|\d+\.(ldb|sst)): No such file/.test(text)
  const doing = `open ${directory}`
  return incomplete ? new DiskError('corrupt', `${doing}: ${text}`, error) : diskError(error, doing)
}

/** LevelDB's own words come wrapped in the library's, as the cause. */
function innermost(error: unknown): { code: string | undefined; text: string } {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  if (!(inner instanceof Error)) return { code: undefined, text: String(inner) }
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : undefined
  return { code, text: inner.message }
}
