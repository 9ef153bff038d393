/**
 * Sends the end of what running attempts write to two other hosts, who keep it for the case that
 * this one dies. Only what has run for a while and has said something new is sent, many attempts in
 * one question, and no more than so much at each look, so that a flood of short attempts costs
 * nothing and a flood of words little. When what came of an attempt is committed its copies go.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../../protocol/ports/clock.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import type { Calls } from '../../requests/calls.ts'
import { copyLimits } from '../limits.ts'
import { rankedKeepers } from './copy-keepers.ts'
import { COPY_SERVICE, CopyAnswer, CopyFrame, type CopyUnwanted } from './copy-wire.ts'
import type { OpenLog } from './log-shelf.ts'

export interface Shipper {
  /** Others that may keep copies: alive, as far as is known here. */
  peers(): readonly PeerId[]
  /** Whether it was taken. */
  ship(to: PeerId, frame: CopyFrame): Promise<boolean>
}

export function shipperBy(calls: Pick<Calls, 'ask'>, peers: Shipper['peers']): Shipper {
  return {
    peers,
    ship: async (to, frame) => {
      const body = encode(CopyFrame, frame)
      const answer = await calls.ask(to, COPY_SERVICE, body, copyLimits.askMs)
      const read = answer.ok ? decode(CopyAnswer, answer.body) : undefined
      return read?.ok === true && read.value.taken
    },
  }
}

/** What was sent of one attempt. */
interface Shipped extends CopyUnwanted {
  /** By who keeps it: up to which place. Undefined: nothing yet. */
  readonly upTo: Map<PeerId, number | undefined>
  lookedMs: number
}

interface Load {
  readonly frame: CopyFrame
  readonly onTaken: (() => void)[]
}

export class LogShipping {
  readonly #clock: Clock
  readonly #shipper: Shipper
  readonly #open: () => Iterable<OpenLog>
  /** By the attempt's name. */
  readonly #shipped = new Map<string, Shipped>()
  readonly #unwanted = new Map<PeerId, CopyUnwanted[]>()
  /** They have not answered yet. */
  readonly #asked = new Set<PeerId>()
  #timer: Timer | undefined
  #isOver = false

  constructor(clock: Clock, shipper: Shipper, open: () => Iterable<OpenLog>) {
    this.#clock = clock
    this.#shipper = shipper
    this.#open = open
  }

  /** An attempt has begun to write: from now on, until none does. */
  begin(): void {
    if (this.#isOver) return
    this.#timer ??= this.#clock.every(copyLimits.lookMs, () => this.#look())
  }

  /** For good: what ends from here on is not told to anybody. */
  stop(): void {
    this.#isOver = true
    this.#rest()
  }

  /** What came of it is committed, or will never be. */
  forget(name: string): void {
    const shipped = this.#shipped.get(name)
    if (shipped === undefined) return
    this.#shipped.delete(name)
    const { id, fence, upTo } = shipped
    for (const keeper of upTo.keys()) {
      const list = this.#unwanted.get(keeper) ?? []
      // Beyond, they go where they are kept when they are old.
      if (list.length < copyLimits.unwantedPerFrame) list.push({ id, fence })
      this.#unwanted.set(keeper, list)
    }
    this.begin()
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #look(): void {
    const open = [...this.#open()]
    const peers = this.#shipper.peers()
    const loads = new Map<PeerId, Load>()
    this.#loadUnwanted(peers, loads)
    let room: number = copyLimits.bytesPerLook
    for (const one of this.#due(open)) {
      if (room <= 0) break
      room -= this.#loadPieces(one, peers, loads)
    }
    for (const [peer, load] of loads) void this.#send(peer, load)
    if (open.length === 0 && this.#unwanted.size === 0 && loads.size === 0) this.#rest()
  }

  /** Of those that have run for a while; who was looked at longest ago goes first. */
  #due(open: readonly OpenLog[]): OpenLog[] {
    const nowMs = this.#clock.now()
    const lookedMs = ({ name }: OpenLog): number => this.#shipped.get(name)?.lookedMs ?? -1
    return open
      .filter(({ openedMs, log }) => nowMs - openedMs >= copyLimits.fromMs && log.totalBytes > 0)
      .sort((a, b) => lookedMs(a) - lookedMs(b))
  }

  /** How many bytes of it go now. */
  #loadPieces(one: OpenLog, peers: readonly PeerId[], loads: Map<PeerId, Load>): number {
    const { id, fence, log } = one
    const shipped = this.#shippedOf(one, peers)
    shipped.lookedMs = this.#clock.now()
    let loaded = 0
    for (const [keeper, upTo] of shipped.upTo) {
      if (upTo === log.totalBytes || this.#asked.has(keeper)) continue
      const load = loadFor(keeper, loads, this.#clock)
      if (load.frame.pieces.length >= copyLimits.piecesPerFrame) continue
      const { at, bytes } = log.since(upTo ?? 0, copyLimits.pieceBytesMax)
      const anew = upTo === undefined ? { anew: true } : {}
      load.frame.pieces.push({ id, fence, at, bytes, ...anew })
      load.onTaken.push(() => shipped.upTo.set(keeper, at + bytes.length))
      loaded += bytes.length
    }
    return loaded
  }

  /** With its keepers: the same as long as they are alive, and others for those who are not. */
  #shippedOf({ name, id, fence }: OpenLog, peers: readonly PeerId[]): Shipped {
    const known = this.#shipped.get(name)
    const shipped = known ?? { id, fence, upTo: new Map(), lookedMs: -1 }
    if (known === undefined) this.#shipped.set(name, shipped)
    for (const keeper of shipped.upTo.keys()) {
      if (!peers.includes(keeper)) shipped.upTo.delete(keeper)
    }
    if (shipped.upTo.size >= Math.min(copyLimits.keepers, peers.length)) return shipped
    for (const keeper of rankedKeepers(id, peers)) {
      if (shipped.upTo.size === copyLimits.keepers) break
      if (!shipped.upTo.has(keeper)) shipped.upTo.set(keeper, undefined)
    }
    return shipped
  }

  #loadUnwanted(peers: readonly PeerId[], loads: Map<PeerId, Load>): void {
    for (const [keeper, list] of this.#unwanted) {
      if (this.#asked.has(keeper)) continue
      this.#unwanted.delete(keeper)
      // Whoever is gone for now keeps it until it is old.
      if (peers.includes(keeper)) loadFor(keeper, loads, this.#clock).frame.unwanted.push(...list)
    }
  }

  async #send(peer: PeerId, { frame, onTaken }: Load): Promise<void> {
    this.#asked.add(peer)
    const isTaken = await this.#shipper.ship(peer, frame)
    this.#asked.delete(peer)
    if (isTaken) for (const tell of onTaken) tell()
  }
}

function loadFor(peer: PeerId, loads: Map<PeerId, Load>, clock: Clock): Load {
  const known = loads.get(peer)
  if (known !== undefined) return known
  const frame = { sentAtMs: Math.max(0, Math.round(clock.wall())), pieces: [], unwanted: [] }
  const load: Load = { frame, onTaken: [] }
  loads.set(peer, load)
  return load
}
