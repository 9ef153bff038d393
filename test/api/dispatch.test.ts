import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ApiRefusal, httpStatusOf } from '../../coordinator/api/refusal.ts'
import { ApiError, type MeshEvent } from '../../coordinator/api/schemas.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import { ask, documentOf, type Fault, piecesOf, sampleEvent, sampleStatus } from './stage.ts'

test('a handler is given what was asked, checked and with the defaults filled in', async () => {
  const seen: unknown[] = []
  const handlers = {
    node: (request: { parameters: { node: string }; query: { minutes: number } }) => {
      seen.push(request.parameters, request.query)
      throw new ApiRefusal('notFound', 'gone', 'look again')
    },
  }
  await ask('GET', '/api/v1/nodes/n%C3%A4', undefined, { handlers })
  await ask('GET', '/api/v1/nodes/self?minutes=5', undefined, { handlers })
  assert.deepEqual(seen, [{ node: 'nä' }, { minutes: 60 }, { node: 'self' }, { minutes: 5 }])
})

test('all mistakes of a request are told at once, each with its place', async () => {
  const query = 'last=many&since=-1&folow=true&follow='
  const reply = await ask('GET', `/api/v1/events?${query}`)
  assert.equal(reply.status, 400)
  const { error } = ApiError.parse(documentOf(reply))
  assert.equal(error.code, 'badRequest')
  const places = error.mistakes!.map(({ where }) => where).sort()
  assert.deepEqual(places, ['query.follow', 'query.folow', 'query.last', 'query.since'])
  assert.match(error.why, /query\.last is no number/)
  assert.match(error.why, /query\.folow is not known; perhaps follow was meant/)
  assert.match(error.why, /query\.follow is empty/)
})

test('a body is refused with the place of each mistake, or for not being there', async () => {
  const url = '/api/v1/nodes/n1/labels'
  const wrong = documentOf(await ask('PUT', url, { set: { zone: 7 }, remove: 'x', sett: {} }))
  const places = wrong.error.mistakes.map((m: { where: string }) => m.where).sort()
  assert.deepEqual(places, ['body.remove', 'body.set.zone', 'body.sett'])
  assert.match(wrong.error.why, /body\.sett is not known; perhaps set was meant/)
  assert.match(documentOf(await ask('PUT', url)).error.why, /body is missing/)
  assert.match(documentOf(await ask('PUT', url, '{"set":')).error.why, /body is no JSON/)
  assert.match(documentOf(await ask('POST', '/api/v1/agent/leave', {})).error.why, /not taken here/)
  assert.match(
    documentOf(await ask('GET', '/api/v1/status?a=1')).error.why,
    /query\.a is not known/,
  )
  assert.match(
    documentOf(await ask('GET', '/api/v1/events?last=1&last=2')).error.why,
    /given twice/,
  )
})

test('the longest text of a workflow is taken where workflows are, and nothing as long elsewhere', async () => {
  const text = '"'.repeat(workflowLimits.textLengthMax / 2).padEnd(workflowLimits.textLengthMax)
  const seen: number[] = []
  const handlers = {
    startRun: ({ body }: { body: { workflow?: string | undefined } }) => {
      seen.push(body.workflow!.length)
      throw new ApiRefusal('notFound', 'gone', 'look again')
    },
  }
  await ask('POST', '/api/v1/runs', { workflow: text }, { handlers })
  assert.deepEqual(seen, [workflowLimits.textLengthMax])
  const url = '/api/v1/nodes/n1/labels'
  const refused = documentOf(await ask('PUT', url, { set: { zone: text } }))
  assert.match(refused.error.why, /body has \d+ bytes, and 1048576 are taken/)
})

test('an unknown path is answered with the nearest one', async () => {
  const reply = await ask('GET', '/api/v1/nodes/n1/lables')
  assert.equal(reply.status, 404)
  assert.match(documentOf(reply).error.fix, /perhaps \/api\/v1\/nodes\/n1\/labels was meant/)
  const far = documentOf(await ask('GET', '/nothing/like/it'))
  assert.equal(far.error.fix, 'GET /openapi.json lists every path')
  assert.equal((await ask('GET', '/api/v1/nodes/%E0%A4%A')).status, 400)
  assert.equal((await ask('GET', '/api/v1/nodes/')).status, 404)
})

test('a method that a path does not have is refused with those that it has', async () => {
  const reply = await ask('DELETE', '/api/v1/nodes')
  assert.equal(reply.status, 405)
  assert.equal(reply.headers.allow, 'GET, HEAD')
  assert.equal((await ask('POST', '/openapi.json')).headers.allow, 'GET, HEAD')
})

test('each code of a refusal has its status, and reaches the caller as it was said', async () => {
  for (const code of Object.keys(httpStatusOf) as (keyof typeof httpStatusOf)[]) {
    const status = () => {
      throw new ApiRefusal(code, 'a reason', 'a remedy')
    }
    const reply = await ask('GET', '/api/v1/status', undefined, { handlers: { status } })
    assert.equal(reply.status, httpStatusOf[code])
    assert.deepEqual(documentOf(reply).error, { code, why: 'a reason', fix: 'a remedy' })
    assert.equal('retry-after' in reply.headers, code === 'overloaded')
  }
})

