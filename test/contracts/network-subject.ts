/** What a contract of `Network` needs of its world, and the few moves that all its tests make. */
import assert from 'node:assert/strict'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import {
  type CloseReason,
  type Network,
  type Purpose,
  type Stream,
  Unreachable,
} from '../../protocol/ports/network.ts'
import { outcome, rejection, type Subject } from './passage.ts'

export interface NetworkSubject extends Subject {
  /** Each knows the addresses of the others; none is connected. Nothing is lost in this world. */
  hosts: readonly [Network, Network, Network]
  /** Ends a host at once, as killing its process does. */
  kill(host: Network): Promise<void> | void
  /** The bounds that the hosts run with. */
  limits: {
    frameBytesMax: number
    streamBufferBytesMax: number
    streamsOutboundMax: number
  }
  /** A lawful peer id that is nobody's. */
  stranger: PeerId
  /** An address that takes connections and never says a word. */
  silentAddress: string
  /** A topic that everybody may use. */
  topic: string
}

export const echo: Purpose = '/skein/contract-echo/1'
export const other: Purpose = '/skein/contract-other/1'

export const forever = () => new AbortController().signal

/** One end of a stream, with all that came out of it. */
export interface End {
  stream: Stream
  frames: Uint8Array[]
  closed: CloseReason[]
}

export function watch(stream: Stream): End {
  const end: End = { stream, frames: [], closed: [] }
  stream.onFrame = (frame) => {
    assert.equal(end.closed.length, 0, 'no frame follows the end')
    end.frames.push(frame)
  }
  stream.onClose = (reason) => void end.closed.push(reason)
  return end
}

/** Keeps every stream of this purpose that a host is offered. */
export function accepting(host: Network, purpose: Purpose): End[] {
  const ends: End[] = []
  host.accept(purpose, (stream) => void ends.push(watch(stream)))
  return ends
}

export async function open(
  subject: NetworkSubject,
  from: Network,
  to: Network,
  purpose: Purpose,
): Promise<End> {
  const opened = from.open(to.self, purpose, forever()).then(watch)
  return outcome(subject, `a stream to ${to.self}`, opened)
}

/** A stream from the first host to the second, both ends in hand. */
export async function pair(
  subject: NetworkSubject,
  purpose: Purpose = echo,
): Promise<{ near: End; far: End }> {
  const [a, b] = subject.hosts
  const accepted = accepting(b, purpose)
  const near = await open(subject, a, b, purpose)
  // The far host may only learn of a stream with its first frame.
  near.stream.send(Uint8Array.of(0))
  await subject.until('the far end', () => accepted[0]?.frames.length === 1)
  const far = accepted[0] as End
  far.frames.length = 0
  return { near, far }
}

export async function refusedWith(
  subject: NetworkSubject,
  what: string,
  promise: Promise<unknown>,
): Promise<string> {
  const error = await rejection(subject, what, promise)
  assert.ok(error instanceof Unreachable, `${what}: ${error}`)
  return error.code
}

/** Sends until the other end's slowness is felt: `send` says no, and nothing drains for a while. */
export async function sendUntilHeld(
  subject: NetworkSubject,
  stream: Stream,
  frameBytes: number,
): Promise<number> {
  for (let sent = 1; sent <= 2_000; sent++) {
    const frame = new Uint8Array(frameBytes)
    new DataView(frame.buffer).setUint32(0, sent)
    if (stream.send(frame)) continue
    assert.ok(stream.bufferedBytes <= subject.limits.streamBufferBytesMax)
    let drained = false
    void stream.drained().then(() => (drained = true))
    for (let quiet = 0; quiet < 10 && !drained; quiet++) await subject.advance(25)
    if (!drained) return sent
  }
  return assert.fail('a reader that does not read never slowed its writer down')
}
