/** From the system's errors to those of the port. */

import { BlobError, type BlobErrorCode } from '../../../protocol/ports/blobs.ts'
import { messageOf } from '../../../protocol/thrown.ts'
import { errnoOf } from '../errno.ts'

const codes: Readonly<Record<string, BlobErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOENT: 'notFound',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ELOOP: 'badPath',
  ENOTDIR: 'badPath',
  EISDIR: 'badPath',
  ENAMETOOLONG: 'badPath',
}

export function blobErrorOf(error: unknown): BlobError {
  if (error instanceof BlobError) return error
  const message = messageOf(error)
  return new BlobError(codes[errnoOf(error)] ?? 'failed', message, error)
}
