/** Why the API does not do what it was asked, in words for the person who asked. */
export const httpStatusOf = {
  badRequest: 400,
  notSignedIn: 401,
  refused: 403,
  notFound: 404,
  methodNotAllowed: 405,
  ambiguous: 409,
  conflict: 409,
  stopped: 423,
  overloaded: 429,
  internal: 500,
  unreachable: 504,
} as const

export type ApiCode = keyof typeof httpStatusOf

export class ApiRefusal extends Error {
  readonly code: ApiCode
  readonly why: string
  readonly fix: string

  constructor(code: ApiCode, why: string, fix: string) {
    super(`${why}; ${fix}`)
    this.name = 'ApiRefusal'
    this.code = code
    this.why = why
    this.fix = fix
  }
}
