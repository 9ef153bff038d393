/** Why artifacts could not be collected or fetched, and what class of failure that is to a stage. */
import { BlobError } from '../../protocol/ports/blobs.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import type { ErrorClass } from '../../protocol/workflow/model.ts'

const classes = {
  /** A pattern that is none. */
  badPattern: 'input',
  /** A path that cannot be handed on, or put in place. */
  badPath: 'input',
  tooManyFiles: 'input',
  tooLarge: 'input',
  /** The directory of the stage is not there. */
  notFound: 'input',
  denied: 'input',
  /** This agent's quota is taken by runs that are not archived. */
  quotaFull: 'resource',
  diskFull: 'resource',
  /** Holders were silent, busy or could not be reached. */
  unreachable: 'transient',
  /** Nobody asked has it any more. */
  lost: 'lost',
  aborted: 'transient',
  diskFailed: 'resource',
} as const satisfies Readonly<Record<string, ErrorClass>>

export type ArtifactErrorCode = keyof typeof classes

export class ArtifactError extends Error {
  readonly code: ArtifactErrorCode
  constructor(code: ArtifactErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ArtifactError'
    this.code = code
  }

  get errorClass(): ErrorClass {
    return classes[this.code]
  }
}

export function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new ArtifactError('aborted', 'moving artifacts was called off')
}

const ofBlobs: Readonly<Record<BlobError['code'], ArtifactErrorCode>> = {
  full: 'diskFull',
  notFound: 'notFound',
  denied: 'denied',
  tooMany: 'tooManyFiles',
  tooLarge: 'tooLarge',
  badPath: 'badPath',
  closed: 'aborted',
  failed: 'diskFailed',
}

/** An error of the ports below in this folder's terms; bugs stay what they are. */
export function artifactErrorOf(error: unknown): unknown {
  if (error instanceof BlobError)
    return new ArtifactError(ofBlobs[error.code], error.message, error)
  if (error instanceof DiskError) {
    const code = error.code === 'full' ? 'diskFull' : 'diskFailed'
    return new ArtifactError(code, error.message, error)
  }
  return error
}
