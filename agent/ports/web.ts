/** Requests to other servers, by the runtime's own client. */
import { type Web, type WebAnswer, WebError, type WebRequest } from '../../protocol/ports/web.ts'
import { webLimits } from './limits.ts'

export class SystemWeb implements Web {
  async request(request: WebRequest, signal: AbortSignal): Promise<WebAnswer> {
    const { url, method, headers, body, bodyBytesMax } = request
    let prepared: Request
    try {
      const { protocol } = new URL(url)
      if (!/^https?:$/.test(protocol)) throw new TypeError(`${protocol} is not spoken here`)
      prepared = new Request(url, {
        method,
        headers,
        redirect: 'manual',
        signal,
        ...(body === undefined ? {} : { body }),
      })
    } catch (error) {
      throw new WebError('badRequest', `${method} ${url}: ${reasonOf(error)}`, error)
    }
    try {
      const response = await fetch(prepared)
      const read = await readBody(response, bodyBytesMax)
      const kept = [...response.headers].slice(0, webLimits.headersMax)
      return { status: response.status, headers: Object.fromEntries(kept), ...read }
    } catch (error) {
      const code = signal.aborted ? 'aborted' : 'unreachable'
      throw new WebError(code, `${method} ${url}: ${reasonOf(error)}`, error)
    }
  }
}

async function readBody(
  response: Response,
  bytesMax: number,
): Promise<{ body: Uint8Array; cut: boolean }> {
  const chunks: Uint8Array[] = []
  let room = bytesMax
  let cut = false
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk.subarray(0, room))
    cut = chunk.length > room
    room -= Math.min(room, chunk.length)
    // Leaving the loop gives the connection up.
    if (cut) break
  }
  return { body: new Uint8Array(Buffer.concat(chunks)), cut }
}

/** `fetch failed` alone tells nobody anything: the cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}
