/**
 * Where peers may be found: what the agent has learnt, bounded, and multiaddresses as text at the
 * edge of this folder.
 */

import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Unreachable } from '../../protocol/ports/network.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { forgetFirst } from '../rates.ts'
import type { NetworkLimits } from './limits.ts'

export class AddressBook {
  readonly #limits: Pick<NetworkLimits, 'peersLearntMax' | 'addressesPerPeerMax'>
  readonly #byPeer = new Map<PeerId, readonly string[]>()
  /** Who answered where. A host behind a name or a forwarded port does not announce that place. */
  readonly #answered = new Map<string, PeerId>()

  constructor(limits: Pick<NetworkLimits, 'peersLearntMax' | 'addressesPerPeerMax'>) {
    this.#limits = limits
  }

  learn(peer: PeerId, addresses: readonly string[]): void {
    this.#byPeer.delete(peer)
    if (addresses.length === 0) return
    this.#byPeer.set(peer, addresses.slice(0, this.#limits.addressesPerPeerMax))
    forgetFirst(this.#byPeer, this.#limits.peersLearntMax)
  }

  /** Remember who was found at an address that did not say who it would be. */
  answered(address: string, peer: PeerId): void {
    this.#answered.delete(address)
    this.#answered.set(address, peer)
    forgetFirst(this.#answered, this.#limits.peersLearntMax)
    if (!this.#byPeer.has(peer)) this.learn(peer, [address])
  }

  /** The one of `peers` that is to be found there, as far as is known. */
  whoIsAt(address: string, peers: readonly PeerId[]): PeerId | undefined {
    const answered = this.#answered.get(address)
    return peers.find((peer) => peer === answered || this.#byPeer.get(peer)?.includes(address))
  }

  /** Ready to dial, each with the peer that must answer there. What does not parse is left out. */
  of(peer: PeerId): Multiaddr[] {
    const usable: Multiaddr[] = []
    for (const address of this.#byPeer.get(peer) ?? []) {
      try {
        const { target } = parseAddress(address)
        usable.push(target.encapsulate(`/p2p/${peer}`))
      } catch {
        // One bad address in a list of several is no reason to give up on the peer.
      }
    }
    return usable
  }
}

/** The address without a peer, and the peer that it names if it does. Throws `Unreachable`. */
export function parseAddress(address: string): { target: Multiaddr; peer: PeerId | undefined } {
  try {
    const whole = multiaddr(address)
    const named = whole.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
    const target = named === undefined ? whole : whole.decapsulateCode(CODE_P2P)
    if (target.getComponents().length === 0) throw new Error('it names a peer but no place')
    return { target, peer: named as PeerId | undefined }
  } catch (error) {
    throw new Unreachable(
      'unknownAddress',
      `${address} is not an address like /ip4/10.0.0.5/tcp/4130: ${messageOf(error)}`,
    )
  }
}

/** What others should be told: without the peer, and without loopback where there is better. */
export function worthTelling(addresses: readonly Multiaddr[]): string[] {
  const texts = addresses.map((address) => address.decapsulateCode(CODE_P2P).toString())
  const reachable = texts.filter((text) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(text))
  return reachable.length > 0 ? reachable : texts
}
