import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpReply, HttpRequest } from '../../agent/http/exchange.ts'
import { startHttp } from '../../agent/http/listener.ts'
import { withPlainEndpoints } from '../../agent/http/plain-endpoints.ts'
import { Metrics } from '../../agent/metrics/registry.ts'
import { dispatch } from '../../coordinator/api/dispatch.ts'
import { ApiError } from '../../coordinator/api/schemas.ts'
import { openDoor, openGuard } from './doors.ts'
import { readOpenMetrics } from './openmetrics-grammar.ts'
import { sampleHandlers, sampleStatus, silent } from './stage.ts'
import { encoder, listen, ok, reply, takenPort, Wire } from './wire.ts'

const json = 'content-type: application/json'

function codeOf(body: string): string {
  return ApiError.parse(JSON.parse(body)).error.code
}

test('the API answers through the socket, whole documents and streams', async () => {
  const noFault = (error: unknown) => {
    throw error
  }
  const listener = await listen((request, signal) =>
    dispatch(request, sampleHandlers, openDoor(), signal, noFault),
  )
  const base = `http://127.0.0.1:${listener.address.port}`
  const status = await fetch(`${base}/api/v1/status`)
  assert.deepEqual(await status.json(), sampleStatus(5))
  assert.equal(status.headers.get('cache-control'), 'no-store')
  const headers = { 'content-type': 'application/json' }
  const url = `${base}/api/v1/nodes/n1/labels`
  const put = await fetch(url, { method: 'PUT', headers, body: '{"set":{"zone":"a"}}' })
  assert.equal(put.status, 200)
  const events = await fetch(`${base}/api/v1/events?last=3`)
  const lines = (await events.text()).trim().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).seq),
    [1, 2, 3],
  )
  assert.equal((await fetch(`${base}/openapi.json`)).status, 200)
  assert.equal((await fetch(`${base}/api/v1/statis`)).status, 404)
  await listener.close()
})

test('HEAD is answered like GET, without the body', async () => {
  const listener = await listen()
  const wire = await Wire.to(listener)
  wire.send('HEAD /x HTTP/1.1', 'host: localhost', '', '').get('/y')
  const text = await wire.until((received) => received.includes('"/y"'))
  const [head, next] = text.split('\r\n\r\n', 2)
  assert.match(head!, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-length: 4(\r\n|$)/)
  assert.match(next!, /^HTTP\/1\.1 200 OK/)
  await listener.close()
})

test('requests sent ahead on one connection are answered in their order', async () => {
  const waiting: (() => void)[] = []
  const listener = await listen(async ({ path }) => {
    if (path === '/1') await new Promise<void>((resolve) => waiting.push(resolve))
    else waiting.splice(0).forEach((wake) => void wake())
    return reply(path)
  })
  const wire = await Wire.to(listener)
  const paths = ['/1', '/2', '/3', '/4']
  wire.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join(''))
  assert.deepEqual(
    (await wire.answers(4)).map(({ body }) => body),
    paths,
  )
  await listener.close()
})

test('a body that is too large is refused, said or found out, and the refusal can be read', async () => {
  const listener = await listen(ok, { bodyBytesMax: 1_000, lingerMs: 100 })
  const said = await Wire.to(listener)
  said.send('PUT /x HTTP/1.1', 'host: localhost', json, 'content-length: 1001', '', '')
  const first = await said.answer()
  assert.deepEqual([first.status, codeOf(first.body)], [413, 'tooLarge'])
  assert.equal(first.headers.get('connection'), 'close')
  await said.closed()

  const found = await Wire.to(listener)
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  found.send('PUT /x HTTP/1.1', 'host: localhost', json, 'transfer-encoding: chunked', '', chunk)
  assert.equal((await found.answer()).status, 413)
  await found.closed()
  assert.equal(listener.stats().refused.tooLarge, 2)
  await listener.close()
})

test('a client that asks first is told to go on, or spared the sending', async () => {
  const listener = await listen(async ({ body }) => reply(String(body.length)), {
    bodyBytesMax: 1_000,
    lingerMs: 100,
  })
  const wire = await Wire.to(listener)
  const head = ['PUT /x HTTP/1.1', 'host: localhost', json, 'expect: 100-continue']
  wire.send(...head, 'content-length: 3', '', '')
  await wire.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
  wire.text = ''
  wire.send('abc')
  assert.equal((await wire.answer()).body, '3')
  wire.send(...head, 'content-length: 5000', '', '')
  assert.equal((await wire.answer()).status, 413)
  await listener.close()
})

test('a body must be JSON, and say so', async () => {
  const listener = await listen()
  const base = `http://127.0.0.1:${listener.address.port}/x`
  const send = async (headers: Record<string, string>) =>
    (await fetch(base, { method: 'POST', headers, body: '{}' })).status
  assert.equal(await send({ 'content-type': 'application/json; charset=utf-8' }), 200)
  assert.equal(await send({ 'content-type': 'text/plain' }), 415)
  assert.equal(await send({ 'content-type': 'application/x-www-form-urlencoded' }), 415)
  assert.equal(await send({ 'content-type': 'application/json', 'content-encoding': 'gzip' }), 415)
  assert.equal((await fetch(base, { method: 'POST' })).status, 200)
  await listener.close()
})

