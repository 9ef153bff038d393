/**
 * What can befall a mesh, as data: a schedule of faults can be drawn, printed, cut down to what is
 * needed and played again. Times are those of the world; every fault ends by itself.
 */
import type { LinkQuality } from '../world/wires.ts'

export type HostFault =
  /** SIGKILL: what was written stays. Started again at the end. */
  | { readonly kind: 'kill'; readonly host: string }
  /** What was not synced is gone, last batches first. */
  | { readonly kind: 'powerLoss'; readonly host: string }
  /** SIGSTOP, or a machine that is migrated. */
  | { readonly kind: 'pause'; readonly host: string }
  | { readonly kind: 'slowDisk'; readonly host: string; readonly factor: number }
  | { readonly kind: 'fullDisk'; readonly host: string }
  /** Loses power, and comes back with one bit changed in what it keeps of the ledger. */
  | { readonly kind: 'rot'; readonly host: string; readonly of: Rot }
  /** Loses power, and comes back with another disk, empty. */
  | { readonly kind: 'newDisk'; readonly host: string }
  /** Its calendar jumps, and jumps back. */
  | { readonly kind: 'calendar'; readonly host: string; readonly byMs: number }

export type WireFault =
  /** Nothing passes from these to those; `both`: nor back. */
  | {
      readonly kind: 'cut'
      readonly from: readonly string[]
      readonly to: readonly string[]
      readonly both: boolean
    }
  /** All wires to and from a host, or all there are, get worse. */
  | { readonly kind: 'weather'; readonly host: string | 'all'; readonly link: Weather }
  /** Connections between two break, as when a firewall forgets them. */
  | { readonly kind: 'reset'; readonly one: string; readonly other: string }

/** What happens in the life of a voter, for which a fault can lie in wait. */
export type Moment =
  | 'stands'
  | 'leads'
  | 'votes'
  | 'acknowledges'
  | 'proposes'
  | 'reconfigures'
  | 'compacts'
  | 'installs'

/** What happens in the life of an attempt: at its agent, and at the leader at the same time. */
export type WorkMoment =
  /** The leader has it in the ledger, and has not sent it. */
  | 'assigns'
  /** Sent, and about to be written down. */
  | 'takes'
  /** Written down, and about to be started. */
  | 'starts'
  /** It runs. */
  | 'runs'
  /** It has ended, and the agent has not heard of it. */
  | 'ends'
  /** Its end is about to be written down, and then told. */
  | 'tells'
  /** The leader has its end in the ledger, and has not said so. */
  | 'commits'

/** `isolate`: cut off from all others. `transfer` and `change`: as an operator would, at the leader. */
export type Blow = 'kill' | 'powerLoss' | 'pause' | 'isolate' | 'transfer' | 'change'

export type MeshFault =
  | { readonly kind: 'blackout' }
  /** Clients are in a hurry. */
  | { readonly kind: 'rush' }
  /** Whoever leads is asked every so often to hand over, or to change who votes. */
  | { readonly kind: 'meddling'; readonly what: 'transfer' | 'change'; readonly everyMs: number }
  /** It befalls a host right after that moment, in so many cases of all. */
  | {
      readonly kind: 'ambush'
      readonly on: Moment | WorkMoment
      /** Before anything follows from it; otherwise after `afterMs`. */
      readonly atOnce?: boolean
      readonly blow: Blow
      readonly share: number
      readonly afterMs: number
      readonly holdMs: number
    }

export type Trouble = HostFault | WireFault | MeshFault

export type Fault = Trouble & { readonly atMs: number; readonly forMs: number }

/** Which record loses its bit. */
export type Rot = 'log' | 'hard' | 'snapshot' | 'chunk' | 'identity'

export type Weather = Partial<
  Pick<LinkQuality, 'latencyMs' | 'jitterMs' | 'loss' | 'bytesPerSecond'>
>

export function describeFault(fault: Fault): string {
  const lasting = fault.forMs > 0 ? ` for ${(fault.forMs / 1_000).toFixed(1)} s` : ''
  return `${whatOf(fault)}${lasting}`
}

function whatOf(fault: Fault): string {
  switch (fault.kind) {
    case 'cut': {
      const arrow = fault.both ? '⇹' : '⇸'
      return `cut ${fault.from.join(',')} ${arrow} ${fault.to.join(',')}`
    }
    case 'weather':
      return `weather at ${fault.host}: ${Object.entries(fault.link)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`
    case 'reset':
      return `reset ${fault.one} ↯ ${fault.other}`
    case 'blackout':
      return 'all lose power'
    case 'rush':
      return 'clients are in a hurry'
    case 'meddling':
      return `${fault.what} every ${Math.round(fault.everyMs)} ms`
    case 'ambush': {
      const { on, blow, share, afterMs, holdMs, atOnce } = fault
      const hold = `for ${Math.round(holdMs)} ms`
      const when = atOnce ? 'as soon as' : `${Math.round(afterMs)} ms after`
      return `${blow} ${hold} ${when} somebody ${on}, in ${Math.round(share * 100)}%`
    }
    case 'slowDisk':
      return `disk of ${fault.host} ${fault.factor} times slower`
    case 'fullDisk':
      return `disk of ${fault.host} full`
    case 'rot':
      return `${fault.host} loses power, and one bit of its ${fault.of}`
    case 'newDisk':
      return `${fault.host} loses power, and gets a new disk`
    case 'calendar':
      return `calendar of ${fault.host} ${fault.byMs > 0 ? '+' : ''}${Math.round(fault.byMs / 1_000)} s`
    case 'powerLoss':
      return `${fault.host} loses power`
    default:
      return `${fault.kind} ${fault.host}`
  }
}
