/** Hosts that talk over links, a stranger that speaks raw frames, and what they say. */
import { type LinkLimits, linkLimits, linkQuotas, type Quotas } from '../../agent/links/limits.ts'
import { type LinkOptions, Links } from '../../agent/links/links.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Purpose, Stream } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import {
  bytes,
  field,
  type Infer,
  message,
  optional,
  type Schema,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import { entropyOf, ManualClock, StageNetwork, silentLog } from './stage.ts'

export const Note = message('Note', { n: field(1, uint()), filler: optional(2, bytes(5000)) })
export const Ask = message('Ask', { what: field(1, text(64)) })
export const Frame = union('Frame', { note: [1, Note], ask: [2, Ask] })
export type Frame = Infer<typeof Frame>

/** What the next release will say: one more field, one more kind. */
const NewNote = message('Note', {
  n: field(1, uint()),
  filler: optional(2, bytes(5000)),
  colour: optional(3, text(16)),
})
const Song = message('Song', { title: field(1, text(64)) })
export const NewFrame = union('Frame', { note: [1, NewNote], ask: [2, Ask], song: [3, Song] })
export type NewFrame = Infer<typeof NewFrame>

export const purpose: Purpose = '/skein/test/1'

export const note = (n: number, fillerBytes = 0): Frame => ({
  kind: 'note',
  value: fillerBytes > 0 ? { n, filler: new Uint8Array(fillerBytes) } : { n },
})
export const ask = (what: string): Frame => ({ kind: 'ask', value: { what } })

export interface Host<F extends object = Frame> {
  id: PeerId
  network: StageNetwork
  links: Links<F>
  heard: { from: PeerId; frame: F }[]
}

export class Stage {
  readonly clock = new ManualClock()
  readonly #networks = new Map<PeerId, StageNetwork>()

  network(name: string): StageNetwork {
    return new StageNetwork(this.clock, this.#networks, name as PeerId)
  }

  host(name: string, changes: Changes<Frame> = {}): Host {
    return this.hostOf(name, Frame, changes)
  }

  hostOf<F extends object>(name: string, frames: Schema<F>, changes: Changes<F> = {}): Host<F> {
    const network = this.network(name)
    const heard: { from: PeerId; frame: F }[] = []
    const options: LinkOptions<F> = {
      purpose,
      frames,
      hello: changes.hello ?? helloOf('1.0.0', name),
      quotas: { ...linkQuotas, ...changes.quotas },
      limits: { ...linkLimits, ...changes.limits },
      onMessage: (from, frame) => heard.push({ from, frame }),
    }
    if (changes.onRequest !== undefined) options.onRequest = changes.onRequest
    // Jitter at its widest, so that waits are known exactly, unless a test says otherwise.
    const entropy = entropyOf(name.length, changes.jitter ?? 1)
    const ports = { clock: this.clock, entropy, network, log: silentLog }
    return { id: network.self, network, links: new Links(ports, options), heard }
  }

  /** Opens a stream to `host` by hand and says Hello, or `first` in its place. */
  async stranger(name: string, host: Host, first?: Uint8Array): Promise<Stranger> {
    const network = this.network(name)
    network.accept(purpose, (stream) => {
      const accepted: Stream = stream
      accepted.onFrame = (frame) => stranger.received.push(frame)
      accepted.send(encode(Hello, helloOf('0', name)))
    })
    const opening = network.open(host.id, purpose, new AbortController().signal)
    await this.clock.advance(1)
    const stranger: Stranger = { id: network.self, network, stream: await opening, received: [] }
    stranger.stream.send(first ?? encode(Hello, helloOf('0', name)))
    await this.clock.advance(2)
    return stranger
  }
}

export interface Stranger {
  id: PeerId
  network: StageNetwork
  stream: Stream
  /** What came on the stream that the host opened to it. */
  received: Uint8Array[]
}

export interface Changes<F extends object> {
  hello?: Hello
  quotas?: Partial<Quotas>
  limits?: Partial<LinkLimits>
  onRequest?: NonNullable<LinkOptions<F>['onRequest']>
  jitter?: number
}
