/**
 * The control API's socket: HTTP/1.1, plain on loopback and under TLS elsewhere, JSON in, JSON or lines
 * of JSON out. What comes in is bounded in size, time and number before it reaches anybody; what goes out goes at
 * once. It knows nothing of what is asked: that is `handle`'s business.
 *
 * `node:http` alone: a framework costs each agent 8 MB more and would check nothing that is not
 * checked here or behind `handle`.
 */

import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Log } from '../../protocol/ports/log.ts'
import { stackOf } from '../../protocol/thrown.ts'
import { TokenBucket } from '../token-bucket.ts'
import { isLoopback, plainAddress, refuseBody, refuseStranger } from './admission.ts'
import { BodyBudget, readBody } from './body.ts'
import { Connections } from './connections.ts'
import type { Guard, Handle, HttpHead, HttpReply, HttpRequest } from './exchange.ts'
import { assertLawful, type HttpLimits, httpLimits } from './limits.ts'
import { type HttpRefusal, refusalBytes, refusalReply, refusals } from './refusals.ts'
import { send } from './send.ts'
import { cannotListen, notLoopback } from './start-problems.ts'
import { type TlsSource, tlsServer } from './tls.ts'
import { Turn } from './turn.ts'

// An `import` reads every export, and with those that are made on first use come the web client,
// HTTP/2 and TLS: 7 MiB that stay.
const { createServer } = process.getBuiltinModule('node:http')

export interface HttpOptions {
  /** An address of loopback, or `localhost`; with TLS, any. */
  host: string
  /** 0 lets the system choose. */
  port: number
  log: Log
  /** Whom it lets in, and with how much. */
  guard: Guard
  /** Names, without ports, that requests may be for, besides loopback's own. */
  hosts?: readonly string[]
  /** Without it, plain HTTP, and on loopback only. */
  tls?: TlsSource
  limits?: Partial<HttpLimits>
}

/** Connections that may be accepted before the first of them is looked at. */
const acceptedAtOnce = 64

export interface HttpStats {
  connections: number
  requests: number
  streams: number
  /** Since the start: replies by status, and everything that was not let through, by reason. */
  answered: Readonly<Record<string, number>>
  refused: Readonly<Record<string, number>>
}

/** Rejects with a `Problem`: `portTaken`, `badAddress`, `noPermission`, `notLoopback`. */
export async function startHttp(options: HttpOptions, handle: Handle): Promise<HttpListener> {
  const { host, port, tls } = options
  if (host !== 'localhost' && !isLoopback(host) && !tls) throw notLoopback(host, port)
  const listener = new HttpListener(options, handle)
  await listener.listen(host, port)
  return listener
}

export class HttpListener {
  readonly #log: Log
  readonly #handle: Handle
  readonly #guard: Guard
  readonly #limits: HttpLimits
  readonly #hosts: readonly string[]
  readonly #tls: TlsSource | undefined
  readonly #server: Server
  readonly #connections = new Connections()
  readonly #bodies: BodyBudget
  readonly #strangers: TokenBucket
  readonly #answered = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  #address = { host: '', port: 0 }
  #requests = 0
  #streams = 0
  #closed: Promise<void> | undefined

