/**
 * Topics by flooding: whoever subscribes passes a message on to every neighbour that subscribes
 * too, once. Gossipsub chooses fewer ways; what an agent can see of it is the same.
 */
import type { TopicMessage } from '../../protocol/ports/network.ts'
import { brieflyCopy } from '../../protocol/wire/slab.ts'
import type { End } from './connection.ts'
import type { Host } from './host.ts'
import type { SimulatedNetwork } from './network.ts'

/** A message on its way. */
export interface TopicNote {
  /** As gossipsub tells messages apart: by origin and number. */
  readonly id: string
  readonly message: TopicMessage
}

/** Origin, signature and framing of a message. */
const noteOverheadBytes = 160

export class Topics {
  private readonly host: Host
  private readonly network: SimulatedNetwork
  private readonly handlers = new Map<string, (message: TopicMessage) => void>()
  private published = 0
  // Two generations: what was seen is remembered for one to two times `seenMs`.
  private seen = new Set<string>()
  private seenBefore = new Set<string>()
  private turnAtMs = 0

  constructor(host: Host, network: SimulatedNetwork) {
    this.host = host
    this.network = network
  }

  has(topic: string): boolean {
    return this.handlers.has(topic)
  }

  subscribe(topic: string, handler: (message: TopicMessage) => void): void {
    this.handlers.set(topic, handler)
  }

  publish(topic: string, data: Uint8Array): void {
    const { host, network } = this
    if (data.length > host.world.limits.gossip.messageBytesMax) {
      return network.countRefusal('gossipLimit')
    }
    const note = {
      id: `${host.index}.${host.life}.${this.published++}`,
      message: { topic, from: host.id, data },
    }
    this.isNew(note.id)
    this.passOn(note, undefined)
  }

  heard(from: End, note: TopicNote): void {
    if (!this.isNew(note.id)) return
    const { topic, from: origin, data } = note.message
    const handler = this.handlers.get(topic)
    if (handler === undefined) return
    this.passOn(note, from)
    handler({ topic, from: origin, data: brieflyCopy(data) })
  }

  private passOn(note: TopicNote, from: End | undefined): void {
    const { topic, from: origin, data } = note.message
    for (const end of this.network.neighbours()) {
      if (end === from) continue
      const { host, network } = end.other
      if (host.id === origin || network?.topics.has(topic) !== true) continue
      end.say({ kind: 'note', note }, data.length + noteOverheadBytes)
    }
  }

  private isNew(id: string): boolean {
    const { nowMs, limits } = this.host.world
    if (nowMs >= this.turnAtMs) {
      this.seenBefore = this.seen
      this.seen = new Set()
      this.turnAtMs = nowMs + limits.gossip.seenMs
    }
    if (this.seen.has(id) || this.seenBefore.has(id)) return false
    this.seen.add(id)
    return true
  }
}
