/**
 * What a simulated host does about swarm keys: it keeps them over its lives, and says whom it could
 * meet. The connections of the simulated network rest on none.
 */
import type { TakenSwarmKeys } from '../../agent/network/swarm-keys.ts'
import { type SwarmDoor, takenOf } from '../../coordinator/swarm/hold.ts'
import type { HeldSwarmKey } from '../../coordinator/swarm/steps.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

export class SimulatedSwarmDoor implements SwarmDoor {
  kept: HeldSwarmKey
  taken: TakenSwarmKeys
  /** Every key that it has dialled with, in order. */
  readonly dialled: Uint8Array[]
  /** Connections that are left to be made anew when a newer key is dialled with. */
  older: PeerId[] = []
  /** A full or failing disk. */
  isBroken = false

  constructor(key: Uint8Array) {
    this.kept = { madeMs: 0, step: 'alone', key }
    this.taken = takenOf(this.kept)
    this.dialled = [key]
  }

  keep(held: HeldSwarmKey): Promise<void> {
    if (this.isBroken) return Promise.reject(new Error('the disk takes nothing'))
    this.kept = held
    return Promise.resolve()
  }

  take(taken: TakenSwarmKeys): void {
    this.taken = taken
    this.dialled.push(taken.dialled)
  }

  dialledOnOlderKey(): PeerId[] {
    return this.older
  }

  renew(peer: PeerId): Promise<void> {
    this.older = this.older.filter((each) => each !== peer)
    return Promise.resolve()
  }

  /** Whether the one can make a connection to the other. */
  reaches({ taken }: SimulatedSwarmDoor): boolean {
    return this.taken.keys.some((own) => taken.keys.some((key) => Buffer.compare(own, key) === 0))
  }
}
