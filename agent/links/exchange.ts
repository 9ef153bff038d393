/**
 * What peers say over their links: messages, requests and answers, each in its envelope. Knows
 * nothing of streams; it is handed bytes and hands bytes on.
 */
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encodeBriefly } from '../../protocol/wire/codec.ts'
import type { Decoded } from '../../protocol/wire/refusal.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import { type Envelope, envelopeSchema, plainMessage, type Sent, sentSchema } from './envelope.ts'
import type { Outgoing } from './frame-queue.ts'
import { envelopeBytesMax, type LinkLimits, refusalTextBytesMax } from './limits.ts'
import type { LinkRefusal } from './refusals.ts'
import type { Requests, Result } from './requests.ts'
import { Taken } from './taken.ts'

/** Answers a request, once: with a frame, or with the reason why there is none. */
export interface Respond<F> {
  (frame: F): void
  /** A long reason is cut. */
  refuse(why: string): void
}

export interface ExchangeHandlers<F> {
  onMessage: (from: PeerId, frame: F) => void
  /** Without it, requests are answered with a refusal. */
  onRequest?: (from: PeerId, frame: F, respond: Respond<F>) => void
}

export interface ExchangeOutlets {
  send(to: PeerId, frame: Outgoing, dialNow: boolean): void
  refused(from: PeerId, reason: LinkRefusal): void
}

export class Exchange<F extends object> {
  readonly #frames: Schema<F>
  readonly #frameBytesMax: number
  readonly #envelope: Schema<Envelope>
  readonly #sent: Schema<Sent<F>>
  readonly #requests: Requests<F>
  readonly #handlers: ExchangeHandlers<F>
  readonly #outlets: ExchangeOutlets

  readonly #taken = new Taken()
  /** The message that was sent last: it mostly goes to several peers in a row. */
  #last: { readonly frame: F; readonly bytes: Uint8Array } | undefined

  constructor(
    frames: Schema<F>,
    limits: LinkLimits,
    requests: Requests<F>,
    handlers: ExchangeHandlers<F>,
    outlets: ExchangeOutlets,
  ) {
    this.#frames = frames
    this.#frameBytesMax = limits.frameBytesMax
    this.#envelope = envelopeSchema(limits.frameBytesMax - envelopeBytesMax)
    this.#sent = sentSchema(frames)
    this.#requests = requests
    this.#handlers = handlers
    this.#outlets = outlets
  }

  /** One message to several peers is encoded once: nobody may change it afterwards. */
  send(to: PeerId, frame: F, dialNow: boolean): void {
    if (this.#last?.frame !== frame) {
      this.#last = { frame, bytes: this.#encode({ payload: frame }) }
    }
    this.#outlets.send(to, { bytes: this.#last.bytes }, dialNow)
  }

  request(to: PeerId, frame: F, deadlineMs: number, dialNow: boolean): Promise<Result<F>> {
    if (this.#requests.full(to)) {
      const why = 'too many requests wait for an answer'
      return Promise.resolve({ ok: false, code: 'overloaded', why })
    }
    return new Promise((resolve) => {
      const requestId = this.#requests.open(to, deadlineMs, resolve)
      this.#post(to, { requestId, payload: frame }, dialNow)
    })
  }

  receive(from: PeerId, bytes: Uint8Array): void {
    if (bytes.length > this.#frameBytesMax) {
      this.#outlets.refused(from, 'tooLarge')
      return
    }
    const message = plainMessage(this.#frames, this.#frameBytesMax - envelopeBytesMax, bytes)
    if (message !== undefined) return this.#takeMessage(from, message)
    const envelope = decode(this.#envelope, bytes)
    if (!envelope.ok) {
      this.#outlets.refused(from, 'undecodable')
      return
    }
    const { requestId, responseTo, payload } = envelope.value
    if (responseTo !== undefined) this.#takeAnswer(from, responseTo, envelope.value)
    else if (payload === undefined) this.#outlets.refused(from, 'undecodable')
    else if (requestId === undefined) this.#takeMessage(from, decode(this.#frames, payload))
    else this.#takeRequest(from, requestId, payload)
  }

  #takeMessage(from: PeerId, frame: Decoded<F>): void {
    if (frame.ok) this.#handlers.onMessage(from, frame.value)
    else this.#outlets.refused(from, asLinkRefusal(frame.why))
  }

  #takeRequest(from: PeerId, id: number, payload: Uint8Array): void {
    if (!this.#taken.add(from, id)) return this.#outlets.refused(from, 'replayedRequest')
    const respond = this.#respond(from, id)
    const frame = decode(this.#frames, payload)
    if (!frame.ok) {
      respond.refuse(frame.why)
      this.#outlets.refused(from, asLinkRefusal(frame.why))
    } else if (this.#handlers.onRequest !== undefined) {
      this.#handlers.onRequest(from, frame.value, respond)
    } else {
      respond.refuse('notServed')
      this.#outlets.refused(from, 'notServed')
    }
  }

  #takeAnswer(from: PeerId, id: number, { payload, refusal }: Envelope): void {
    const owed = this.#requests.owed(from, id)
    if (owed === 'late') this.#outlets.refused(from, 'lateAnswer')
    else if (owed === 'unasked') this.#outlets.refused(from, 'replayedResponse')
    else if (refusal !== undefined) this.#requests.fail(id, 'refused', refusal)
    else {
      const frame = decode(this.#frames, payload ?? new Uint8Array(0))
      if (frame.ok) {
        this.#requests.answer(id, frame.value)
        return
      }
      this.#requests.fail(id, 'badAnswer', frame.why)
      this.#outlets.refused(from, asLinkRefusal(frame.why))
    }
  }

  #respond(to: PeerId, responseTo: number): Respond<F> {
    let answered = false
    const answer = (envelope: Sent<F>) => {
      assert(!answered, 'a request must be answered once', { to, responseTo })
      answered = true
      this.#post(to, envelope, false)
    }
    const respond = (frame: F) => answer({ responseTo, payload: frame })
    // Three bytes of UTF-8 are the most that one letter of a JavaScript string takes.
    const lettersMax = Math.floor(refusalTextBytesMax / 3)
    return Object.assign(respond, {
      refuse: (why: string) => answer({ responseTo, refusal: why.slice(0, lettersMax) }),
    })
  }

  #post(to: PeerId, envelope: Sent<F>, dialNow: boolean): void {
    const bytes = this.#encode(envelope)
    const { requestId } = envelope
    this.#outlets.send(to, requestId === undefined ? { bytes } : { bytes, requestId }, dialNow)
  }

  #encode(envelope: Sent<F>): Uint8Array {
    const bytes = encodeBriefly(this.#sent, envelope)
    assert(bytes.length <= this.#frameBytesMax, 'a message fits the frames of its purpose', {
      frames: this.#frames.name,
      bytes: bytes.length,
    })
    return bytes
  }
}

function asLinkRefusal(why: string): LinkRefusal {
  return why === 'unknownKind' ? 'unknownKind' : 'undecodable'
}
