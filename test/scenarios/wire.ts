/** Messages on their way: in the order of their sending, until a command delivers or loses them. */
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import { RaftFrame as RaftFrameSchema } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'

export interface Travelling {
  readonly from: PeerId
  readonly to: PeerId
  readonly frame: RaftFrame
}

export interface Selection {
  readonly to: PeerId
  readonly from?: PeerId
  readonly kind?: string
  readonly countMax?: number
  /** So many of the chosen ones stay behind: whatever comes after them overtakes them. */
  readonly skip?: number
}

export class Wire {
  private travelling: Travelling[] = []
  private readonly cuts = new Set<string>()

  /** As bytes and back: what arrives shares nothing with what was sent. */
  send(from: PeerId, to: PeerId, frame: RaftFrame): void {
    const decoded = decode(RaftFrameSchema, encode(RaftFrameSchema, frame))
    if (!decoded.ok) throw new Error(`a message that cannot be read: ${decoded.why}`)
    this.travelling.push({ from, to, frame: decoded.value })
  }

  has({ to }: Selection): boolean {
    return this.travelling.some((message) => message.to === to)
  }

  /** `keep`: copies of them go on travelling. */
  take(selection: Selection, keep = false): Travelling[] {
    const { to, from, kind, countMax = Number.POSITIVE_INFINITY } = selection
    const taken: Travelling[] = []
    let toSkip = selection.skip ?? 0
    const left = this.travelling.filter((message) => {
      const chosen =
        taken.length < countMax &&
        message.to === to &&
        (from === undefined || message.from === from) &&
        (kind === undefined || message.frame.kind === kind)
      if (!chosen || toSkip-- > 0) return true
      taken.push(message)
      return keep
    })
    this.travelling = left
    return taken
  }

  cut(a: PeerId, b: PeerId): void {
    this.cuts.add(`${a} ${b}`).add(`${b} ${a}`)
  }

  isCut({ from, to }: Travelling): boolean {
    return this.cuts.has(`${from} ${to}`)
  }

  heal(): void {
    this.cuts.clear()
  }
}
