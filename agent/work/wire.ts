/**
 * `/skein/work/1` on this host, for both of its parts: the agent that executes, and the leader that
 * assigns when this host leads. What one host says to itself goes no further than the next turn.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { WorkFrame } from '../../protocol/work/messages.ts'
import { linkLimits, linkQuotas } from '../links/limits.ts'
import { type LinkPorts, Links } from '../links/links.ts'
import { Tally } from '../tally.ts'
import type { Ranks } from '../trust/ranks.ts'

export type FromLeader = Extract<
  WorkFrame,
  { kind: 'assign' | 'cancel' | 'committed' | 'inventoryRequest' | 'keep' }
>
export type FromAgent = Extract<WorkFrame, { kind: 'inventory' | 'reports' }>

type WireRefusal =
  /** What an agent says, on a host that does not lead. */
  | 'notLeading'
  /** What a leader says, on a host that takes no work. */
  | 'notServing'

const purpose = '/skein/work/1'

export class WorkWire {
  /** Set while this host executes. */
  onLeader: ((from: PeerId, frame: FromLeader) => void) | undefined
  /** Set while this host leads. */
  onAgent: ((from: PeerId, frame: FromAgent) => void) | undefined
  readonly #self: PeerId
  readonly #ports: LinkPorts
  readonly #hello: Hello
  readonly #ranks: Ranks
  readonly #refused = new Tally<WireRefusal>()
  #links: Links<WorkFrame> | undefined

  constructor(ports: LinkPorts, self: PeerId, hello: Hello, ranks: Ranks) {
    this.#ranks = ranks
    this.#ports = ports
    this.#self = self
    this.#hello = hello
  }

  open(): void {
    this.#links = new Links<WorkFrame>(this.#ports, {
      purpose,
      frames: WorkFrame,
      hello: this.#hello,
      quotas: linkQuotas,
      limits: linkLimits,
      onMessage: (from, frame) => {
        if (this.#ranks.maySay(from, purpose, frame.kind)) this.#take(from, frame)
        else this.#links?.fine(from)
      },
    })
  }

  close(): void {
    this.#links?.close()
    this.#links = undefined
  }

  /** Best effort. Nobody may change the frame afterwards. */
  send(to: PeerId, frame: WorkFrame): void {
    const links = this.#links
    if (links === undefined) return
    if (to !== this.#self) return links.send(to, frame)
    queueMicrotask(() => {
      if (this.#links === links) this.#take(to, frame)
    })
  }

  connected(peer: PeerId): void {
    this.#links?.resetBackoff(peer)
  }

  refusals(): Readonly<Record<string, number>> {
    return { ...this.#links?.refusals(), ...this.#refused.counts() }
  }

  #take(from: PeerId, frame: WorkFrame): void {
    switch (frame.kind) {
      case 'inventory':
      case 'reports':
        if (this.onAgent) this.onAgent(from, frame)
        else this.#refused.add('notLeading')
        return
      default:
        if (this.onLeader) this.onLeader(from, frame)
        else this.#refused.add('notServing')
    }
  }
}
