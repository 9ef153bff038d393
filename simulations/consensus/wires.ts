/** The network between voters: it delays, loses, doubles and reorders, and is cut in either direction. */
import { RaftFrame } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { SeededEntropy } from '../world/entropy.ts'

export interface Weather {
  loss: number
  doubling: number
  delayMinMs: number
  delayMaxMs: number
  /** Some messages take this long, so that they arrive in another time. */
  strayMs: number
  strays: number
  diskMinMs: number
  diskMaxMs: number
}

export const calm: Weather = {
  loss: 0,
  doubling: 0,
  delayMinMs: 1,
  delayMaxMs: 3,
  strayMs: 0,
  strays: 0,
  diskMinMs: 1,
  diskMaxMs: 2,
}

export class Wires {
  weather: Weather
  /** Directed pairs that are cut, as `from>to`. */
  readonly cuts = new Set<string>()
  readonly #chance: SeededEntropy
  readonly #after: (takesMs: number, act: () => void) => void
  readonly #arrived: (from: PeerId, to: PeerId, frame: RaftFrame) => void

  constructor(
    weather: Weather,
    chance: SeededEntropy,
    after: (takesMs: number, act: () => void) => void,
    arrived: (from: PeerId, to: PeerId, frame: RaftFrame) => void,
  ) {
    this.weather = weather
    this.#chance = chance
    this.#after = after
    this.#arrived = arrived
  }

  /** Lets a message travel, as if `from` had sent it now. */
  inject(from: PeerId, to: PeerId, frame: RaftFrame): void {
    const { loss, doubling, delayMinMs, delayMaxMs, strays, strayMs } = this.weather
    if (this.cuts.has(`${from}>${to}`) || this.#chance.unit() < loss) return
    const bytes = encode(RaftFrame, frame)
    for (let copies = this.#chance.unit() < doubling ? 2 : 1; copies > 0; copies--) {
      let takes = delayMinMs + (delayMaxMs - delayMinMs) * this.#chance.unit()
      if (strays > 0 && this.#chance.unit() < strays) takes += strayMs * this.#chance.unit()
      this.#after(takes, () => this.#deliver(from, to, bytes))
    }
  }

  /** How long it takes until others notice that a host went or came; undefined where they do not. */
  noticedAfter(): number | undefined {
    if (this.#chance.unit() < 0.2) return undefined
    return this.weather.delayMaxMs * this.#chance.unit()
  }

  #deliver(from: PeerId, to: PeerId, bytes: Uint8Array): void {
    if (this.cuts.has(`${from}>${to}`)) return
    const decoded = decode(RaftFrame, bytes)
    if (!decoded.ok) throw new Error(`a frame that cannot be read: ${decoded.why}`)
    this.#arrived(from, to, decoded.value)
  }
}
