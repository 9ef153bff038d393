/**
 * Questions between agents: a service is named, bytes go there and bytes come back. What they mean
 * is the service's business; here they are bounded, carried and given a deadline.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import { bytes, field, message, text, union } from '../../protocol/wire/schema.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { linkLimits, linkQuotas } from '../links/limits.ts'
import { Links } from '../links/links.ts'
import type { RequestFailure } from '../links/requests.ts'
import { Tally } from '../tally.ts'

/** A question or an answer, at most: less than a frame, so that its envelope fits too. */
export const CALL_BYTES_MAX = 768 * 1024
const SERVICE_NAME_MAX = 64

const Call = message('Call', {
  service: field(1, text(SERVICE_NAME_MAX)),
  body: field(2, bytes(CALL_BYTES_MAX)),
})
const Answer = message('Answer', { body: field(1, bytes(CALL_BYTES_MAX)) })
export const CallFrame = union('CallFrame', { call: [1, Call], answer: [2, Answer] })
export type CallFrame = Infer<typeof CallFrame>

/** What was well-formed and is not taken here. */
type CallRefusal =
  /** A question to a service that this agent does not have; newer ones may. */
  | 'unknownService'
  /** Something said without being asked. */
  | 'unaskedMessage'
  /** A question that makes no sense to the service that it is for. */
  | 'badQuestion'
  /** A question for an answer. */
  | 'badAnswer'

export type CallResult =
  | { ok: true; body: Uint8Array }
  | { ok: false; code: RequestFailure; why: string }

/** Thrown by a service: counted, and no matter for the log, which a liar could fill with it. */
export class BadQuestion extends Error {}

/** Answers a question, or throws: the caller then hears that it was refused. */
export type Service = (from: PeerId, body: Uint8Array) => Promise<Uint8Array>

export class Calls {
  private readonly links: Links<CallFrame>
  private readonly services = new Map<string, Service>()
  private readonly refused = new Tally<CallRefusal>()
  private readonly log: Log

  constructor(ports: { clock: Clock; entropy: Entropy; network: Network; log: Log }, hello: Hello) {
    this.log = ports.log.child('calls')
    this.links = new Links<CallFrame>(ports, {
      purpose: '/skein/calls/1',
      frames: CallFrame,
      hello,
      quotas: linkQuotas,
      limits: linkLimits,
      onMessage: (from) => this.refuse(from, 'unaskedMessage'),
      onRequest: (from, frame, respond) => {
        const service = frame.kind === 'call' ? this.services.get(frame.value.service) : undefined
        if (!service || frame.kind !== 'call') {
          this.refuse(from, 'unknownService')
          return respond.refuse('no such service here')
        }
        service(from, frame.value.body).then(
          (body) => respond({ kind: 'answer', value: { body } }),
          (error: unknown) => {
            const { service: name } = frame.value
            if (error instanceof BadQuestion) this.refuse(from, 'badQuestion')
            else this.log.warn('call failed', { service: name, from, why: String(error) })
            respond.refuse('it failed there; see the log of that agent')
          },
        )
      },
    })
  }

  serve(name: string, service: Service): void {
    this.services.set(name, service)
  }

  /** Names of those that are served here. */
  served(): string[] {
    return [...this.services.keys()]
  }

  async ask(
    to: PeerId,
    service: string,
    body: Uint8Array,
    deadlineMs: number,
  ): Promise<CallResult> {
    if (body.length > CALL_BYTES_MAX) {
      return { ok: false, code: 'refused', why: 'the question is too long to carry' }
    }
    const frame: CallFrame = { kind: 'call', value: { service, body } }
    const result = await this.links.request(to, frame, { deadlineMs, dialNow: true })
    if (!result.ok) return result
    if (result.value.kind !== 'answer') {
      this.refused.add('badAnswer')
      return { ok: false, code: 'badAnswer', why: 'it answered with a question' }
    }
    return { ok: true, body: result.value.value.body }
  }

  resetBackoff(peer: PeerId): void {
    this.links.resetBackoff(peer)
  }

  refusals(): Readonly<Record<string, number>> {
    return { ...this.links.refusals(), ...this.refused.counts() }
  }

  private refuse(from: PeerId, reason: CallRefusal): void {
    this.refused.add(reason)
    this.links.fine(from)
  }

  close(): void {
    this.links.close()
  }
}
