/**
 * A connection between two hosts, and the parcels that travel on it: in order, each way, as on one
 * TCP connection. The two ends live and die by themselves, so one can be gone while the other has
 * not heard of it yet.
 */
import type { Purpose, UnreachableCode } from '../../protocol/ports/network.ts'
import { HostEvent } from './event.ts'
import type { Host } from './host.ts'
import { tcp } from './limits.ts'
import type { SimulatedNetwork } from './network.ts'
import type { SimulatedStream } from './stream.ts'
import type { TopicNote } from './topics.ts'
import type { EventKind } from './trace.ts'
import { hashOfBytes, hashOfText } from './trace.ts'
import type { Wire } from './wires.ts'

/** What a parcel says. */
export type Word =
  | { kind: 'hello' }
  | { kind: 'welcome' }
  | { kind: 'ready' }
  | { kind: 'reset'; code: UnreachableCode }
  | { kind: 'openStream'; stream: SimulatedStream; purpose: Purpose }
  | { kind: 'acceptStream'; stream: SimulatedStream; far: SimulatedStream }
  | { kind: 'refuseStream'; stream: SimulatedStream; code: UnreachableCode }
  | { kind: 'frame'; stream: SimulatedStream; frame: Uint8Array; again: boolean }
  | { kind: 'credit'; stream: SimulatedStream; bytes: number }
  | { kind: 'endStream'; stream: SimulatedStream; aborted: boolean }
  | { kind: 'note'; note: TopicNote }

export type EndState = 'new' | 'connecting' | 'open' | 'closed'

/** One host's end. */
export class End {
  readonly host: Host
  readonly dialled: boolean
  other!: End
  state: EndState = 'new'
  /** Of the life that this end belongs to. */
  network: SimulatedNetwork | undefined
  readonly streams = new Set<SimulatedStream>()
  /** Called once, on the end that dialled: undefined when connected. */
  onDialled: ((failure: UnreachableCode | undefined) => void) | undefined
  private readonly out: Wire
  private lastArrivalMs = 0
  private said = 0
  /** What waits to be sent again, in order, because the way was cut. */
  private held: Parcel[] = []
  private retransmitMs = 0

  constructor(host: Host, peer: Host, dialled: boolean) {
    this.host = host
    this.dialled = dialled
    this.out = host.world.wires.between(host, peer)
  }

  /** True when nothing can have been answered since then, or nobody is there to answer. */
  silentSince(sinceMs: number): boolean {
    const { other, out } = this
    const cutSinceMs = Math.min(out.cutSinceMs ?? Infinity, other.out.cutSinceMs ?? Infinity)
    return cutSinceMs <= sinceMs || other.host.state === 'off' || other.state === 'closed'
  }

  say(word: Word, bytes: number): void {
    if (this.state === 'closed' && word.kind !== 'reset') return
    const parcel = new Parcel(this, word, bytes + tcp.overheadBytes, this.said++)
    this.network?.countSent(parcel.bytes)
    this.transmit(parcel)
    if (word.kind === 'frame' && !word.again && this.out.chance(this.out.quality.duplicates)) {
      this.say({ ...word, again: true }, bytes)
    }
  }

  transmit(parcel: Parcel): void {
    const { out } = this
    if (out.cut || this.held.length > 0) return this.fate(parcel)
    const { scheduler } = this.host.world
    const { nowMs } = scheduler
    let arrivalMs = nowMs + out.transitMs(parcel.bytes, nowMs)
    if (out.quality.loss > 0) {
      if (parcel.mayVanish) {
        if (out.chance(out.quality.loss)) return parcel.vanish()
      } else {
        arrivalMs += out.retransmissionMs()
      }
    }
    if (parcel.mayVanish && out.chance(out.quality.reorders)) {
      // Late, and without holding up those behind it.
      arrivalMs += out.transitMs(0, nowMs)
    } else if (arrivalMs < this.lastArrivalMs) {
      arrivalMs = this.lastArrivalMs
    } else {
      this.lastArrivalMs = arrivalMs
    }
    scheduler.schedule(parcel, arrivalMs)
  }

