/**
 * Calls the control API of one agent, signed by whoever asks. Whatever goes wrong on the way becomes a `Problem` with its
 * exit code; what comes back is judged in `answer.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Asked } from '../api/calls.ts'
import { acts, filledPath, objectOf, routePaths } from '../api/route-paths.ts'
import type { RouteName, RouteResponse } from '../api/routes.ts'
import { accept, brokenOff, documentIn, linesOf, notSkein, textOf } from './answer.ts'
import type { SeenPeer } from './known-peers.ts'
import { type ClientLimits, clientLimits } from './limits.ts'
import { Patience } from './patience.ts'
import type { SignIn } from './sign-in.ts'

// Not by `import`, which would load the web client and HTTP/2 with it, into every agent as well.
const { request: httpRequest } = process.getBuiltinModule('node:http')

/** Ready to be sent. */
interface SignedCall {
  path: string
  method: string
  headers: Record<string, string>
  body: Uint8Array
}

/** What a request is made on where the way there is made already. */
type Way = { protocol?: 'http:'; createConnection?: () => Duplex }

export class Client {
  #address: string
  /** Nobody has said whether it speaks TLS: then both are tried. */
  #isGuess: boolean
  /** With whose key it asks. */
  readonly signIn: SignIn
  private readonly interrupted: AbortSignal
  private readonly limits: ClientLimits
  /** An agent has said that the certificate that it signs in with is to be renewed. */
  isSuperseded = false
  /** The newest document that came and lists all nodes. */
  #listed: object | undefined
  /** The newest document that came, for `misread`. */
  private newest: { route: RouteName; document: object } | undefined

  constructor(
    address: string,
    signIn: SignIn,
    interrupted: AbortSignal,
    limits: ClientLimits = clientLimits,
    isGuess = false,
  ) {
    this.#address = address
    this.#isGuess = isGuess
    this.signIn = signIn
    this.interrupted = interrupted
    this.limits = limits
  }

  get address(): string {
    return this.#address
  }

  async call<N extends RouteName>(
    name: N,
    asked: Asked<N> = {},
    deadlineMs: number = this.limits.answerDeadlineMs,
  ): Promise<RouteResponse<N>> {
    const signed = await this.signed(name, asked)
    const patience = new Patience(this.interrupted, deadlineMs)
    try {
      const response = await this.answered(signed, patience.signal)
      const text = await textOf(response, this.address, this.limits.answerBytesMax)
      return this.document(name, text)
    } catch (error) {
      throw this.told(error, patience)
    } finally {
      patience.done()
    }
  }

  /**
   * One document for each line, as they come; it resolves as soon as the agent has begun to
   * answer. Ends when the agent ends the stream; throws when the stream breaks, and on Ctrl-C.
   */
  async stream<N extends RouteName>(
    name: N,
    asked: Asked<N>,
  ): Promise<AsyncIterable<RouteResponse<N>>> {
    const signed = await this.signed(name, asked)
    const patience = new Patience(this.interrupted, this.limits.answerDeadlineMs)
    try {
      const response = await this.answered(signed, patience.signal)
      // Nothing may happen for days. A host that is gone is found by asking its TCP.
      patience.waitForEver()
      response.socket.setKeepAlive(true, this.limits.keepAliveMs)
      return this.documents(name, response, patience)
    } catch (error) {
      patience.done()
      throw this.told(error, patience)
    }
  }

  /**
   * Why a command failed on an answer, if it was the answer's fault: an older or newer agent, or
   * something else altogether. Checked only then, because loading the schemas takes its time.
   */
  async misread(): Promise<Problem | undefined> {
    if (!this.newest) return undefined
    const { route, document } = this.newest
    const { routes } = await import('../api/routes.ts')
    const issue = routes[route].response.safeParse(document).error?.issues[0]
    if (!issue) return undefined
    const where = issue.path.join('.') || 'the document'
    return notSkein(this.address, `${where} of its answer is not what it should be`)
  }

