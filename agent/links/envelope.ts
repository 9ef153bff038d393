/**
 * What goes around every message of a link: nothing for a message, an id for a request, the same
 * id back for its answer.
 */
import {
  bytes,
  type Infer,
  message,
  nested,
  optional,
  type Schema,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { refusalTextBytesMax } from './limits.ts'

export function envelopeSchema(payloadBytesMax: number) {
  return message('Envelope', {
    requestId: optional(1, uint()),
    responseTo: optional(2, uint()),
    /** The purpose's message. Absent only where `refusal` stands. */
    payload: optional(3, bytes(payloadBytesMax)),
    /** Why a request gets no answer. */
    refusal: optional(4, text(refusalTextBytesMax)),
  })
}
export type EnvelopeSchema = ReturnType<typeof envelopeSchema>
export type Envelope = Infer<EnvelopeSchema>

/** What is sent: the message itself stands in it, and is written together with what is around it. */
export type Sent<F> = Omit<Envelope, 'payload'> & { payload?: F }

/** The same bytes as of `envelopeSchema`, since on the wire a message inside one is its bytes. */
export function sentSchema<F>(frames: Schema<F>): Schema<Sent<F>> {
  return message('Envelope', {
    requestId: optional(1, uint()),
    responseTo: optional(2, uint()),
    payload: optional(3, nested(frames)),
    refusal: optional(4, text(refusalTextBytesMax)),
  }) as Schema<Sent<F>>
}