  constructor(options: HttpOptions, handle: Handle) {
    const limits = { ...httpLimits, ...options.limits }
    assertLawful(limits)
    this.#log = options.log.child('http')
    this.#handle = handle
    this.#guard = options.guard
    this.#limits = limits
    this.#hosts = (options.hosts ?? []).map((name) => name.toLowerCase())
    this.#bodies = new BodyBudget(limits.bodiesBytesMax)
    this.#tls = options.tls
    const settings = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      noDelay: true,
      // A request without a host is answered like one with a wrong host.
      requireHostHeader: false,
    }
    this.#server =
      options.tls === undefined
        ? createServer(settings)
        : tlsServer({ ...settings, handshakeMs: limits.headersTimeoutMs }, options.tls)
    // Beyond what is held, as many as come between two looks.
    this.#server.maxConnections = limits.connectionsMax + acceptedAtOnce
    this.#strangers = new TokenBucket(
      limits.strangersPerSecond,
      limits.strangersAtOnce,
      performance.now(),
    )
    this.#server
      .on('connection', (socket) =>
        options.tls ? this.#connections.carry(socket) : this.#welcome(socket),
      )
      .on('secureConnection', (socket: Socket) => this.#welcome(socket))
      .on('tlsClientError', () => count(this.#refused, 'noTls'))
      .on('drop', () => count(this.#refused, 'tooManyConnections'))
      .on('clientError', (error, socket) => this.#refuseGarbage(error, socket))
      .on('request', (request, response) => this.#serve(new Turn(request, response), false))
      .on('checkContinue', (request, response) => this.#serve(new Turn(request, response), true))
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, resolve)
    }).catch((error: unknown) => {
      throw cannotListen(host, port, error)
    })
    this.#server.removeAllListeners('error').on('error', (error) => {
      this.#log.warn('cannot accept a connection', { why: error.message })
    })
    const bound = this.#server.address() as AddressInfo
    this.#address = { host: bound.address, port: bound.port }
    // Only `localhost` is resolved by the system, and /etc/hosts can say anything.
    if (isLoopback(bound.address) || this.#tls !== undefined) return
    this.#server.close()
    throw notLoopback(bound.address, port)
  }

  /** Where it listens, with the port that the system chose. */
  get address(): Readonly<{ host: string; port: number }> {
    return this.#address
  }

  stats(): HttpStats {
    return {
      connections: this.#connections.size,
      requests: this.#requests,
      streams: this.#streams,
      answered: Object.fromEntries(this.#answered),
      refused: Object.fromEntries(this.#refused),
    }
  }

  /** Takes nothing new, ends streams, lets requests finish, and cuts what is open at the deadline. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const deadline = setTimeout(() => {
        this.#log.warn('connections cut at the end', { connections: this.#connections.size })
        this.#connections.destroyAll()
      }, this.#limits.closeTimeoutMs)
      this.#server.close(() => {
        clearTimeout(deadline)
        resolve()
      })
      this.#connections.finishUp()
    })
    return this.#closed
  }

  /** Whoever holds connections and says nothing gives way to those who may have something to say. */
  #welcome(socket: Socket): void {
    if (this.#connections.size >= this.#limits.connectionsMax) {
      count(this.#refused, 'tooManyConnections')
      if (!this.#connections.evict()) return void socket.destroy()
    }
    this.#connections.add(socket)
  }

  /** `unsure`: the client waits to hear whether its body is wanted. */
  #serve(turn: Turn, unsure: boolean): void {
    this.#connections.begin(turn)
    turn.response.on('error', () => {})
    const admitted = this.#admit(turn.request)
    const outcome =
      'code' in admitted ? this.#turnAway(turn, admitted) : this.#answer(turn, admitted, unsure)
    outcome
      .catch((error: unknown) => {
        this.#log.error('answer not sent', { url: turn.request.url, why: stackOf(error) })
        turn.request.socket.destroy()
      })
      .finally(() => this.#connections.end(turn))
  }

  #admit(request: IncomingMessage): Admitted | HttpRefusal {
    const { url, headers } = request
    const heads = headers as HttpRequest['headers']
    if (this.#closed !== undefined) return refusals.closing()
    if (!url?.startsWith('/')) return refusals.malformed()
    const refusal = refuseStranger(methodOf(request.method), heads, {
      secure: this.#tls !== undefined,
      at: plainAddress(request.socket.localAddress),
      isOurs: (name) => this.#hosts.includes(name) || this.#tls?.current().covers(name) === true,
    })
    if (refusal !== undefined) return refusal
    const head = headOf(request)
    const guarded = this.#guarded(head)
    if ('code' in guarded) return guarded
    const bodyBytesMax = Math.min(guarded.bodyBytesMax, this.#limits.bodyBytesMax)
    const length = Number(heads['content-length'] ?? 0)
    if (length > bodyBytesMax) return refusals.tooLarge(bodyBytesMax)
    return refuseBody(heads) ?? { head, bodyBytesMax }
  }

  #guarded(head: HttpHead): { bodyBytesMax: number } | HttpRefusal {
    try {
      return this.#guard(head)
    } catch (error) {
      this.#log.error('guard failed', { path: head.path, why: stackOf(error) })
      return refusals.internal()
    }
  }

  async #answer(turn: Turn, { head, bodyBytesMax }: Admitted, unsure: boolean): Promise<void> {
    if (unsure) turn.response.writeContinue()
    const body = await readBody(turn.request, bodyBytesMax, this.#bodies)
    if (body.outcome === 'gone') return
    if (body.outcome === 'tooLarge') return this.#refuse(turn, refusals.tooLarge(bodyBytesMax))
    if (body.outcome !== 'whole') return this.#refuse(turn, refusals.overloaded())
    if (this.#requests >= this.#limits.requestsMax) {
      return this.#refuse(turn, refusals.overloaded())
    }
    // Held until the handler is done, also when nobody waits for it any more: a handler that
    // hangs takes one of few places and not, in the end, all memory.
    this.#requests++
    const asked = this.#ask({ ...head, body: body.bytes }, turn.signal).finally(
      () => this.#requests--,
    )
    const reply = await within(turn, asked, this.#limits.answerTimeoutMs)
    if (turn.broken) return
    if (reply === undefined) {
      turn.abandon()
      return this.#refuse(turn, refusals.unreachable(this.#limits))
    }
    return reply.body instanceof Uint8Array ? this.#send(turn, reply) : this.#stream(turn, reply)
  }

  async #ask(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await this.#handle(request, signal)
    } catch (error) {
      this.#log.error('request failed', { path: request.path, why: stackOf(error) })
      return refusalReply(refusals.internal())
    }
  }

  async #stream(turn: Turn, reply: HttpReply): Promise<void> {
    if (this.#streams >= this.#limits.streamsMax) {
      turn.abandon()
      return this.#refuse(turn, refusals.overloaded())
    }
    this.#streams++
    turn.streams = true
    // It was asked for before the listener began to close, and would never end.
    if (this.#closed !== undefined) turn.abandon()
    try {
      await this.#send(turn, reply)
    } finally {
      this.#streams--
      turn.abandon()
    }
  }

  async #send(turn: Turn, reply: HttpReply): Promise<void> {
    count(this.#answered, String(reply.status))
    const { stallTimeoutMs, lingerMs } = this.#limits
    const closing = this.#closed !== undefined
    const sent = await send(turn, reply, { closing, stallTimeoutMs, lingerMs })
    if (sent === 'stalled') count(this.#refused, 'stalled')
  }

  /** Strangers are answered no faster than is good for everybody else. */
  async #turnAway(turn: Turn, refusal: HttpRefusal): Promise<void> {
    if (refusal.status === 401) {
      const nowMs = performance.now()
      this.#strangers.charge(1, nowMs)
      const waitMs = Math.min(this.#strangers.waitMs(nowMs), this.#limits.strangerWaitMsMax)
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      if (turn.broken) return
    }
    return this.#refuse(turn, refusal)
  }

  #refuse(turn: Turn, refusal: HttpRefusal): Promise<void> {
    count(this.#refused, refusal.code)
    return this.#send(turn, refusalReply(refusal))
  }

  /** What is no request gets a last word, unless it would land in the middle of an answer. */
  #refuseGarbage(error: Error & { code?: string }, socket: Duplex): void {
    const name = garbageOf(error.code)
    if (name !== undefined) count(this.#refused, name)
    if (name === undefined || !socket.writable || !this.#connections.isFree(socket)) {
      socket.destroy()
      return
    }
    socket.end(refusalBytes(refusals[name](this.#limits)))
  }
}

/** What is known of a request that was let in, before its body. */
interface Admitted {
  head: HttpHead
  bodyBytesMax: number
}

function headOf(request: IncomingMessage): HttpHead {
  const [path, ...query] = request.url!.split('?')
  const from = plainAddress(request.socket.remoteAddress)
  return {
    method: methodOf(request.method),
    path: path!,
    query: query.join('?'),
    headers: request.headers as HttpRequest['headers'],
    ...(from === '' ? {} : { from }),
  }
}

/** A connection that just broke off is no offence. */
function garbageOf(code = ''): 'headersTooLarge' | 'tooSlow' | 'malformed' | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headersTooLarge'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'tooSlow'
  return code.startsWith('HPE_') ? 'malformed' : undefined
}

/** The listener never tells a `HEAD` from a `GET` to those behind it. */
function methodOf(method: string | undefined): string {
  return method === undefined || method === 'HEAD' ? 'GET' : method
}

/** Undefined when it takes too long, or when nobody waits for it any more. */
async function within<T>(turn: Turn, answer: Promise<T>, timeoutMs: number) {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined)
    turn.onBroken = () => resolve(undefined)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
    turn.onBroken = () => {}
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