test('a bug is told to the log whole, and to the caller by an id only', async () => {
  const faults: Fault[] = []
  const bug = new TypeError('secret of the inside')
  const status = () => {
    throw bug
  }
  const options = { handlers: { status }, faults }
  const reply = await ask('GET', '/api/v1/status', undefined, options)
  assert.equal(reply.status, 500)
  assert.equal(faults[0]!.error, bug)
  assert.equal(documentOf(reply).error.id, faults[0]!.faultId)
  assert.doesNotMatch(JSON.stringify(documentOf(reply)), /secret|TypeError|\.ts/)
  await ask('GET', '/api/v1/status', undefined, options)
  assert.equal(faults[1]!.faultId, faults[0]!.faultId, 'one bug keeps one id')
})

test('an answer that does not fit its schema is a bug, and an undocumented key does not leave', async () => {
  const faults: Fault[] = []
  const broken = { ...sampleStatus(1), mesh: {} } as never
  const reply = await ask('GET', '/api/v1/status', undefined, {
    handlers: { status: () => broken },
    faults,
  })
  assert.equal(reply.status, 500)
  assert.match(String(faults[0]!.error), /what status answers does not fit its schema: mesh\.name/)
  const chatty = { ...sampleStatus(1), password: 'x' }
  const told = await ask('GET', '/api/v1/status', undefined, { handlers: { status: () => chatty } })
  assert.deepEqual(documentOf(told), sampleStatus(1))
})

test('a stream is one document a line, made only when the last was taken', async () => {
  let made = 0
  async function* events() {
    for (;;) yield sampleEvent(++made)
  }
  const reply = await ask('GET', '/api/v1/events', undefined, { handlers: { events } })
  assert.equal(reply.headers['content-type'], 'application/x-ndjson')
  assert.equal(made, 0)
  const pieces = piecesOf(reply)[Symbol.asyncIterator]()
  for (const seq of [1, 2, 3]) {
    const { value } = await pieces.next()
    const text = new TextDecoder().decode(value)
    assert.ok(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1)
    assert.equal(JSON.parse(text).seq, seq)
    assert.equal(made, seq)
  }
})

test('a stream ends when its caller goes, though its source is asleep', async () => {
  const caller = new AbortController()
  let returned = false
  const events = (): AsyncIterable<MeshEvent> => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        returned = true
        return { done: true, value: undefined }
      },
    }),
  })
  const reply = await ask('GET', '/api/v1/events', undefined, {
    handlers: { events },
    signal: caller.signal,
  })
  const next = piecesOf(reply)[Symbol.asyncIterator]().next()
  caller.abort()
  assert.equal((await next).done, true)
  assert.ok(returned)
})

test('a stream that breaks says why on its last line', async () => {
  async function* refusing() {
    yield sampleEvent(1)
    throw new ApiRefusal('overloaded', 'you read too slowly', 'resume with since')
  }
  const read = async (events: () => AsyncIterable<MeshEvent>, faults: Fault[]) => {
    const reply = await ask('GET', '/api/v1/events', undefined, { handlers: { events }, faults })
    const texts = await Array.fromAsync(piecesOf(reply), (piece) => new TextDecoder().decode(piece))
    return texts.map((text) => JSON.parse(text))
  }
  const refused = await read(refusing, [])
  assert.equal(refused.length, 2)
  assert.equal(ApiError.parse(refused[1]).error.code, 'overloaded')

  async function* unfit() {
    yield { seq: 'one' } as never
  }
  const faults: Fault[] = []
  const [last] = await read(unfit, faults)
  assert.equal(last.error.code, 'internal')
  assert.equal(last.error.id, faults[0]!.faultId)
})

test('a refusal before the stream begins has its own status', async () => {
  const events = async (): Promise<never> => {
    throw new ApiRefusal('overloaded', 'too many readers', 'come back')
  }
  const reply = await ask('GET', '/api/v1/events', undefined, { handlers: { events } })
  assert.equal(reply.status, 429)
})

test('whatever is asked, the answer is a document that fits its status', async () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('api', 'v1', 'nodes', 'labels', 'n1', '%', '..'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'get', ''),
      fc.array(part, { maxLength: 6 }),
      fc.string(),
      fc.oneof(fc.string(), fc.json()),
      async (method, parts, query, body) => {
        const reply = await ask(method, `/${parts.join('/')}?${query}`, body)
        if (!(reply.body instanceof Uint8Array)) return
        const document = documentOf(reply)
        if (reply.status !== 200) {
          const { code } = ApiError.parse(document).error
          assert.equal(httpStatusOf[code as keyof typeof httpStatusOf], reply.status)
          assert.notEqual(code, 'internal')
        }
      },
    ),
    { numRuns: 300 },
  )
})
