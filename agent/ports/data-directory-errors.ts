/** Why a data directory cannot be used, and what a person can do about it. */

import { exitCodes } from '../../protocol/exit-codes.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { Problem } from '../../protocol/problem.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { errnoOf } from './errno.ts'
import { type SealRefusal, SealRefused } from './sealing/opening.ts'

type UnusableCode = 'readOnly' | 'full' | 'notADirectory' | 'noPermission' | 'corrupt' | 'failed'
export type DataDirectoryErrorCode = UnusableCode | SealRefusal | 'locked' | 'keyExposed'

export class DataDirectoryError extends Problem {
  declare readonly code: DataDirectoryErrorCode
  /** The process that holds the lock, where that can be told. */
  readonly pid: number | undefined

  constructor(
    parts: { code: DataDirectoryErrorCode; why: string; fix: string; pid?: number | undefined },
    cause?: unknown,
  ) {
    const { code, why, fix } = parts
    super(
      { code, why, fix, exitCode: code === 'locked' ? exitCodes.conflict : exitCodes.failed },
      cause,
    )
    this.name = 'DataDirectoryError'
    this.pid = parts.pid
  }
}

const codeOfErrno: Readonly<Record<string, UnusableCode>> = {
  EROFS: 'readOnly',
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOTDIR: 'notADirectory',
  EEXIST: 'notADirectory',
  EACCES: 'noPermission',
  EPERM: 'noPermission',
}

/** `pid` is the owner's, where it left its name. */
export function directoryLocked(path: string, pid: number | undefined): DataDirectoryError {
  const owner = pid === undefined ? 'another agent' : `the agent with process id ${pid}`
  return new DataDirectoryError({
    code: 'locked',
    why: `the data directory ${path} is in use by ${owner}`,
    fix: 'stop that agent, or give this one a data directory of its own',
    pid,
  })
}

/** Others of this host could have read what must be known to its owner alone. */
export function keyExposed(path: string): DataDirectoryError {
  return new DataDirectoryError({
    code: 'keyExposed',
    why: `the secret ${path} can be read by every user of this host`,
    fix: `take that away (chmod 600 ${path}), and make a new one if the host is shared`,
  })
}

/** `path` is what could not be used: the directory, or a file in it. */
export function directoryError(error: unknown, path: string): DataDirectoryError {
  if (error instanceof DataDirectoryError) return error
  if (error instanceof SealRefused) return notOpened(error, path)
  const code = codeOf(error)
  const message = messageOf(error)
  return new DataDirectoryError({ code, ...inWords(code, path, message) }, error)
}

function notOpened({ why: code }: SealRefused, path: string): DataDirectoryError {
  const store = `the store in ${path}`
  const said = {
    noKey: {
      why: `${store} is sealed, and no key was given`,
      fix: 'name the file with its key: store.keyFile, or $SKEIN_STORE_KEY_FILE',
    },
    wrongKey: {
      why: `${store} is sealed with another key than the one that was given`,
      fix: 'name the key that it was sealed with last; if a rekey was broken off, that is the new one',
    },
    notSealed: {
      why: `${store} is not sealed`,
      fix: 'name a key as store.keyFile, and start the agent: that seals it',
    },
  }[code]
  return new DataDirectoryError({ code, ...said })
}

function codeOf(error: unknown): UnusableCode {
  if (error instanceof DiskError) {
    if (error.code === 'readOnly')
      return /read-only/i.test(error.message) ? 'readOnly' : 'noPermission'
    return error.code === 'closed' ? 'failed' : error.code
  }
  return codeOfErrno[errnoOf(error)] ?? 'failed'
}

function inWords(code: UnusableCode, path: string, message: string): { why: string; fix: string } {
  switch (code) {
    case 'readOnly':
      return {
        why: `the data directory ${path} is on a file system that is mounted read-only`,
        fix: 'mount it writable, or choose another data directory',
      }
    case 'full':
      return {
        why: `no space is left for the data directory ${path}`,
        fix: `free some space there (see df -h ${path}), or choose another data directory`,
      }
    case 'notADirectory':
      return {
        why: `the data directory ${path} is not a directory, or lies below something that is not`,
        fix: 'move that file away, or choose another data directory',
      }
    case 'noPermission':
      return {
        why: `no permission to use the data directory ${path}`,
        fix: 'give it to the user that runs the agent (chown), or choose another data directory',
      }
    case 'corrupt':
      return {
        why: `the store in ${path} is damaged: ${message}`,
        fix: `restore it from a backup, or move ${path} away to start with an empty one`,
      }
    case 'failed':
      return {
        why: `the data directory ${path} cannot be used: ${message}`,
        fix: 'choose another data directory, on a local disk',
      }
  }
}
