/** A terminal that keeps what is said on it, and an agent whose answers are written by the test. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Client } from '../../coordinator/cli/client.ts'
import type { Context } from '../../coordinator/cli/context.ts'
import type { Io } from '../../coordinator/cli/io.ts'
import { clientLimits } from '../../coordinator/cli/limits.ts'
import { signedInAsAda } from '../api/doors.ts'

export class Terminal implements Io {
  said = ''
  talk = ''
  terminal = false
  colour = false
  ask: Io['ask'] = undefined
  env: Record<string, string | undefined> = {}
  /** Called after each thing that is said. */
  onSaid = () => {}
  columns = () => 120
  rows = () => 40

  out = (text: string) => {
    this.said += text
    this.onSaid()
  }

  err = (text: string) => {
    this.talk += text
    this.onSaid()
  }

  /** Resolves as soon as what was said, or talked, holds this. */
  hears(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (`${this.said}${this.talk}`.includes(text)) resolve()
      }
      this.onSaid = look
      look()
    })
  }
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface FakeAgent {
  address: string
  port: number
  /** Method and path with query of each request. */
  requests: string[]
  /** Ends all connections and stops listening. */
  die(): Promise<void>
}

/** Each request takes the next answer; the last one is for all that follow. */
export async function fakeAgent(
  t: TestContext,
  answers: readonly Answer[],
  port = 0,
): Promise<FakeAgent> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]
    requests.push(`${request.method} ${request.url}`)
    answer?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const die = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.after(die)
  const bound = (server.address() as AddressInfo).port
  return { address: `http://127.0.0.1:${bound}`, port: bound, requests, die }
}

/** Something that is no HTTP server, or a broken one: it is given the bare connection. */
export async function fakeSocket(
  t: TestContext,
  onSocket: (socket: Socket) => void,
): Promise<string> {
  const open = new Set<Socket>()
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An answer in one piece. */
export function says(body: string, type = 'application/json', status = 200): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': type }).end(body)
  }
}

export function refuses(status: number, code: string, why = 'it may not be'): Answer {
  const error = { code, why, fix: 'ask somebody' }
  return says(JSON.stringify({ schemaVersion: 1, error }), 'application/json', status)
}

export function eventLine(seq: number): string {
  return `${JSON.stringify({ seq, atMs: seq, kind: 'node.alive', text: `event ${seq}`, fields: {} })}\n`
}

const ndjson = { 'content-type': 'application/x-ndjson' }

/** A stream of these events, and then whatever `then` does to it. */
export function streams(
  numbers: readonly number[],
  then: (response: ServerResponse) => void,
): Answer {
  return (_, response) => {
    response.writeHead(200, ndjson)
    response.flushHeaders()
    response.write(numbers.map(eventLine).join(''), () => then(response))
  }
}

export const ends = (response: ServerResponse) => void response.end()
export const cuts = (response: ServerResponse) => void response.socket?.destroy()
export const staysOpen = () => {}

/** As it answers, with each body that it was sent. */
export function telling(bodies: string[], answer: Answer): Answer {
  return (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk
    })
    request.on('end', () => {
      bodies.push(body)
      answer(request, response)
    })
  }
}

/** Of an agent that answers so, one after the other, or the last again and again; and what it was sent. */
export async function asked(t: TestContext, ...documents: object[]) {
  const bodies: string[] = []
  const answers = documents.map((document) => telling(bodies, says(JSON.stringify(document))))
  const { address, requests } = await fakeAgent(t, answers)
  return { ...stage(address), requests, bodies }
}

export interface Stage {
  io: Terminal
  context: Context
  interrupt(): void
}

export function stage(
  address: string,
  over: Partial<Context> & { deadlineMs?: number } = {},
): Stage {
  const { deadlineMs = clientLimits.answerDeadlineMs, ...rest } = over
  const io = new Terminal()
  const interruption = new AbortController()
  const limits = { ...clientLimits, answerDeadlineMs: deadlineMs }
  const context: Context = {
    client: new Client(address, signedInAsAda(), interruption.signal, limits),
    io,
    json: false,
    quiet: false,
    yes: false,
    address: undefined,
    interrupted: interruption.signal,
    ...rest,
  }
  return { io, context, interrupt: () => interruption.abort() }
}
