import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HttpHead, HttpReply } from '../../agent/http/exchange.ts'
import { refusedUnasked } from '../../agent/http/refusals.ts'
import { ApiError } from '../../coordinator/api/schemas.ts'
import { encoder, listen, ok, reply, Wire } from './wire.ts'

const slow = { headersTimeoutMs: 100, requestTimeoutMs: 200, timeoutCheckMs: 20, lingerMs: 20 }

function codeOf(body: string): string {
  return ApiError.parse(JSON.parse(body)).error.code
}

test('headers that trickle in are cut off, and told why', async () => {
  const listener = await listen(ok, slow)
  const wire = await Wire.to(listener)
  wire.send('GET / HTTP/1.1', 'host: localhost', 'x-slow: ')
  const answer = await wire.answer()
  assert.deepEqual([answer.status, codeOf(answer.body)], [408, 'tooSlow'])
  await wire.closed()
  assert.equal(listener.stats().refused.tooSlow, 1)
  await listener.close()
})

test('a body that trickles in is cut off, and told why', async () => {
  const listener = await listen(ok, slow)
  const wire = await Wire.to(listener)
  const head = ['PUT / HTTP/1.1', 'host: localhost', 'content-type: application/json']
  wire.send(...head, 'content-length: 100', '', '{')
  const answer = await wire.answer()
  assert.equal(answer.status, 408)
  await wire.closed()
  await listener.close()
})

test('headers that never end are refused', async () => {
  const listener = await listen()
  const wire = (await Wire.to(listener)).get('/', `x: ${'y'.repeat(20_000)}`)
  const answer = await wire.answer()
  assert.deepEqual([answer.status, codeOf(answer.body)], [431, 'headersTooLarge'])
  await wire.closed()
  await listener.close()
})

test('what is no HTTP is told so and closed', async () => {
  const listener = await listen()
  for (const text of ['\x00\x01\x02\x03', 'hello\r\n\r\n', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00']) {
    const wire = (await Wire.to(listener)).send(text)
    const { status, body } = await wire.answer()
    assert.deepEqual([status, codeOf(body)], [400, 'malformed'], JSON.stringify(text))
    await wire.closed()
  }
  const proxy = (await Wire.to(listener)).get('http://localhost/')
  assert.equal(codeOf((await proxy.answer()).body), 'malformed')
  await listener.close()
})

test('two ways of saying how long a body is are no way', async () => {
  const listener = await listen()
  const wire = await Wire.to(listener)
  const head = ['POST / HTTP/1.1', 'host: localhost', 'content-type: application/json']
  wire.send(
    ...head,
    'content-length: 4',
    'transfer-encoding: chunked',
    '',
    '0\r\n\r\nGET /x HTTP/1.1',
  )
  assert.equal((await wire.answer()).status, 400)
  await wire.closed()
  await listener.close()
})

test('garbage behind a good request does not land in its answer', async () => {
  const begun = Promise.withResolvers<void>()
  const listener = await listen(async (): Promise<HttpReply> => {
    async function* pieces() {
      begun.resolve()
      yield encoder.encode('one')
      await new Promise(() => {})
    }
    return { status: 200, headers: {}, body: pieces() }
  })
  const wire = (await Wire.to(listener)).get('/')
  await begun.promise
  await wire.until((text) => text.includes('one'))
  wire.send('garbage\r\n\r\n')
  assert.doesNotMatch(await wire.closed(), /malformed|400/)
  await listener.close()
})

test('whatever bytes come, the next client is answered', async () => {
  const listener = await listen(ok, slow)
  const request = 'PUT /a?b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1')),
    fc
      .tuple(fc.nat(request.length), fc.string({ maxLength: 20 }))
      .map(([cut, text]) => request.slice(0, cut) + text),
    fc.string({ maxLength: 30 }).map((text) => `${request}content-length: ${text}\r\n\r\n${text}`),
  )
  await fc.assert(
    fc.asyncProperty(bytes, async (text) => {
      const wire = await Wire.to(listener)
      wire.socket.end(text, 'latin1')
      await wire.closed()
    }),
    { numRuns: 200 },
  )
  assert.equal((await (await Wire.to(listener)).get('/still').answer()).body, '"/still"')
  assert.equal(listener.stats().requests, 0)
  await listener.close()
})

