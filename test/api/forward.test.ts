import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CALL_BYTES_MAX } from '../../agent/requests/calls.ts'
import { callOf, readReply } from '../../coordinator/api/calls.ts'
import { dispatch } from '../../coordinator/api/dispatch.ts'
import type { ApiReply, ApiRequest } from '../../coordinator/api/exchange.ts'
import {
  ForwardedReply,
  forwardedOverheadBytesMax,
  packReply,
  packRequest,
  type Unpacked,
  unpackReply,
  unpackRequest,
} from '../../coordinator/api/forward.ts'
import {
  forwardedBodyBytesMax,
  forwardedReplyBytesMax,
  pathLengthMax,
  queryLengthMax,
} from '../../coordinator/api/limits.ts'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { openDoor } from './doors.ts'
import { documentOf, requestOf, sampleHandlers } from './stage.ts'

function sure<T>(unpacked: Unpacked<T>): T {
  assert.ok(unpacked.ok)
  return unpacked.value
}

/** There and back through bytes, as over the mesh. */
async function throughMesh(request: ApiRequest, handlers = sampleHandlers): Promise<ApiReply> {
  const there = sure(unpackRequest(packRequest(request)))
  const { signal } = new AbortController()
  const reply = await dispatch(there, handlers, openDoor(), signal, (error) => {
    throw error
  })
  return sure(unpackReply(packReply(reply)))
}

test('a call and its answer arrive through the mesh as they were', async () => {
  const call = callOf('labels', { parameters: { node: 'a/b ü' }, body: { set: { zone: 'é' } } })
  const seen: unknown[] = []
  const reply = await throughMesh(call, {
    ...sampleHandlers,
    labels: (request) => {
      seen.push(request.parameters.node, request.body, request.forwarded)
      return sampleHandlers.labels(request)
    },
  })
  assert.deepEqual(seen, ['a/b ü', { set: { zone: 'é' }, remove: [] }, true])
  assert.equal(readReply('labels', reply).node.name, 'n1')
  const detail = await throughMesh(
    callOf('node', { parameters: { node: 'self' }, query: { minutes: 5 } }),
  )
  assert.equal(readReply('node', detail).node.name, 'n1')
})

test('a refusal comes back as the refusal that it was', async () => {
  const reply = await throughMesh(callOf('status', {}), {
    ...sampleHandlers,
    status: () => {
      throw new ApiRefusal('notFound', 'not here', 'look there')
    },
  })
  assert.throws(() => readReply('status', reply), { code: 'notFound', why: 'not here' })
  const wrong = await throughMesh(requestOf('GET', '/api/v1/status?x=1'))
  assert.throws(() => readReply('status', wrong), {
    code: 'badRequest',
    mistakes: [{ where: 'query.x', why: 'is not known' }],
  })
})

test('an answer that makes no sense is an agent that was not reached', () => {
  const body = new TextEncoder().encode('{"hello":1}')
  for (const status of [200, 502]) {
    assert.throws(() => readReply('status', { status, headers: {}, body }), { code: 'unreachable' })
  }
})

test('a stream is refused on the other side, not carried', async () => {
  const reply = await throughMesh(callOf('events', { query: { last: 1 } }))
  assert.equal(reply.status, 400)
  assert.match(documentOf(reply).error.why, /cannot be forwarded/)
})

test('the longest call and the longest reply fit into one question between agents', () => {
  const packed = packRequest({
    method: 'POST',
    path: '/'.padEnd(pathLengthMax, 'p'),
    query: 'q'.repeat(queryLengthMax),
    headers: {},
    body: new Uint8Array(forwardedBodyBytesMax),
  })
  const named = forwardedBodyBytesMax + pathLengthMax + queryLengthMax + forwardedOverheadBytesMax
  assert.ok(packed.length <= named && named <= CALL_BYTES_MAX)
  assert.ok(unpackRequest(packed).ok)
  const headers = { 'content-type': 'application/json' }
  const reply = packReply({ status: 200, headers, body: new Uint8Array(forwardedReplyBytesMax) })
  assert.ok(reply.length <= CALL_BYTES_MAX)
  assert.ok(unpackReply(reply).ok)
})

test('what is too large is refused before it is sent', () => {
  const request = requestOf('PUT', '/api/v1/nodes/self/labels')
  const body = new Uint8Array(forwardedBodyBytesMax + 1)
  assert.throws(() => packRequest({ ...request, body }), { code: 'badRequest' })
  assert.throws(() => packRequest({ ...request, path: '/ü' }), { code: 'badRequest' })
  const large = new Uint8Array(forwardedReplyBytesMax + 1)
  const reply = sure(unpackReply(packReply({ status: 200, headers: {}, body: large })))
  assert.equal(reply.status, 504)
  assert.match(documentOf(reply).error.why, /can be forwarded/)
})

test('bytes from a peer are a call, a reply or a reason, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const unpacked of [unpackRequest(bytes), unpackReply(bytes)]) {
        assert.equal(
          typeof (unpacked.ok ? unpacked.value : unpacked.why),
          unpacked.ok ? 'object' : 'string',
        )
      }
    }),
  )
  const html = encode(ForwardedReply, {
    status: 200,
    contentType: 'text/html',
    body: new Uint8Array(),
  })
  assert.deepEqual(unpackReply(html), { ok: false, why: 'nonsense' })
  const odd = encode(ForwardedReply, {
    status: 7,
    contentType: 'application/json',
    body: new Uint8Array(),
  })
  assert.deepEqual(unpackReply(odd), { ok: false, why: 'nonsense' })
})
