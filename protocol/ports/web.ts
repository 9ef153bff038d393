/** Requests to servers that are no part of the mesh. */
export interface WebRequest {
  url: string
  method: string
  headers: Readonly<Record<string, string>>
  body?: string
  /** The rest of a longer answer is not read. */
  bodyBytesMax: number
}

export interface WebAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: Uint8Array
  /** More was to come than `bodyBytesMax`. */
  cut: boolean
}

export type WebErrorCode = 'badRequest' | 'unreachable' | 'aborted'

export class WebError extends Error {
  readonly code: WebErrorCode
  constructor(code: WebErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'WebError'
    this.code = code
  }
}

export interface Web {
  /** Rejects with `WebError`. Redirects are answers, not followed. */
  request(request: WebRequest, signal: AbortSignal): Promise<WebAnswer>
}