test('many connections are served, and for one more the oldest that is idle is closed', async () => {
  const listener = await listen(ok, { connectionsMax: 100 })
  const wires = await Promise.all(Array.from({ length: 100 }, () => Wire.to(listener)))
  const answers = await Promise.all(wires.map((wire, i) => wire.get(`/${i}`).answer()))
  assert.deepEqual(
    answers.map(({ body }) => body),
    wires.map((_, i) => `"/${i}"`),
  )
  const extra = await Wire.to(listener)
  assert.equal((await extra.get('/extra').answer()).body, '"/extra"')
  await wires[0]?.closed()
  assert.equal(listener.stats().refused.tooManyConnections, 1)
  assert.equal(listener.stats().connections, 100)
  await listener.close()
  await Promise.all(wires.map((wire) => wire.closed()))
})

test('whoever holds connections and says nothing keeps nobody out, however slowly they speak', async () => {
  const listener = await listen(ok, { connectionsMax: 10 })
  const held = await Promise.all(Array.from({ length: 30 }, () => Wire.to(listener)))
  for (const wire of held) wire.send('GET / HT')
  for (let i = 0; i < 5; i++) {
    assert.equal((await (await Wire.to(listener)).get(`/${i}`).answer()).status, 200)
  }
  assert.ok(listener.stats().connections <= 10)
  assert.ok((listener.stats().refused.tooManyConnections ?? 0) >= 20)
  await listener.close()
})

test('strangers who ask without end are answered ever more slowly, and others at once', async () => {
  const limits = { strangersPerSecond: 1, strangersAtOnce: 3, strangerWaitMsMax: 60_000 }
  const known = 'authorization: known'
  const listener = await listen(ok, limits, ({ headers }: HttpHead) =>
    headers.authorization === 'known'
      ? { bodyBytesMax: 1_000 }
      : { status: 401, code: 'notSignedIn', why: 'who', fix: 'say who' },
  )
  for (let i = 0; i < 3; i++) {
    assert.equal((await (await Wire.to(listener)).get('/').answer()).status, 401)
  }
  const late = (await Wire.to(listener)).get('/')
  for (let i = 0; i < 5; i++) {
    assert.equal((await (await Wire.to(listener)).get('/', known).answer()).status, 200)
  }
  assert.equal(late.text, '', 'it waits, and those who are known do not')
  late.socket.destroy()
  await listener.close()
})

test('more streams than may be are told to come back, and their sources are not begun', async () => {
  let begun = 0
  const listener = await listen(
    async (_, signal): Promise<HttpReply> => {
      async function* pieces() {
        begun++
        yield encoder.encode('one')
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      }
      return { status: 200, headers: {}, body: pieces() }
    },
    { streamsMax: 1 },
  )
  const first = (await Wire.to(listener)).get('/')
  await first.until((text) => text.includes('one'))
  assert.equal((await (await Wire.to(listener)).get('/').answer()).status, 429)
  assert.equal(begun, 1)
  await listener.close()
})

test('bodies being read are bounded together', async () => {
  const listener = await listen(async ({ body }) => reply(String(body.length)), {
    bodyBytesMax: 1_000,
    bodiesBytesMax: 1_500,
    lingerMs: 20,
  })
  const head = ['PUT / HTTP/1.1', 'host: localhost', 'content-type: application/json']
  const first = await Wire.to(listener)
  first.send(...head, 'content-length: 1000', '', 'x'.repeat(999))
  // Its bytes are in once the second is refused for them; until then the second has a place.
  for (;;) {
    const second = await Wire.to(listener)
    second.send(...head, 'content-length: 1000', '', 'y'.repeat(1_000))
    const { status } = await second.answer()
    second.socket.destroy()
    if (status === 429) break
    assert.equal(status, 200)
  }
  first.send('x')
  assert.equal((await first.answer()).body, '1000')
  await listener.close()
})

test('what a listener refuses by itself is told apart from whom the door turns away', () => {
  const told = refusedUnasked({ tooSlow: 3, stalled: 1, noTls: 2, notSignedIn: 5, refused: 7 })
  const some = Object.entries(told).filter(([, count]) => count > 0)
  assert.deepEqual(Object.fromEntries(some), { httpTooSlow: 3, httpStalled: 1, httpNoTls: 2 })
})
