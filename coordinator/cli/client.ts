/** Calls the control API of one agent. Every refusal becomes a `Problem` with its exit code. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { routePaths } from '../api/route-paths.ts'
import type {
  RouteBody,
  RouteName,
  RouteParameters,
  RouteQuery,
  RouteResponse,
} from '../api/routes.ts'

interface Asked<N extends RouteName> {
  parameters?: RouteParameters<N>
  query?: RouteQuery<N>
  body?: RouteBody<N>
  signal?: AbortSignal
}

interface Refused {
  error?: { code?: string; why?: string; fix?: string }
}

const ANSWER_DEADLINE_MS = 10_000
const exitOf: Record<string, ExitCode> = {
  badRequest: exitCodes.usage,
  ambiguous: exitCodes.usage,
  notFound: exitCodes.notFound,
  refused: exitCodes.refused,
  conflict: exitCodes.conflict,
  unreachable: exitCodes.noAnswer,
  overloaded: exitCodes.noAnswer,
  closing: exitCodes.noAnswer,
  tooLarge: exitCodes.usage,
  wrongHost: exitCodes.refused,
}

export class Client {
  readonly address: string

  constructor(address: string) {
    this.address = address
  }

  async call<N extends RouteName>(name: N, asked: Asked<N> = {}): Promise<RouteResponse<N>> {
    const response = await this.send(name, asked, ANSWER_DEADLINE_MS)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return this.parse(Buffer.concat(chunks).toString('utf8')) as RouteResponse<N>
  }

  /** One document for each line, as they come. Ends when the agent ends the stream. */
  async *stream<N extends RouteName>(name: N, asked: Asked<N>): AsyncIterable<RouteResponse<N>> {
    const response = await this.send(name, asked, undefined)
    let rest = ''
    response.setEncoding('utf8')
    for await (const chunk of response) {
      const lines = (rest + (chunk as string)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield this.document(line) as RouteResponse<N>
    }
  }

  private send<N extends RouteName>(
    name: N,
    asked: Asked<N>,
    deadlineMs: number | undefined,
  ): Promise<IncomingMessage> {
    const { method, path } = routePaths[name]
    const url = this.urlOf(path, asked)
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body)
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, {
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(asked.signal ? { signal: asked.signal } : {}),
        ...(deadlineMs === undefined ? {} : { timeout: deadlineMs }),
      })
      request.once('timeout', () => request.destroy(new Error('it did not answer in time')))
      request.once('error', (error) => reject(this.noAnswer(error)))
      request.once('response', (response) => {
        if (response.statusCode === 200) return resolve(response)
        this.refusalIn(response).then(reject, reject)
      })
      request.end(body)
    })
  }

  private urlOf<N extends RouteName>(path: string, asked: Asked<N>): URL {
    const parameters = (asked.parameters ?? {}) as Record<string, string>
    const filled = path.replace(/\{(\w+)\}/g, (_, key: string) =>
      encodeURIComponent(parameters[key] ?? ''),
    )
    let url: URL
    try {
      url = new URL(filled, this.address)
    } catch {
      throw new Problem({
        code: 'badAddress',
        why: `${this.address} is not an address of an agent`,
        fix: 'write it as host:port, e.g. --address 127.0.0.1:4131',
        exitCode: exitCodes.usage,
      })
    }
    for (const [key, value] of Object.entries(asked.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    return url
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw this.notSkein()
    }
  }

  /** A stream that breaks says why on its last line. */
  private document(line: string): unknown {
    const document = this.parse(line) as Refused
    if (document.error?.code) throw this.refusalOf(document)
    return document
  }

  private async refusalIn(response: IncomingMessage): Promise<Problem> {
    let text = ''
    response.setEncoding('utf8')
    for await (const chunk of response) text += chunk as string
    return this.refusalOf(this.parse(text) as Refused)
  }

  private refusalOf({ error }: Refused): Problem {
    if (!error?.code || !error.why) return this.notSkein()
    const { code, why, fix = 'see skein health' } = error
    return new Problem({ code, why, fix, exitCode: exitOf[code] ?? exitCodes.failed })
  }

  private noAnswer(error: Error): Problem {
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    const why = refused ? 'nothing listens there' : error.message
    return new Problem(
      {
        code: 'noAnswer',
        why: `no agent answers at ${this.address}: ${why}`,
        fix: 'start a mesh with skein up, or name an agent with --address',
        exitCode: exitCodes.noAnswer,
      },
      error,
    )
  }

  private notSkein(): Problem {
    return new Problem({
      code: 'notSkein',
      why: `what answers at ${this.address} is not a Skein agent`,
      fix: 'name an agent with --address',
      exitCode: exitCodes.noAnswer,
    })
  }
}