  /** Of a parcel that met a cut. */
  fate(parcel: Parcel): void {
    if (parcel.mayVanish && this.out.cut) return parcel.vanish()
    this.held.push(parcel)
    if (this.held.length > 1) return
    this.retransmitMs = tcp.retransmitFirstMs
    this.retryLater()
  }

  get cut(): boolean {
    return this.out.cut
  }

  get drops(): boolean {
    return this.out.quality.lossMode === 'drop'
  }

  /** Forgets what was not sent. What is on its way arrives. */
  close(): void {
    this.state = 'closed'
    this.onDialled = undefined
    // A farewell that is held up is all that a closed end still has to say.
    this.held = this.held.filter((parcel) => parcel.word.kind === 'reset')
  }

  /** Closes without a word beyond that nobody is here. */
  refuse(): void {
    this.close()
    this.say({ kind: 'reset', code: 'refused' }, 0)
  }

  private retryLater(): void {
    const { world } = this.host
    world.plan(this.retransmitMs, 'wire', `retransmit from ${this.host.name}`, () => {
      if (this.out.cut) {
        this.retransmitMs = Math.min(2 * this.retransmitMs, tcp.retransmitMostMs)
        if (this.host.state === 'off') this.held = []
        if (this.held.length > 0) this.retryLater()
        return
      }
      // Those that were on their way when the cut came were said before those that never left.
      const held = this.held.sort((a, b) => a.order - b.order)
      this.held = []
      for (const parcel of held) this.transmit(parcel)
    })
  }
}

export function connect(from: Host, to: Host): End {
  const near = new End(from, to, true)
  const far = new End(to, from, false)
  near.other = far
  far.other = near
  return near
}

const kindOf: Record<Word['kind'], EventKind> = {
  hello: 'connect',
  welcome: 'connect',
  ready: 'connect',
  reset: 'connect',
  openStream: 'stream',
  acceptStream: 'stream',
  refuseStream: 'stream',
  frame: 'frame',
  credit: 'stream',
  endStream: 'stream',
  note: 'topic',
}

export class Parcel extends HostEvent {
  readonly from: End
  readonly word: Word
  readonly bytes: number
  /** Among those of its end. */
  readonly order: number
  /** In the receiving machine's buffers, where no cut reaches it. */
  private arrived = false

  constructor(from: End, word: Word, bytes: number, order: number) {
    super(from.other.host)
    this.from = from
    this.word = word
    this.bytes = bytes
    this.order = order
  }

  get kind(): EventKind {
    return kindOf[this.word.kind]
  }

  get mayVanish(): boolean {
    const { kind } = this.word
    return (kind === 'frame' || kind === 'note') && this.from.drops
  }

  /** It is on nobody's account any more. */
  vanish(): void {
    const { word } = this
    if (word.kind === 'frame' && !word.again) word.stream.twin?.vanished(word.frame.length)
  }

  /** Parcels outlive programs: the machine answers for those that are gone. */
  override isOverFor(): boolean {
    return false
  }

  override fire(): void {
    const { from, host } = this
    if (!this.arrived && from.cut) return from.fate(this)
    if (host.state === 'off') return
    this.arrived = true
    if (host.state === 'paused') this.park()
    else this.reach()
  }

  protected happen(): void {
    const { from, word } = this
    const end = from.other
    if (end.state === 'new' && word.kind === 'hello') return this.greet(end)
    if (end.state === 'closed' || end.state === 'new') {
      if (word.kind !== 'reset') end.say({ kind: 'reset', code: 'refused' }, 0)
      return
    }
    end.network?.heard(end, word, this.bytes)
  }

  protected describe(): string {
    const { word, from } = this
    const bytes = word.kind === 'frame' ? ` ${word.frame.length} bytes` : ''
    const stream = 'stream' in word ? ` ${word.stream.purpose}` : ''
    return `${word.kind}${stream}${bytes} from ${from.host.name}`
  }

  protected payload(): number {
    const { word, from } = this
    if (word.kind === 'frame') return hashOfBytes(word.frame) ^ from.host.index
    if (word.kind === 'note') return hashOfBytes(word.note.message.data) ^ from.host.index
    return hashOfText(word.kind) ^ from.host.index
  }

  private greet(end: End): void {
    const { network } = this.host
    if (network !== undefined) return network.greeted(end)
    // The machine answers for a program that does not run.
    end.refuse()
  }
}
