/**
 * Peers that nobody named: those that answer on the local network. Finding is all that happens
 * here. Whether to dial is the agent's decision, and who may talk is the swarm key's: anybody on
 * the wire can answer a multicast.
 */
import { createHash } from 'node:crypto'
import type { PeerDiscovery, PeerInfo, Startable } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { NetworkLimits } from './limits.ts'

/** Answers to a question on the local network are heard by all, so it need not be asked often. */
const intervalMs = 20_000

/** Answers a second that are looked at. */
const answersPerSecondMax = 64

type MdnsComponents = Parameters<ReturnType<typeof mdns>>[0]

/** Meshes on one local network do not see each other: each asks under a name of its own. */
export function localDiscovery(
  meshName: Uint8Array | string,
  limits: NetworkLimits,
  found: (peer: PeerId, addresses: string[]) => void,
): (components: MdnsComponents) => Startable {
  const mesh = createHash('sha256').update('skein mdns ').update(meshName).digest('hex')
  const serviceTag = `_skein-${mesh.slice(0, 16)}._udp.local`
  return (components) => {
    const discovery = mdns({ interval: intervalMs, serviceTag })(components) as PeerDiscovery &
      Startable
    const rate = new TokenBucket(answersPerSecondMax, answersPerSecondMax, performance.now())
    discovery.addEventListener('peer', (event: CustomEvent<PeerInfo>) => {
      if (!rate.take(1, performance.now())) return
      const { id, multiaddrs } = event.detail
      found(
        id.toString() as PeerId,
        multiaddrs.slice(0, limits.addressesPerPeerMax).map((address) => address.toString()),
      )
    })
    // Handed over bare, libp2p would keep every peer that is found in its peer store.
    return { start: () => discovery.start(), stop: () => discovery.stop() }
  }
}
