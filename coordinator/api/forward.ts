/**
 * A call and its reply as bytes, to be carried to another agent and back in one request of the
 * mesh. Streams and headers stay behind, but for the command that an act is signed with: it is
 * checked again where it takes effect. That somebody may look is settled where the call came in.
 */
import { assert } from '../../protocol/assert.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { RefusalReason } from '../../protocol/wire/refusal.ts'
import { bytes, field, message, optional, text, uint } from '../../protocol/wire/schema.ts'
import { commandHeader } from './door.ts'
import { errorReply } from './errors.ts'
import type { ApiReply, ApiRequest } from './exchange.ts'
import {
  commandHeaderBytesMax,
  forwardedBodyBytesMax,
  forwardedReplyBytesMax,
  pathLengthMax,
  queryLengthMax,
} from './limits.ts'
import { ApiRefusal } from './refusal.ts'

const contentTypeBytesMax = 64

/** Field numbers are for ever. Paths and queries are ASCII, percent-encoded, or not forwarded. */
export const ForwardedCall = message('ForwardedCall', {
  method: field(1, text(8)),
  path: field(2, text(pathLengthMax)),
  query: field(3, text(queryLengthMax)),
  body: field(4, bytes(forwardedBodyBytesMax)),
  command: optional(5, text(commandHeaderBytesMax)),
})

export const ForwardedReply = message('ForwardedReply', {
  status: field(1, uint()),
  contentType: field(2, text(contentTypeBytesMax)),
  body: field(3, bytes(forwardedReplyBytesMax)),
})

/** Bytes around what is limited above, at most: tags and lengths of five fields. */
export const forwardedOverheadBytesMax = 64

/** Why bytes from a peer are no call or reply. */
export type ForwardRefusal = RefusalReason | 'nonsense'
export type Unpacked<T> = { ok: true; value: T } | { ok: false; why: ForwardRefusal }

/** Throws `ApiRefusal` when the call is too large to be carried. */
export function packRequest(request: ApiRequest): Uint8Array {
  const { method, path, query, headers, body } = request
  const command = headers[commandHeader]
  const fits =
    ascii.test(method + path + query) &&
    method.length <= 8 &&
    path.length <= pathLengthMax &&
    query.length <= queryLengthMax &&
    body.length <= forwardedBodyBytesMax &&
    (command === undefined || (ascii.test(command) && command.length <= commandHeaderBytesMax))
  if (!fits) {
    const why = `a call with ${body.length} bytes of body and ${query.length} of query is too large to be forwarded`
    throw new ApiRefusal('badRequest', why, 'ask the agent itself, with --address')
  }
  const signed = command === undefined ? {} : { command }
  return encode(ForwardedCall, { method, path, query, body, ...signed })
}

/** What comes out is marked `forwarded`, so that it is not passed on a second time. */
export function unpackRequest(packed: Uint8Array): Unpacked<ApiRequest> {
  const decoded = decode(ForwardedCall, packed)
  if (!decoded.ok) return decoded
  const { method, path, query, body, command } = decoded.value
  if (!/^[A-Z]+$/.test(method) || !path.startsWith('/') || !ascii.test(path + query)) {
    return { ok: false, why: 'nonsense' }
  }
  const headers = {
    ...(body.length === 0 ? {} : { 'content-type': 'application/json' }),
    ...(command === undefined ? {} : { [commandHeader]: command }),
  }
  return { ok: true, value: { method, path, query, headers, body, forwarded: true } }
}

/** A reply that is too large goes as the refusal that says so. */
export function packReply(reply: ApiReply): Uint8Array {
  const { status, headers, body } = reply
  assert(body instanceof Uint8Array, 'a stream cannot be forwarded')
  if (body.length > forwardedReplyBytesMax) {
    const why = `the answer has ${body.length} bytes, and ${forwardedReplyBytesMax} can be forwarded`
    return packReply(errorReply(new ApiRefusal('unreachable', why, 'ask that agent itself')))
  }
  const contentType = (headers['content-type'] ?? '').slice(0, contentTypeBytesMax)
  return encode(ForwardedReply, { status, contentType, body })
}

export function unpackReply(packed: Uint8Array): Unpacked<ApiReply> {
  const decoded = decode(ForwardedReply, packed)
  if (!decoded.ok) return decoded
  const { status, contentType, body } = decoded.value
  // It may end up in a header of ours, so it must be one, and nothing that a browser would run.
  const known = contentType === 'application/json'
  if (status < 200 || status > 599 || !known) return { ok: false, why: 'nonsense' }
  return { ok: true, value: { status, headers: { 'content-type': contentType }, body } }
}

const ascii = /^[\x21-\x7e]*$/
