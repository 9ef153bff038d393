/** The `Web` port of one life of a host: servers are functions from a request to an answer. */
import { type Web, type WebAnswer, WebError, type WebRequest } from '../../protocol/ports/web.ts'
import type { Host } from './host.ts'

export interface SimulatedServer {
  tookMs: number
  answers: (request: WebRequest) => {
    status: number
    headers?: Readonly<Record<string, string>>
    body: string
  }
}
/** By the beginning of the URL, up to its path. */
export type Servers = Readonly<Record<string, SimulatedServer>>

export class SimulatedWeb implements Web {
  private readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  request(request: WebRequest, signal: AbortSignal): Promise<WebAnswer> {
    return new Promise((resolve, reject) => {
      const url = URL.parse(request.url)
      if (url === null || !/^https?:$/.test(url.protocol)) {
        reject(new WebError('badRequest', `${request.url} is no address of a web server`))
        return
      }
      const giveUp = (): void => reject(new WebError('aborted', `${request.url} was given up`))
      if (signal.aborted) {
        giveUp()
        return
      }
      const server = this.host.servers[url.origin]
      if (server === undefined) {
        reject(new WebError('unreachable', `nobody answers at ${url.origin}`))
        return
      }
      signal.addEventListener('abort', giveUp, { once: true })
      if (!Number.isFinite(server.tookMs)) return
      this.host.later(server.tookMs, 'process', 'web', () => {
        const { status, headers = {}, body } = server.answers(request)
        const bytes = new TextEncoder().encode(body)
        const cut = bytes.length > request.bodyBytesMax
        signal.removeEventListener('abort', giveUp)
        resolve({ status, headers, body: bytes.slice(0, request.bodyBytesMax), cut })
      })
    })
  }
}
