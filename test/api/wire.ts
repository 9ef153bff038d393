/** Raw connections to a listener, for what no well-behaved client would send. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach } from 'node:test'
import type { Guard, HttpRequest } from '../../agent/http/exchange.ts'
import type { HttpLimits } from '../../agent/http/limits.ts'
import { type HttpListener, startHttp } from '../../agent/http/listener.ts'
import { openGuard } from './doors.ts'
import { silent } from './stage.ts'

export interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

type TestHandle = Parameters<typeof startHttp>[1]

export const encoder = new TextEncoder()

export function reply(text: string) {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: encoder.encode(text),
  }
}

export function ok(request: HttpRequest) {
  return Promise.resolve(reply(JSON.stringify(request.path)))
}

const opened = new Set<HttpListener>()

/** So that a test that fails ends, too. */
afterEach(async () => {
  await Promise.all(Array.from(opened, (listener) => listener.close()))
  opened.clear()
})

export async function listen(
  handle: TestHandle = ok,
  limits: Partial<HttpLimits> = {},
  guard: Guard = openGuard,
): Promise<HttpListener> {
  const listener = await startHttp(
    { host: '127.0.0.1', port: 0, log: silent, guard, limits },
    handle,
  )
  opened.add(listener)
  return listener
}

/** A connection that keeps all it was sent. */
export class Wire {
  readonly socket: Socket
  text = ''
  ended = false
  #wake = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    const changed = (ended: boolean) => {
      this.ended ||= ended
      this.#wake()
    }
    socket.on('data', (piece: string) => {
      this.text += piece
      changed(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => changed(true))
  }

  static async to({ address }: Pick<HttpListener, 'address'>): Promise<Wire> {
    const socket = connect({ host: address.host, port: address.port })
    const wire = new Wire(socket)
    await once(socket, 'connect')
    return wire
  }

  /** The request line and `Host`, then what is given. */
  get(path: string, ...headers: string[]): this {
    return this.send(['GET', path, 'HTTP/1.1\r\nhost: localhost'].join(' '), ...headers, '', '')
  }

  send(...lines: string[]): this {
    this.socket.write(lines.join('\r\n'), 'latin1')
    return this
  }

  /** Waits until the text received satisfies; fails when the connection closes before. */
  async until(satisfied: (text: string) => boolean): Promise<string> {
    while (!satisfied(this.text)) {
      if (this.ended) throw new Error(`closed after ${JSON.stringify(this.text.slice(0, 500))}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.text
  }

  async closed(): Promise<string> {
    if (!this.ended) await this.#closing()
    return this.text
  }

  async #closing(): Promise<void> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Takes whole answers with a known length off what was received. */
  async answers(count: number): Promise<Answer[]> {
    const answers: Answer[] = []
    while (answers.length < count) {
      let answer = takeAnswer(this.text)
      while (answer === undefined) {
        const before = this.text.length
        await this.until((text) => text.length > before)
        answer = takeAnswer(this.text)
      }
      this.text = this.text.slice(answer.length)
      answers.push(answer)
    }
    return answers
  }

  async answer(): Promise<Answer> {
    const [answer] = await this.answers(1)
    return answer!
  }
}

function takeAnswer(text: string): (Answer & { length: number }) | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [first, ...fields] = text.slice(0, headEnd).split('\r\n')
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
    }),
  )
  const bodyStart = headEnd + 4
  const length = bodyStart + Number(headers.get('content-length') ?? 0)
  if (text.length < length) return undefined
  return {
    status: Number(first!.split(' ')[1]),
    headers,
    body: text.slice(bodyStart, length),
    length,
  }
}

/** A port of this host that is taken for as long as the returned function is not called. */
export async function takenPort(): Promise<{ port: number; free: () => Promise<void> }> {
  const listener = await listen()
  return { port: listener.address.port, free: () => listener.close() }
}
