/**
 * What goes around every message of a link: nothing for a message, an id for a request, the same
 * id back for its answer.
 */
import { decodeBehind } from '../../protocol/wire/codec.ts'
import { quick } from '../../protocol/wire/quick.ts'
import type { Decoded } from '../../protocol/wire/refusal.ts'
import {
  bytes,
  message,
  nested,
  optional,
  type Schema,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import type { ValueType } from '../../protocol/wire/value-types.ts'
import { refusalTextBytesMax } from './limits.ts'

/** Of the field `payload` below. */
const payloadTag = 0x1a

interface Around<P> {
  requestId?: number
  responseTo?: number
  /** The purpose's message. Absent only where `refusal` stands. */
  payload?: P
  /** Why a request gets no answer. */
  refusal?: string
}

/** What comes: the message is read when it is known for what it is. */
export type Envelope = Around<Uint8Array>
/** What is sent: the message itself stands in it, and is written together with what is around it. */
export type Sent<F> = Around<F>

/** One of each, however many agents a world has: schemas are compiled, and the engine learns them. */
const envelopes = new Map<number, Schema<Envelope>>()
const sents = new WeakMap<object, Schema<Sent<never>>>()

/** What nearly all that comes is: a message to which nobody owes an answer, read where it stands. */
export function plainMessage<F>(
  frames: Schema<F>,
  payloadBytesMax: number,
  bytes: Uint8Array,
): Decoded<F> | undefined {
  return decodeBehind(frames, payloadTag, bytes, payloadBytesMax)
}

export function envelopeSchema(payloadBytesMax: number): Schema<Envelope> {
  const known = envelopes.get(payloadBytesMax)
  if (known !== undefined) return known
  const schema = quick(around(bytes(payloadBytesMax)), (reader) => {
    if (reader.comes(payloadTag)) return { payload: reader.view(payloadBytesMax) }
    const requestId = reader.uintAt(0x08)
    const responseTo = requestId < 0 ? reader.uintAt(0x10) : -1
    if (!reader.comes(payloadTag)) return undefined
    const payload = reader.view(payloadBytesMax)
    return requestId >= 0 ? { requestId, payload } : { responseTo, payload }
  })
  envelopes.set(payloadBytesMax, schema)
  return schema
}

/** The same bytes as of `envelopeSchema`, since on the wire a message inside one is its bytes. */
export function sentSchema<F>(frames: Schema<F>): Schema<Sent<F>> {
  const known = sents.get(frames) as Schema<Sent<F>> | undefined
  const schema = known ?? around(nested(frames))
  sents.set(frames, schema as Schema<Sent<never>>)
  return schema
}

function around<P>(payload: ValueType<P>): Schema<Around<P>> {
  return message('Envelope', {
    requestId: optional(1, uint()),
    responseTo: optional(2, uint()),
    payload: optional(3, payload),
    refusal: optional(4, text(refusalTextBytesMax)),
  }) as Schema<Around<P>>
}
