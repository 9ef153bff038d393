/**
 * Takes commands to the leader. Those that come while others are on their way travel together, so
 * that a thousand clients of one agent cost the leader a few frames and not a thousand.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { RequestFailure } from '../links/requests.ts'
import type { Calls } from '../requests/calls.ts'
import { appendsPerFrameMax, ledgerLimits } from './limits.ts'
import { APPEND_SERVICE, decodeOutcomes, encodeRequest, type Wanted } from './wire.ts'

interface Waiting extends Wanted {
  readonly deadlineMs: number
  readonly bytes: number
  settle(appended: Appended): void
}

export class Courier {
  private readonly calls: Calls
  private readonly clock: Clock
  private readonly leader: PeerId
  private queue: Waiting[] = []
  private inFlight = 0
  private leaving = false

  constructor(calls: Calls, clock: Clock, leader: PeerId) {
    this.calls = calls
    this.clock = clock
    this.leader = leader
  }

  get idle(): boolean {
    return this.inFlight === 0 && this.queue.length === 0
  }

  /** Settles with what the leader says, or with what is known when it says nothing. */
  take(wanted: Wanted, timeoutMs: number): Promise<Appended> {
    if (this.queue.length >= ledgerLimits.waitingMax)
      return Promise.resolve({ kind: 'refused', why: 'overloaded' })
    return new Promise((settle) => {
      const deadlineMs = this.clock.now() + timeoutMs
      this.queue.push({ ...wanted, deadlineMs, bytes: bytesOf(wanted), settle })
      this.soon()
    })
  }

  /** What is asked in one turn leaves together. */
  private soon(): void {
    if (this.leaving) return
    this.leaving = true
    queueMicrotask(() => {
      this.leaving = false
      while (this.queue.length > 0 && this.inFlight < ledgerLimits.framesInFlightMax) {
        void this.carry(this.nextLoad())
      }
    })
  }

  private nextLoad(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.queue) {
      bytes += waiting.bytes
      if (count > 0 && (bytes > ledgerLimits.frameBytesMax || count >= appendsPerFrameMax)) break
      count++
    }
    return this.queue.splice(0, count)
  }

  private async carry(load: Waiting[]): Promise<void> {
    this.inFlight++
    const lastMs = load.reduce((last, { deadlineMs }) => Math.max(last, deadlineMs), 0)
    const timeoutMs = Math.max(1, lastMs - this.clock.now())
    const request = encodeRequest(load, timeoutMs)
    const answer = await this.calls.ask(this.leader, APPEND_SERVICE, request, timeoutMs)
    this.inFlight--
    const outcomes = answer.ok ? decodeOutcomes(answer.body, load.length) : undefined
    const without = answer.ok ? unknown('leaderLost') : withoutAnswer(answer.code)
    for (const [i, { settle }] of load.entries()) settle(outcomes?.[i] ?? without)
    this.soon()
  }
}

/** What is known of commands that nobody has answered for. */
function withoutAnswer(code: RequestFailure): Appended {
  switch (code) {
    case 'overloaded':
      return { kind: 'refused', why: 'overloaded' }
    // They have not left this host: they may go to another leader.
    case 'unreachable':
      return { kind: 'refused', why: 'notLeader', leader: undefined }
    case 'timedOut':
      return unknown('timedOut')
    default:
      return unknown('leaderLost')
  }
}

function unknown(why: Extract<Appended, { kind: 'unknown' }>['why']): Appended {
  return { kind: 'unknown', why }
}

/** About: what counts is that large values are not gathered without end. */
function bytesOf({ command, proof }: Wanted): number {
  let bytes = 64 + (proof?.length ?? 0)
  for (const part of Object.values(command.value)) {
    if (typeof part === 'string' || part instanceof Uint8Array) bytes += part.length
  }
  return bytes
}