  /** Where peers were seen, and of which mesh, if any answer has told. */
  async peersSeen(): Promise<{ mesh: MeshId; peers: SeenPeer[] } | undefined> {
    if (this.#listed === undefined) return undefined
    const { nodes } = this.#listed as { nodes?: SeenPeer[] }
    const peers = (nodes ?? []).filter(({ addresses }) => Array.isArray(addresses))
    return { mesh: (await this.signIn.holder()).mesh, peers }
  }

  private async *documents<N extends RouteName>(
    name: N,
    response: IncomingMessage,
    patience: Patience,
  ): AsyncGenerator<RouteResponse<N>> {
    try {
      const lines = linesOf(response, this.address, this.limits.lineLengthMax)
      for await (const line of lines) yield this.document(name, line)
    } catch (error) {
      throw this.told(error, patience)
    } finally {
      patience.done()
      response.destroy()
    }
  }

  private document<N extends RouteName>(route: N, text: string): RouteResponse<N> {
    const document = documentIn(text, this.address)
    this.newest = { route, document }
    if (route === 'nodes' || route === 'status') this.#listed = document
    return document as RouteResponse<N>
  }

  private async answered(signed: SignedCall, signal: AbortSignal): Promise<IncomingMessage> {
    const isGuess = this.#isGuess
    this.#isGuess = false
    if (!isGuess) return this.asked(signed, signal)
    const guess = this.#address
    try {
      return await this.asked(signed, signal)
    } catch (error) {
      // What speaks TLS hangs up on what does not, before it has understood anything.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
      this.#address = guess.replace(/^http:/, 'https:')
      return await this.asked(signed, signal).catch((second: unknown) => {
        if (second instanceof Problem) throw second
        this.#address = guess
        throw error
      })
    }
  }

  /** Before the agent is waited for: whoever has the key may take their time. */
  private async signed<N extends RouteName>(name: N, asked: Asked<N>): Promise<SignedCall> {
    const route = routePaths[name]
    const { method, verb } = route
    const url = this.urlOf(route.path, asked)
    const body = Buffer.from(asked.body === undefined ? '' : JSON.stringify(asked.body))
    const object = objectOf((asked.parameters ?? {}) as Record<string, string>)
    const act = acts(route) ? { verb, object, body } : undefined
    const headers = {
      ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(await this.signIn.headers(url, method, act)),
    }
    return { path: url.pathname + url.search, method, headers, body }
  }

  private async asked(
    { path, method, headers, body }: SignedCall,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = new URL(path, this.address)
    signal.throwIfAborted()
    const way = await this.way(url, signal)
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(url, { method, headers, signal, ...way })
      request.once('error', reject)
      request.once('response', resolve)
      // Without a body there is none, not one of no bytes.
      request.end(body.length === 0 ? undefined : body)
    })
    if (response.statusCode === 401) {
      const known = await this.signIn.whyNot(response.headers['www-authenticate'])
      if (known !== undefined) {
        response.destroy()
        throw known
      }
    }
    // As `certificateHeader` in `api/door.ts`, which no client has to load.
    if (response.headers['skein-certificate'] === 'superseded') this.isSuperseded = true
    await accept(response, this.address, this.limits.answerBytesMax)
    return response
  }

  /** Under TLS, a connection whose other end is known to be of the mesh. */
  private async way(url: URL, signal: AbortSignal): Promise<Way> {
    if (url.protocol === 'http:') return {}
    const { mesh } = await this.signIn.holder()
    const { secured } = await import('./secure.ts')
    const socket = await secured(url, mesh, signal)
    return { protocol: 'http:', createConnection: () => socket }
  }

  private urlOf<N extends RouteName>(path: string, asked: Asked<N>): URL {
    const parameters = (asked.parameters ?? {}) as Record<string, string>
    for (const [name, value] of Object.entries(parameters)) refuseUnnamable(name, value)
    let url: URL | undefined
    try {
      url = new URL(filledPath(path, parameters), this.address)
    } catch {
      url = undefined
    }
    // Without its slashes a URL would still be one, and `http:node1` an address by mistake.
    if (url === undefined || !/^https?:\/\//i.test(this.address)) {
      throw new Problem({
        code: 'badAddress',
        why: `${this.address} is not an address of an agent`,
        fix: 'write it as host:port, e.g. --address 127.0.0.1:4131 or --address https://node1:4131',
        exitCode: exitCodes.usage,
      })
    }
    for (const [key, value] of Object.entries(asked.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    return url
  }

  private told(error: unknown, patience: Patience): unknown {
    if (error instanceof Problem) return error
    if (patience.interrupted) return interruption(error)
    const { address } = this
    if (patience.timedOut) {
      return this.noAnswer(`nothing came within ${patience.deadlineMs / 1_000} s`, error)
    }
    const { code = '' } = error as NodeJS.ErrnoException
    if (code.startsWith('HPE_')) return notSkein(address, 'it does not speak HTTP')
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
      return notSkein(address, 'it does not speak TLS 1.3')
    }
    if (code === 'ECONNRESET' || code === 'EPIPE') return brokenOff(address, error)
    const known = wordsOf[code]
    // Anything else is a mistake of ours, and is to be seen as one.
    return known === undefined ? error : this.noAnswer(known, error)
  }

  private noAnswer(because: string, cause: unknown): Problem {
    return new Problem(
      {
        code: 'noAnswer',
        why: `no agent answers at ${this.address}: ${because}`,
        fix: 'start a mesh with skein up, or name an agent with --address',
        exitCode: exitCodes.noAnswer,
      },
      cause,
    )
  }
}

const listedBy: Readonly<Record<string, string>> = {
  node: 'nodes',
  run: 'runs',
  secret: 'secret',
  token: 'token',
  user: 'users',
}

/** No path can carry these, so nothing has such a name. */
function refuseUnnamable(what: string, value: string): void {
  if (value !== '' && value !== '.' && value !== '..') return
  throw new Problem({
    code: 'notFound',
    why: `there is no ${what} ${JSON.stringify(value)}`,
    fix: listedBy[what] === undefined ? 'name one' : `skein ${listedBy[what]} ls shows all`,
    exitCode: exitCodes.notFound,
  })
}

/** Ctrl-C, on its way out of whatever was waited for. It needs no words: who pressed it knows. */
export function interruption(cause?: unknown): Problem {
  const parts = { code: 'interrupted', why: 'interrupted by Ctrl-C', fix: 'run it again' }
  return new Problem({ ...parts, exitCode: exitCodes.interrupted }, cause)
}

const wordsOf: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'that host does not answer',
  EADDRNOTAVAIL: 'that is no address to call',
  EACCES: 'this host does not let us call it',
  EPERM: 'this host does not let us call it',
}
