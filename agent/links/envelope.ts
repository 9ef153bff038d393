/**
 * What goes around every message of a link: nothing for a message, an id for a request, the same
 * id back for its answer.
 */
import { bytes, type Infer, message, optional, text, uint } from '../../protocol/wire/schema.ts'
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
