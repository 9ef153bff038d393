/**
 * What this host has of the ledger at the moment: its voter, its copy, or the reason why it has
 * stopped. All of it is replaced when the ledger starts again; whoever asks or waits asks here.
 */

import type { Tenure } from '../../protocol/consensus/core.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LedgerRefusal, StopReason } from '../../protocol/ledger/ledger.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Voter } from '../consensus/voter.ts'
import { type Effect, Replica } from './replica.ts'

export interface StandingSources {
  readonly electionMs: number
  /** Peers with an open connection. */
  connected(): readonly PeerId[]
  /** Whom others take for the leader, when this host hears none itself. */
  rumouredLeader(): PeerId | undefined
  /** There may be something new in the namespaces that agents heed. */
  onHeeded(): void
}

export class Standing {
  readonly id: PeerId
  replica: Replica
  voter: Voter<Effect> | undefined
  stopReason: StopReason | undefined
  /** Others hold another state, and nobody can say yet who is right. */
  suspected = false
  private readonly listeners = new Set<() => void>()
  /** Of those who wait for the copy to move. */
  private readonly followers = new Set<() => void>()
  /** Of those who wait for a leader. */
  private readonly leaderless = new Set<() => void>()
  private readonly sources: StandingSources

  constructor(id: PeerId, sources: StandingSources) {
    this.id = id
    this.sources = sources
    this.replica = this.use(new Replica())
  }

  get state(): LedgerState {
    return this.replica.state
  }

  get leads(): boolean {
    return this.voter?.leads ?? false
  }

  get tenure(): Tenure | undefined {
    return this.stopReason ? undefined : this.voter?.tenure
  }

  /** One that has been silent for an election's time is a memory: who does not vote keeps it for ever. */
  get leader(): PeerId | undefined {
    const { leader, leaderSilentMs = 0 } = this.voter ?? {}
    const isHeard = leaderSilentMs < this.sources.electionMs
    return (isHeard ? leader : undefined) ?? this.sources.rumouredLeader()
  }

  /** Why nothing can be asked here at all. */
  get stopped(): LedgerRefusal | undefined {
    const because = this.stopReason
    return because && { kind: 'refused', why: 'stopped', because }
  }

  noQuorum(): LedgerRefusal {
    const voters = this.voter?.config.voters ?? []
    const connected = new Set([this.id, ...this.sources.connected()])
    const reachable = voters.filter(({ id }) => connected.has(id)).length
    const needed = Math.floor(voters.length / 2) + 1
    return { kind: 'refused', why: 'noQuorum', reachable, needed }
  }

  /** Another copy stands here from now on. */
  use(replica: Replica): Replica {
    this.replica = replica
    replica.onStep = () => this.announce()
    replica.onHeeded = () => this.sources.onHeeded()
    this.announce()
    return replica
  }

  /** Something has changed for those who wait: the copy has moved, or it has all come to an end. */
  announce(): void {
    for (const listener of this.listeners) listener()
    for (const follower of this.followers) follower()
  }

  /** Somebody else leads, or nobody. */
  announceLeader(): void {
    for (const look of [...this.leaderless]) look()
  }

  /** Resolves when that is announced, or after so long: gossip may have told of one meanwhile. */
  leaderMoves(clock: Clock, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        timer.cancel()
        this.leaderless.delete(look)
        resolve()
      }
      const timer = clock.after(waitMs, look)
      this.leaderless.add(look)
    })
  }

  /** Calls after each change, which may come a little late where nobody follows. */
  onChange(listener: () => void): void {
    this.listeners.add(listener)
  }

  /** Somebody waits for the copy to move. */
  get isFollowed(): boolean {
    return this.followers.size > 0
  }

  /** Calls after each change, without delay and never at once, until the returned function is called. */
  follow(follower: () => void): () => void {
    this.followers.add(follower)
    queueMicrotask(() => this.voter?.hurry())
    return () => this.followers.delete(follower)
  }

  /** Resolves at the next change, or when the signal says so. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        forget()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const forget = this.follow(done)
      signal?.addEventListener('abort', done)
    })
  }
}
