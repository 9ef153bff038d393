/**
 * A refusal as the caller gets it: the document and the reply around it. The codes themselves are
 * in `refusal.ts`, and listed for people in the README.
 */
import type { Door } from './door.ts'
import { type ApiReply, jsonReply } from './exchange.ts'
import { ApiRefusal, httpStatusOf } from './refusal.ts'
import { type ApiError, SCHEMA_VERSION } from './schemas.ts'

export interface Mistake {
  /** `body.set.zone`, `query.last`, `path.node`. */
  where: string
  why: string
}

/** A request that does not say what its route takes, with each thing that is wrong with it. */
export class Mistaken extends ApiRefusal {
  readonly mistakes: readonly Mistake[]

  constructor(why: string, fix: string, mistakes: readonly Mistake[]) {
    super('badRequest', why, fix)
    this.mistakes = mistakes
  }
}

/** `faultId` leads from the caller's complaint to the line in the log. */
export function errorDocument(refusal: ApiRefusal, faultId?: string): ApiError {
  const { code, why, fix } = refusal
  return {
    schemaVersion: SCHEMA_VERSION,
    error: {
      code,
      why,
      fix,
      ...(refusal instanceof Mistaken ? { mistakes: [...refusal.mistakes] } : {}),
      ...(faultId === undefined ? {} : { id: faultId }),
    },
  }
}

export function errorReply(
  refusal: ApiRefusal,
  headers: Readonly<Record<string, string>> = {},
  faultId?: string,
): ApiReply {
  return jsonReply(httpStatusOf[refusal.code], errorDocument(refusal, faultId), headers)
}

/** What a refusal is sent with, for programs. */
export function headersOf({ code }: ApiRefusal, door: Pick<Door, 'challenge'>) {
  const headers: Record<string, string> = {}
  if (code === 'overloaded') headers['retry-after'] = '1'
  if (code === 'notSignedIn') headers['www-authenticate'] = door.challenge
  return headers
}
