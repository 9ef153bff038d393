/** What one step of the core puts out: frames to send, events to tell, and complaints about peers. */
import type { PeerId } from '../identity/peer-id.ts'
import type { MembershipFrame } from './messages.ts'
import type { MemberState } from './roster.ts'

export type MembershipEvent =
  | { kind: MemberState; id: PeerId; incarnation: number; by: PeerId; firstTime: boolean }
  | { kind: 'refuted'; incarnation: number; by: PeerId }
  | { kind: 'profile'; id: PeerId; firstTime: boolean }
  | { kind: 'reaped'; id: PeerId }
  | { kind: 'slept'; ms: number }
  /** Someone else signs with this node's key: the data directory was copied. */
  | { kind: 'identityClash' }

export type PeerFault = 'forgedDigest' | 'garbledDigest'

export interface Output {
  sends: { to: PeerId; frame: MembershipFrame }[]
  events: MembershipEvent[]
  faults: { peer: PeerId; why: PeerFault }[]
  /** Whom others reach and this node does not hear: its own connection there is of no use. */
  unheard: PeerId[]
}

export class Outbox {
  /** What was heard and passed over, by reason. */
  readonly ignored: Record<string, number> = {}
  private output: Output = { sends: [], events: [], faults: [], unheard: [] }

  send(to: PeerId, frame: MembershipFrame): void {
    this.output.sends.push({ to, frame })
  }

  event(event: MembershipEvent): void {
    this.output.events.push(event)
  }

  fault(peer: PeerId, why: PeerFault): void {
    this.output.faults.push({ peer, why })
  }

  unheard(peer: PeerId): void {
    this.output.unheard.push(peer)
  }

  ignore(why: string): void {
    this.ignored[why] = (this.ignored[why] ?? 0) + 1
  }

  take(): Output {
    const taken = this.output
    this.output = { sends: [], events: [], faults: [], unheard: [] }
    return taken
  }
}
