/**
 * A history as clients saw it: what each asked of the key-value store of the ledger, when it asked,
 * when it was answered, and what it was told.
 */

/** `expect` as in the ledger's commands: only if the key is at this revision; 0: only if it is not there. */
export type RegisterOp =
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly value: string; readonly expect?: number }
  | { readonly kind: 'delete'; readonly expect?: number }

export type Outcome =
  /** A put or delete took effect. `revision` is that of the key after a put, if it was told. */
  | { readonly kind: 'ok'; readonly revision?: number }
  /** What a get found; no value: nothing there. */
  | { readonly kind: 'read'; readonly value: string | undefined; readonly revision?: number }
  /** A put or delete found the key at another revision than it expected, and did nothing. */
  | { readonly kind: 'conflict'; readonly revision: number }
  /** A delete found nothing. */
  | { readonly kind: 'notFound' }
  /** It has not taken effect and never will. */
  | { readonly kind: 'refused' }
  /** It may have taken effect, may do so at any later time, or never. */
  | { readonly kind: 'unknown' }

export interface Operation {
  readonly client: number
  readonly key: string
  readonly op: RegisterOp
  /**
   * By one clock for all clients. An operation that returns at the moment at which another is invoked
   * counts as concurrent with it; where the order within a moment is known, count steps instead.
   */
  readonly invokedAt: number
  /** Of no account where the outcome is unknown. */
  readonly returnedAt: number | undefined
  readonly outcome: Outcome
}

export function describeOperation(operation: Operation): string {
  const { client, key, op, invokedAt, returnedAt, outcome } = operation
  const until = returnedAt === undefined || outcome.kind === 'unknown' ? '?' : timeOf(returnedAt)
  const asked = op.kind === 'get' ? 'get' : `${op.kind}${argumentsOf(op)}`
  return `[${timeOf(invokedAt)}, ${until}] client ${client} ${key} ${asked} -> ${toldOf(outcome)}`
}

function argumentsOf(op: Exclude<RegisterOp, { kind: 'get' }>): string {
  const value = op.kind === 'put' ? ` ${JSON.stringify(op.value)}` : ''
  return op.expect === undefined ? value : `${value} if at ${op.expect}`
}

function toldOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'ok':
      return outcome.revision === undefined ? 'ok' : `ok at ${outcome.revision}`
    case 'read': {
      const at = outcome.revision === undefined ? '' : ` at ${outcome.revision}`
      return outcome.value === undefined ? 'nothing' : `${JSON.stringify(outcome.value)}${at}`
    }
    case 'conflict':
      return `conflict, found ${outcome.revision}`
    default:
      return outcome.kind
  }
}

function timeOf(at: number): string {
  return Number.isInteger(at) ? String(at) : at.toFixed(3)
}
