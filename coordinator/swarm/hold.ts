/**
 * The swarm key on this host: goes over to another one as whoever leads says, a step at a time, and
 * makes its connections anew, one after another. Each step is on disk before it is taken, so that an
 * agent which is started again in the middle goes on from there.
 */

import type { TakenSwarmKeys } from '../../agent/network/swarm-keys.ts'
import { assert } from '../../protocol/assert.ts'
import { swarmKeyBytes } from '../../protocol/identity/limits.ts'
import type { PeerId, Signer } from '../../protocol/identity/peer-id.ts'
import { type SealingKey, sealingKeyOf } from '../../protocol/identity/sealing.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { swarmLimits } from './limits.ts'
import {
  dialledOf,
  type HeldSwarmKey,
  type SwarmReport,
  type SwarmStep,
  swarmSteps,
} from './steps.ts'
import { aboutTold } from './wire.ts'

/** What a host can do about its connections and its disk. */
export interface SwarmDoor {
  take(taken: TakenSwarmKeys): void
  /** Peers that this host has dialled, and is connected to by an older key than the newest. */
  dialledOnOlderKey(): PeerId[]
  renew(peer: PeerId, signal: AbortSignal): Promise<void>
  /** Resolves when it is on disk. */
  keep(held: HeldSwarmKey): Promise<void>
}

export interface Come {
  madeMs: number
  step: SwarmStep
  /** Sealed to this host, where it had said that it lacks it. */
  sealed?: Uint8Array | undefined
}

export class SwarmHold {
  readonly #ports: { clock: Clock; log: Log }
  readonly #door: SwarmDoor
  readonly #own: () => SealingKey
  #held: HeldSwarmKey
  /** Orders are followed one after another. */
  #last: Promise<unknown> = Promise.resolve()
  #renewing = false
  #stopped = new AbortController()

  constructor(
    ports: { clock: Clock; log: Log },
    signer: Signer,
    door: SwarmDoor,
    held: HeldSwarmKey,
  ) {
    this.#ports = { clock: ports.clock, log: ports.log.child('swarm') }
    this.#door = door
    this.#held = held
    let own: SealingKey | undefined
    this.#own = () => {
      own ??= sealingKeyOf(signer)
      return own
    }
  }

  get held(): HeldSwarmKey {
    return this.#held
  }

  /** With which peers are dialled: every host takes it. */
  get dialled(): Uint8Array {
    return dialledOf(this.#held)
  }

  get sealing(): Uint8Array {
    return this.#own().publicKey
  }

  get report(): SwarmReport {
    const { madeMs, step } = this.#held
    return { madeMs, step, older: this.#door.dialledOnOlderKey().length }
  }

  start(): void {
    this.#stopped = new AbortController()
    void this.#renewAll()
  }

  stop(): void {
    this.#stopped.abort()
  }

  /** Never goes back. Rejects when it cannot be kept. */
  come(order: Come): Promise<void> {
    const followed = this.#last.then(() => this.#follow(order))
    this.#last = followed.catch(() => {})
    return followed
  }

  async #follow(order: Come): Promise<void> {
    const next = this.#after(order)
    if (next !== undefined) {
      await this.#door.keep(next)
      this.#held = next
      this.#door.take(takenOf(next))
      const { madeMs, step } = next
      this.#ports.log.info('swarm key', { madeMs, step })
    }
    void this.#renewAll()
  }

  #after({ madeMs, step, sealed }: Come): HeldSwarmKey | undefined {
    const held = this.#held
    if (madeMs < held.madeMs) return undefined
    if (madeMs === held.madeMs) {
      if (swarmSteps[step] <= swarmSteps[held.step]) return undefined
      return lawful({ ...held, step })
    }
    const key = sealed && this.#own().open(sealed, aboutTold(madeMs))
    if (key?.length !== swarmKeyBytes) return undefined
    // A host that was let in meanwhile may have come with the new one.
    const was = Buffer.compare(held.key, key) === 0 ? {} : { was: held.key }
    return lawful({ madeMs, step, key, ...was })
  }

  async #renewAll(): Promise<void> {
    if (this.#renewing || this.#held.step === 'taken') return
    this.#renewing = true
    try {
      for (const peer of this.#door.dialledOnOlderKey()) {
        if (this.#stopped.signal.aborted) return
        await this.#renew(peer)
        await this.#pause(swarmLimits.renewPauseMs)
      }
    } finally {
      this.#renewing = false
    }
  }

  /** One that does not succeed is tried again when the leader asks next. */
  async #renew(peer: PeerId): Promise<void> {
    const deadline = new AbortController()
    const timer = this.#ports.clock.after(swarmLimits.renewMs, () => deadline.abort())
    const signal = AbortSignal.any([deadline.signal, this.#stopped.signal])
    try {
      await this.#door.renew(peer, signal)
    } catch (error) {
      const why = messageOf(error)
      this.#ports.log.warn('a connection is not renewed', { peer, why })
    } finally {
      timer.cancel()
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.after(ms, resolve))
  }
}

export function takenOf(held: HeldSwarmKey): TakenSwarmKeys {
  const keys = held.was === undefined ? [held.key] : [held.was, held.key]
  return { keys, dialled: dialledOf(held) }
}

/** What is no more taken is no more held either. */
function lawful({ madeMs, step, key, was }: HeldSwarmKey): HeldSwarmKey {
  assert(key.length === swarmKeyBytes, 'a swarm key has 32 bytes')
  const isTaken = was !== undefined && step !== 'alone'
  return { madeMs, step, key, ...(isTaken ? { was } : {}) }
}