test('a page that had its name pointed at loopback is refused', async () => {
  const options = {
    host: '127.0.0.1',
    port: 0,
    log: silent,
    guard: openGuard,
    hosts: ['skein.internal'],
  }
  const listener = await startHttp(options, ok)
  const asked = async (...headers: string[]) => {
    const wire = await Wire.to(listener)
    const { status, body } = await wire.send('GET / HTTP/1.1', ...headers, '', '').answer()
    wire.socket.destroy()
    return status === 200 ? 200 : codeOf(body)
  }
  for (const host of ['127.0.0.1:4131', 'localhost', '[::1]:9', '127.8.8.8', 'Skein.Internal:1']) {
    assert.equal(await asked(`host: ${host}`), 200, host)
  }
  for (const host of ['evil.example', '10.0.0.1', 'localhost.evil.example', '', '127.0.0.1:x']) {
    assert.equal(await asked(`host: ${host}`), 'wrongHost', host)
  }
  assert.equal(await asked('accept: */*'), 'wrongHost')
  await listener.close()
})

test('a page of another site is refused, a link from it is not', async () => {
  const listener = await listen()
  const asked = async (method: string, ...headers: string[]) => {
    const wire = await Wire.to(listener)
    wire.send(`${method} / HTTP/1.1`, 'host: localhost:4131', ...headers, '', '')
    const { status } = await wire.answer()
    wire.socket.destroy()
    return status
  }
  assert.equal(await asked('POST', 'origin: http://localhost:4131'), 200)
  assert.equal(await asked('POST', 'origin: http://localhost:3000'), 403)
  assert.equal(await asked('POST', 'origin: https://evil.example'), 403)
  assert.equal(await asked('GET', 'origin: null'), 403)
  assert.equal(await asked('GET', 'sec-fetch-site: cross-site', 'sec-fetch-mode: no-cors'), 403)
  assert.equal(await asked('GET', 'sec-fetch-site: cross-site', 'sec-fetch-mode: navigate'), 200)
  assert.equal(await asked('POST', 'sec-fetch-site: cross-site', 'sec-fetch-mode: navigate'), 403)
  const preflight = await fetch(`http://127.0.0.1:${listener.address.port}/`, { method: 'OPTIONS' })
  assert.equal(preflight.headers.get('access-control-allow-origin'), null)
  await listener.close()
})

test('one request too many is told to come back, and finds a place later', async () => {
  const waiting: (() => void)[] = []
  const held = async ({ path }: HttpRequest) => {
    if (path === '/held') await new Promise<void>((resolve) => waiting.push(resolve))
    return reply('{}')
  }
  const listener = await listen(held, { requestsMax: 2 })
  const wires = [await Wire.to(listener), await Wire.to(listener)]
  for (const wire of wires) wire.get('/held')
  const third = await Wire.to(listener)
  let answer = await third.get('/').answer()
  while (answer.status === 200) answer = await third.get('/').answer()
  assert.deepEqual([answer.status, codeOf(answer.body)], [429, 'overloaded'])
  assert.equal(answer.headers.get('retry-after'), '1')
  for (const wake of waiting.splice(0)) wake()
  for (const wire of wires) assert.equal((await wire.answer()).status, 200)
  assert.equal((await third.get('/').answer()).status, 200)
  await listener.close()
})

test('a stream reaches the client piece by piece, and ends when the listener closes', async () => {
  let push = (_text: string) => {}
  const listener = await listen(async (_, signal): Promise<HttpReply> => {
    async function* pieces() {
      while (!signal.aborted) {
        const piece = await new Promise<string>((resolve) => {
          push = resolve
          signal.addEventListener('abort', () => resolve(''), { once: true })
        })
        if (piece !== '') yield encoder.encode(piece)
      }
    }
    return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: pieces() }
  })
  const wire = (await Wire.to(listener)).get('/')
  // The headers are there before the first piece.
  await wire.until((text) => text.endsWith('\r\n\r\n'))
  push('one\n')
  await wire.until((text) => text.endsWith('4\r\none\n\r\n'))
  assert.deepEqual([listener.stats().streams, listener.stats().requests], [1, 0])
  const closing = listener.close()
  await wire.until((text) => text.endsWith('0\r\n\r\n'))
  await wire.closed()
  await closing
})

test('a client that goes in the middle of a stream ends it at its source', async () => {
  const ended = Promise.withResolvers<void>()
  const listener = await listen(async (_, signal): Promise<HttpReply> => {
    async function* pieces() {
      yield encoder.encode('first\n')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      ended.resolve()
    }
    return { status: 200, headers: {}, body: pieces() }
  })
  const wire = (await Wire.to(listener)).get('/')
  await wire.until((text) => text.includes('first'))
  wire.socket.destroy()
  await ended.promise
  await listener.close()
  assert.deepEqual([listener.stats().streams, listener.stats().connections], [0, 0])
})

