/**
 * How clients outside an agent's network get at it: its keys and values of the ledger, a question in
 * JSON and an outcome in JSON, and what may be looked up in its control API, which itself stays on
 * loopback. The door is at the same port of the agent's own address.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { Outcome, RegisterOp } from '../checkers/operations.ts'
import { look } from '../mesh/looking.ts'

const NAMESPACE = 'chaos'

export interface Question {
  readonly key: string
  readonly op: RegisterOp
  readonly timeoutMs: number
}

/** Keys with this beginning, a page at a time. */
export interface ListQuestion {
  readonly prefix: string
  readonly after?: string
  readonly timeoutMs: number
}

export interface ListAnswer {
  readonly keys: readonly string[]
  readonly next?: string
}

export function storeDoor(agent: Agent, host: string, port: number): ModuleSpec {
  let server: Server | undefined
  return {
    name: 'store-door',
    priority: 4,
    needs: ['ledger'],
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer((request, response) => void serve(agent, port, request, response))
        server.once('error', reject)
        server.listen(port, host, resolve)
      }),
    stop: () =>
      new Promise((resolve) => {
        server?.closeAllConnections()
        if (server) server.close(() => resolve())
        else resolve()
      }),
  }
}

async function serve(
  agent: Agent,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (request.method === 'GET') {
      const { dataDirectory } = agent.settings
      const node = { apiAddress: `http://127.0.0.1:${port}`, dataDirectory }
      const looked = await look(node, request.url ?? '/')
      response.end(await looked.text())
      return
    }
    let text = ''
    for await (const part of request) text += part
    const question = JSON.parse(text) as Question | ListQuestion
    const answer = 'op' in question ? await outcomeOf(agent, question) : await list(agent, question)
    response.end(JSON.stringify(answer))
  } catch (error) {
    // Its client has gone, or it will hear that the connection broke, and know nothing.
    agent.ports.log.child('store-door').warn('not answered', { why: String(error) })
    response.destroy()
  }
}

async function outcomeOf(agent: Agent, { key, op, timeoutMs }: Question): Promise<Outcome> {
  const expect = op.kind === 'get' || op.expect === undefined ? {} : { expect: op.expect }
  const at = { namespace: NAMESPACE, key }
  switch (op.kind) {
    case 'get': {
      const consistency = 'linearizable' as const
      const read = await agent.ledger.read({ kind: 'kvGet', ...at }, { consistency, timeoutMs })
      if (read.kind !== 'read') return { kind: 'refused' }
      const { value } = read
      if (value === undefined) return { kind: 'read', value: undefined, revision: 0 }
      return { kind: 'read', value: textOf(value.value), revision: value.revision }
    }
    case 'put': {
      const value = { ...at, ...expect, value: new TextEncoder().encode(op.value) }
      return told(await agent.ledger.append({ kind: 'kvPut', value }, { timeoutMs }))
    }
    case 'delete': {
      const value = { ...at, ...expect }
      return told(await agent.ledger.append({ kind: 'kvDelete', value }, { timeoutMs }))
    }
  }
}

function told(appended: Appended): Outcome {
  if (appended.kind !== 'applied') return { kind: appended.kind }
  const { code, revision } = appended.result
  if (code === 'ok') return revision === undefined ? { kind: 'ok' } : { kind: 'ok', revision }
  if (code === 'conflict') return { kind: 'conflict', revision: revision ?? 0 }
  return code === 'notFound' ? { kind: 'notFound' } : { kind: 'refused' }
}

async function list(agent: Agent, question: ListQuestion): Promise<ListAnswer | undefined> {
  const { prefix, after, timeoutMs } = question
  const page = after === undefined ? {} : { after }
  const read = await agent.ledger.read(
    { kind: 'kvList', namespace: NAMESPACE, prefix, ...page },
    { consistency: 'linearizable', timeoutMs },
  )
  if (read.kind !== 'read') return undefined
  const { items, next } = read.value
  return { keys: items.map(({ key }) => key), ...(next === undefined ? {} : { next }) }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
