/**
 * Introductions that this host begins, with each peer one at a time, and what it shows at them.
 * Nobody is judged before it is known what was taken back.
 */
import type { Credential } from '../../protocol/identity/credential.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Network } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { introduceTo } from './introducing.ts'

export class Meetings {
  readonly #ports: { clock: Clock; network: Network }
  /** Told what a peer has shown; ends the meeting with that peer. */
  readonly #judge: (peer: PeerId, introduction: Uint8Array) => void
  readonly #begun = new Map<PeerId, PromiseWithResolvers<void>>()
  #credential: Credential
  #introduction: Uint8Array
  /** What is to be judged, until it is known what was taken back; undefined from then on. */
  #unjudged: (() => void)[] | undefined = []

  constructor(
    ports: { clock: Clock; network: Network },
    credential: Credential,
    judge: (peer: PeerId, introduction: Uint8Array) => void,
  ) {
    this.#ports = ports
    this.#judge = judge
    this.#credential = credential
    this.#introduction = encode(Introduction, { credential })
  }

  /** What this host shows. */
  get credential(): Credential {
    return this.#credential
  }

  get introduction(): Uint8Array {
    return this.#introduction
  }

  /** It is known what was taken back. */
  begin(): void {
    const waiting = this.#unjudged ?? []
    this.#unjudged = undefined
    for (const judge of waiting) judge()
  }

  /** At once, but while it is not known yet what was taken back. */
  once(judge: () => void): void {
    if (this.#unjudged === undefined) judge()
    else this.#unjudged.push(judge)
  }

  /** Shows this from now on, and at once to these; how many of them have not heard it. */
  async present(credential: Credential, peers: readonly PeerId[]): Promise<number> {
    this.#credential = credential
    this.#introduction = encode(Introduction, { credential })
    let unheard = 0
    for (const peer of peers) {
      // A meeting that has begun already shows what was shown before.
      await this.#begun.get(peer)?.promise.catch(() => {})
      const heard = await this.with(peer).then(
        () => true,
        () => false,
      )
      if (!heard) unheard++
    }
    return unheard
  }

  with(peer: PeerId): Promise<void> {
    const known = this.#begun.get(peer)
    if (known !== undefined) return known.promise
    const meeting = Promise.withResolvers<void>()
    this.#begun.set(peer, meeting)
    const over = () => this.#begun.delete(peer)
    meeting.promise.then(over, over)
    introduceTo(this.#ports, peer, this.#introduction).then(
      (theirs) => this.once(() => this.#judge(peer, theirs)),
      (error: unknown) => meeting.reject(error),
    )
    return meeting.promise
  }

  wentWell(peer: PeerId): void {
    this.#begun.get(peer)?.resolve()
  }

  failed(peer: PeerId, error: Error): void {
    this.#begun.get(peer)?.reject(error)
  }
}