test('a client that goes before its answer is heard of by the handler', async () => {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const listener = await listen(async (_, signal) => {
    signal.addEventListener('abort', () => ended.resolve())
    begun.resolve()
    await ended.promise
    return reply('{}')
  })
  const wire = (await Wire.to(listener)).get('/')
  await begun.promise
  wire.socket.destroy()
  await ended.promise
  await listener.close()
  assert.equal(listener.stats().requests, 0)
})

test('a slow reader slows the source, and one that reads nothing is cut off', async () => {
  let made = 0
  const ended = Promise.withResolvers<void>()
  const piece = encoder.encode('x'.repeat(64 * 1024))
  const endless = async (): Promise<HttpReply> => {
    async function* pieces() {
      try {
        for (;;) {
          made++
          yield piece
        }
      } finally {
        ended.resolve()
      }
    }
    return { status: 200, headers: {}, body: pieces() }
  }
  const listener = await listen(endless, { stallTimeoutMs: 300 })
  const wire = await Wire.to(listener)
  wire.socket.pause()
  wire.get('/')
  await ended.promise
  // What the kernel buffers for a socket, generously, and not the stream's whole.
  assert.ok(made < 1_000, `${made} pieces for a client that reads none`)
  await listener.close()
  assert.equal(listener.stats().refused.stalled, 1)
})

test('closing lets a request finish, refuses the next, and says so on the connection', async () => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const listener = await listen(async () => {
    begun.resolve()
    await finish.promise
    return reply('{"done":true}')
  })
  const wire = (await Wire.to(listener)).get('/')
  await begun.promise
  const closing = listener.close()
  assert.equal(listener.close(), closing)
  finish.resolve()
  const answer = await wire.answer()
  assert.deepEqual([answer.status, answer.headers.get('connection')], [200, 'close'])
  await closing
  await assert.rejects(Wire.to(listener))
})

test('closing cuts what does not end by itself', async () => {
  const begun = Promise.withResolvers<void>()
  const listener = await listen(
    () => {
      begun.resolve()
      return new Promise(() => {})
    },
    { closeTimeoutMs: 50 },
  )
  const wire = (await Wire.to(listener)).get('/')
  await begun.promise
  await listener.close()
  await wire.closed()
})

test('a handler that hangs is answered for, and one that throws does not take the agent with it', async () => {
  const hangs = await listen(() => new Promise(() => {}), { answerTimeoutMs: 50 })
  const late = await (await Wire.to(hangs)).get('/').answer()
  assert.deepEqual([late.status, codeOf(late.body)], [504, 'unreachable'])
  assert.equal(hangs.stats().requests, 1, 'its place stays taken')
  await hangs.close()
  const throws = await listen(() => Promise.reject(new Error('secret')))
  const broken = await (await Wire.to(throws)).get('/').answer()
  assert.deepEqual([broken.status, codeOf(broken.body)], [500, 'internal'])
  assert.doesNotMatch(broken.body, /secret/)
  await throws.close()
})

test('a port that is taken, an address that is not here and one beyond loopback are refused', async () => {
  const { port, free } = await takenPort()
  const start = (host: string, on: number) =>
    startHttp({ host, port: on, log: silent, guard: openGuard }, ok)
  await assert.rejects(start('127.0.0.1', port), { code: 'portTaken', exitCode: 9 })
  await free()
  for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.com', '']) {
    await assert.rejects(start(host, 4131), {
      code: 'notLoopback',
      exitCode: 4,
      why: /not loopback, and there is no TLS/,
      fix: /set api\.listen to 127\.0\.0\.1:4131/,
    })
  }
  await assert.rejects(start('127.0.0.1', 70_000), { code: 'badAddress' })
})

test('monitoring finds metrics, health and readiness beside the API', async () => {
  const metrics = new Metrics()
  metrics.counter('skein_things', { help: 'Things' }).with().add(3)
  const standing = { ok: true, why: '' }
  const sources = { metrics, health: () => ({ ok: true }), ready: () => standing }
  const listener = await listen(withPlainEndpoints(sources, ok))
  const base = `http://127.0.0.1:${listener.address.port}`
  const accept = 'application/openmetrics-text; version=1.0.0'
  const scraped = await fetch(`${base}/metrics`, { headers: { accept } })
  assert.match(
    scraped.headers.get('content-type')!,
    /^application\/openmetrics-text; version=1\.0\.0/,
  )
  const families = readOpenMetrics(await scraped.text())
  assert.ok(
    families.some(({ name, samples }) => name === 'skein_things' && samples[0]!.value === 3),
  )
  const plain = await fetch(`${base}/metrics`)
  assert.match(plain.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
  assert.match(await plain.text(), /^skein_things_total 3$/m)
  assert.deepEqual(await (await fetch(`${base}/health`)).json(), { schemaVersion: 1, ok: true })
  Object.assign(standing, { ok: false, why: 'sees no other agent' })
  const ready = await fetch(`${base}/ready`)
  assert.deepEqual(
    [ready.status, ((await ready.json()) as { why: string }).why],
    [503, 'sees no other agent'],
  )
  assert.equal((await fetch(`${base}/health`, { method: 'POST' })).status, 405)
  assert.equal(await (await fetch(`${base}/other`)).json(), '/other')
  await listener.close()
})
