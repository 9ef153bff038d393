/**
 * A masked round among clients of one process: what each says is handed to the leader and what the
 * leader says to each, in the form in which it would be sent, and the bytes are counted. The leader
 * waits for nobody: who dies is left behind.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import type { Schema } from '../../../protocol/wire/schema.ts'
import type { MaskingClient, Said } from '../masking/client.ts'
import {
  Dealing,
  Hand,
  KeyList,
  Keys,
  Masked,
  Reveal,
  Roll,
  Selection,
  Sketch,
} from '../masking/messages.ts'
import type { MaskingServer } from '../masking/server.ts'
import type { Opening } from '../masking/unmasking.ts'

/** The last thing that a client says before it dies: 'nothing' at all, or all there is. */
export const courses = ['nothing', 'keys', 'dealing', 'masked', 'sketch', 'all'] as const
export type LastWord = (typeof courses)[number]

export interface Carried {
  readonly server: MaskingServer
  readonly hasSketches: boolean
  readonly clients: ReadonlyMap<PeerId, MaskingClient>
  update(of: PeerId): Int32Array
  lastWord(of: PeerId): LastWord
  select(candidates: ReadonlyMap<PeerId, readonly number[]>): readonly PeerId[]
  /** Sees, and may change, what is on its way to the leader. */
  onWay?(kind: string, from: PeerId, bytes: Uint8Array): Uint8Array
}

export interface Traffic {
  up: number
  down: number
}

export type CarriedEnd = {
  opening: Opening | { ok: false; why: string }
  traffic: Map<PeerId, Traffic>
}

export function carry(round: Carried): CarriedEnd {
  const courier = new Courier(round)
  return { opening: courier.all(), traffic: courier.traffic }
}

class Courier {
  readonly traffic = new Map<PeerId, Traffic>()
  readonly #round: Carried

  constructor(round: Carried) {
    this.#round = round
    for (const peer of round.clients.keys()) this.traffic.set(peer, { up: 0, down: 0 })
  }

  all(): Opening | { ok: false; why: string } {
    const { server } = this.#round
    this.#each(
      'keys',
      Keys,
      (client) => client.keys(),
      (from, keys) => server.takeKeys(from, keys),
    )
    const list = server.closeKeys()
    if (!list.ok) return list
    this.#each(
      'dealing',
      Dealing,
      (client, peer) => client.deal(this.#told(peer, KeyList, list.message)),
      (from, dealing) => server.takeDealing(from, dealing),
    )
    const hands = server.closeDealing()
    if (!hands.ok) return hands
    this.#each(
      'masked',
      Masked,
      (client, peer) => {
        const hand = this.#told(peer, Hand, hands.message.get(peer) ?? { shares: [] })
        return client.mask(hand, this.#round.update(peer))
      },
      (from, masked) => server.takeMasked(from, masked),
    )
    return this.#afterMasks()
  }

  #afterMasks(): Opening | { ok: false; why: string } {
    const { server, hasSketches, select } = this.#round
    const roll = server.closeMasked()
    if (!roll.ok) return roll
    if (hasSketches) {
      this.#each(
        'sketch',
        Sketch,
        (client, peer) => client.sketch(this.#told(peer, Roll, roll.message)),
        (from, sketch) => server.takeSketch(from, sketch),
      )
    }
    const selection = server.select(select(server.candidates()))
    if (!selection.ok) return selection
    this.#each(
      'all',
      Reveal,
      (client, peer) => client.reveal(this.#told(peer, Selection, selection.message)),
      (from, reveal) => server.takeReveal(from, reveal),
    )
    return server.open()
  }

  #each<T>(
    step: LastWord,
    schema: Schema<T>,
    say: (client: MaskingClient, peer: PeerId) => Said<T>,
    take: (from: PeerId, message: T) => unknown,
  ): void {
    const { clients, lastWord, onWay } = this.#round
    for (const [peer, client] of clients) {
      if (courses.indexOf(lastWord(peer)) < courses.indexOf(step)) continue
      const said = say(client, peer)
      if (!said.ok) continue
      const bytes = encode(schema, said.message as never)
      this.#counted(peer).up += bytes.length
      const read = decode(schema, onWay?.(step, peer, bytes) ?? bytes)
      if (read.ok) take(peer, read.value)
    }
  }

  #told<T>(peer: PeerId, schema: Schema<T>, message: T): T {
    const bytes = encode(schema, message as never)
    this.#counted(peer).down += bytes.length
    const read = decode(schema, bytes)
    return read.ok ? read.value : message
  }

  #counted(peer: PeerId): Traffic {
    return this.traffic.get(peer) as Traffic
  }
}
