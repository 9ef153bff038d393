/** Streams that come about on connections: offered from here, and offered to here. */
import { assert } from '../../protocol/assert.ts'
import type { Purpose, Stream, UnreachableCode } from '../../protocol/ports/network.ts'
import type { End } from './connection.ts'
import type { Host } from './host.ts'
import type { SimulatedNetwork } from './network.ts'
import { SimulatedStream } from './stream.ts'
import { unreachable } from './unreachable.ts'

/** A purpose's name, and the answer. */
const offerBytes = 40

type Answered = (refusal: UnreachableCode | undefined) => void

export class StreamOffers {
  private readonly host: Host
  private readonly network: SimulatedNetwork
  private readonly open = new Map<SimulatedStream, Answered>()
  private readonly handlers = new Map<Purpose, (stream: Stream) => void>()

  constructor(host: Host, network: SimulatedNetwork) {
    this.host = host
    this.network = network
  }

  accept(purpose: Purpose, handler: (stream: Stream) => void): void {
    assert(!this.handlers.has(purpose), 'a purpose is accepted once', { purpose })
    this.handlers.set(purpose, handler)
  }

  refuse(purpose: Purpose): void {
    this.handlers.delete(purpose)
  }

  offer(end: End, purpose: Purpose): Promise<Stream> {
    const { limits, scheduler } = this.host.world
    return new Promise((resolve, reject) => {
      if (!this.network.alive) return
      const peer = end.other.host.id
      // It may have broken between being found and being used.
      if (end.state !== 'open') return reject(unreachable('refused', peer))
      if (streamsOf(end, purpose, true) >= limits.purposeDefault.streamsOutboundMax) {
        return reject(unreachable('limitReached', peer))
      }
      const stream = new SimulatedStream(end, purpose, true)
      end.streams.add(stream)
      const timeout = this.host.later(limits.negotiationTimeoutMs, 'stream', 'no answer', () => {
        this.answered(stream, 'timedOut')
      })
      this.open.set(stream, (refusal) => {
        this.open.delete(stream)
        scheduler.cancel(timeout)
        if (refusal === undefined) return resolve(stream)
        end.streams.delete(stream)
        stream.die()
        reject(unreachable(refusal, peer))
      })
      end.say({ kind: 'openStream', stream, purpose }, offerBytes)
    })
  }

  /** True when this stream was still waiting for an answer. */
  answered(stream: SimulatedStream, refusal: UnreachableCode): boolean {
    const answer = this.open.get(stream)
    answer?.(refusal)
    return answer !== undefined
  }

  accepted(end: End, stream: SimulatedStream, far: SimulatedStream): void {
    const answer = this.open.get(stream)
    // Nobody waits any more: the far end is told.
    if (answer === undefined) return end.say({ kind: 'endStream', stream: far, aborted: true }, 0)
    stream.twin = far
    answer(undefined)
  }

  offered(end: End, theirs: SimulatedStream, purpose: Purpose): void {
    const handler = this.handlers.get(purpose)
    const { streamsInboundMax } = this.host.world.limits.purposeDefault
    const full = streamsOf(end, purpose, false) >= streamsInboundMax
    if (handler === undefined || full) {
      this.network.countRefusal(full ? 'tooManyStreams' : 'unknownPurpose')
      const code = full ? 'limitReached' : 'purposeUnsupported'
      return end.say({ kind: 'refuseStream', stream: theirs, code }, offerBytes)
    }
    const ours = new SimulatedStream(end, purpose, false)
    ours.twin = theirs
    end.streams.add(ours)
    end.say({ kind: 'acceptStream', stream: theirs, far: ours }, offerBytes)
    handler(ours)
  }
}

function streamsOf(end: End, purpose: Purpose, openedHere: boolean): number {
  let count = 0
  for (const stream of end.streams) {
    if (stream.purpose === purpose && stream.openedHere === openedHere) count++
  }
  return count
}
