/**
 * Brings in what a manifest leads to, asking one holder after the other, and round again after a
 * pause. Who is silent is asked again; who has it not, or serves what is wrong, is not.
 */
import type { Blob, ContentHash } from '../../protocol/artifacts/hashes.ts'
import {
  type ArtifactManifest,
  blobsOf,
  decodeManifest,
} from '../../protocol/artifacts/manifest.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { type Network, Unreachable } from '../../protocol/ports/network.ts'
import { Turns } from '../../protocol/turns.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { Holder, HolderRefused, HolderWrong } from './asking.ts'
import { ArtifactError, refuseAborted } from './errors.ts'
import { StreamOver } from './frames.ts'
import { fetchLimits as limits } from './limits.ts'
import type { Transfer } from './transfer.ts'

export interface FetchingPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  blobs: Blobs
}

/** A peer has served what it should not have. */
export interface ArtifactVerdict {
  peer: PeerId
  why: string
}

export interface Manifest {
  hash: ContentHash
  encoded: Uint8Array
  manifest: ArtifactManifest
  blobs: Blob[]
}

/** Whom a fetch may ask. Those who have failed for good are taken out. */
interface Candidates {
  left: Set<PeerId>
  /** What each said or did last, for the error. */
  told: Map<PeerId, string>
  /** None of them was merely silent, busy or away. */
  allDefinite: boolean
}

export class Fetching {
  readonly #ports: FetchingPorts
  readonly #hello: Hello
  readonly #onVerdict: (verdict: ArtifactVerdict) => void
  readonly #entropy: Entropy
  readonly #turns = new Turns(limits.fetchesAtOnce)
  /** Peers that have served wrong bytes, until when they are asked last. */
  readonly #distrusted = new Map<PeerId, number>()
  /** How often somebody has served what was not asked for, since the start. */
  wrong = 0

  constructor(ports: FetchingPorts, hello: Hello, onVerdict: (verdict: ArtifactVerdict) => void) {
    this.#ports = ports
    this.#hello = hello
    this.#onVerdict = onVerdict
    this.#entropy = ports.entropy.stream('artifacts')
  }

  /** The manifest of this name, from whoever has it. */
  async manifest(
    hash: ContentHash,
    holders: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<Manifest> {
    let found: Manifest | undefined
    await this.#untilDone(`the list of files ${hash}`, holders, signal, async (holder) => {
      const encoded = await holder.manifest(hash)
      if ((await this.#ports.blobs.digest(encoded)) !== hash) {
        throw new HolderWrong(`it served something else for the list of files ${hash}`)
      }
      const manifest = decodeManifest(encoded)
      if (typeof manifest === 'string') {
        throw new ArtifactError('lost', `the list of files ${hash} is none: ${manifest}`)
      }
      found = { hash, encoded, manifest, blobs: blobsOf(manifest) }
    })
    return found as Manifest
  }

  /** Says who has served something. */
  async contents(
    transfer: Transfer,
    holders: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<PeerId[]> {
    const served = new Set<PeerId>()
    const all = holders.slice(0, limits.holdersMax)
    if (all.every((peer) => peer === this.#ports.network.self)) await transfer.lookHere()
    if (transfer.done) return []
    const ask = async (holder: Holder, peer: PeerId): Promise<void> => {
      const before = transfer.receivedBytes
      try {
        await transfer.from(holder)
      } finally {
        if (transfer.receivedBytes > before) served.add(peer)
      }
    }
    await this.#untilDone('artifacts', all, signal, ask, () => transfer.receivedBytes)
    return [...served]
  }

  /** `progress` grows whenever something came: then the patience begins anew. */
  async #untilDone(
    what: string,
    holders: readonly PeerId[],
    signal: AbortSignal,
    ask: (holder: Holder, peer: PeerId) => Promise<void>,
    progress: () => number = () => 0,
  ): Promise<void> {
    const candidates = this.#candidates(holders)
    let pauseMs = limits.roundPauseMs
    for (let round = 1; candidates.left.size > 0; round++) {
      const before = progress()
      for (const peer of this.#inOrder(candidates.left)) {
        refuseAborted(signal)
        const asked = () => this.#askOne(peer, candidates, signal, ask)
        if (await this.#turns.with(asked)) return
      }
      if (progress() > before) {
        round = 1
        pauseMs = limits.roundPauseMs
      }
      if (round >= limits.roundsMax || candidates.left.size === 0) break
      await this.#pause(pauseMs, signal)
      pauseMs *= 2
    }
    throw unavailable(what, candidates)
  }

  /** True when it has given everything that was asked. */
  async #askOne(
    peer: PeerId,
    candidates: Candidates,
    signal: AbortSignal,
    ask: (holder: Holder, peer: PeerId) => Promise<void>,
  ): Promise<boolean> {
    let holder: Holder | undefined
    const abort = () => holder?.abort()
    signal.addEventListener('abort', abort)
    try {
      holder = await Holder.open(this.#ports, peer, this.#hello, signal)
      await ask(holder, peer)
      holder.close()
      return true
    } catch (error) {
      holder?.abort()
      refuseAborted(signal)
      this.#judge(peer, error, candidates)
      return false
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Errors that are no holder's doing are thrown on. */
  #judge(peer: PeerId, error: unknown, candidates: Candidates): void {
    if (error instanceof HolderWrong) {
      candidates.left.delete(peer)
      this.#distrust(peer)
      this.wrong++
      this.#onVerdict({ peer, why: error.message })
    } else if (error instanceof HolderRefused) {
      if (error.code === 'busy') candidates.allDefinite = false
      else candidates.left.delete(peer)
    } else if (error instanceof Unreachable || error instanceof StreamOver) {
      candidates.allDefinite = false
    } else throw error
    candidates.told.set(peer, error.message)
  }

  #candidates(holders: readonly PeerId[]): Candidates {
    const left = new Set(holders.slice(0, limits.holdersMax))
    left.delete(this.#ports.network.self)
    return { left, told: new Map(), allDefinite: true }
  }

  /** By chance, so that holders share the work; those who have been wrong come last. */
  #inOrder(peers: ReadonlySet<PeerId>): PeerId[] {
    const nowMs = this.#ports.clock.now()
    const wrong = (peer: PeerId) => ((this.#distrusted.get(peer) ?? 0) > nowMs ? 1 : 0)
    return shuffle(this.#entropy, [...peers]).sort((a, b) => wrong(a) - wrong(b))
  }

  #distrust(peer: PeerId): void {
    this.#distrusted.delete(peer)
    this.#distrusted.set(peer, this.#ports.clock.now() + limits.distrustMs)
    if (this.#distrusted.size <= limits.distrustedMax) return
    this.#distrusted.delete(this.#distrusted.keys().next().value as PeerId)
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>()
    const timer = this.#ports.clock.after(ms, over.resolve)
    signal.addEventListener('abort', () => over.resolve(), { once: true })
    await over.promise
    timer.cancel()
  }
}

function unavailable(what: string, { told, allDefinite }: Candidates): ArtifactError {
  const answers = [...told].slice(0, 8).map(([peer, said]) => `${peer}: ${said}`)
  if (told.size > answers.length) answers.push(`${told.size - answers.length} more`)
  const asked = told.size === 0 ? 'nobody is known to have it' : `asked: ${answers.join('; ')}`
  const next = allDefinite
    ? 'run the stage again that made them'
    : 'see whether these hosts are up and reachable'
  return new ArtifactError(
    allDefinite ? 'lost' : 'unreachable',
    `could not get ${what}; ${asked}; ${next}`,
  )
}
