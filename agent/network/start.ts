/**
 * Puts the network of one agent together: libp2p with only what a mesh of ours needs. There is no
 * identify (see gossip.ts), no ping service, no connection monitor, no relay, no routing, nothing
 * that dials by itself and nothing on disk. What is left that ticks is one gossip heartbeat, and a
 * muxer ping every ten minutes and connection.
 */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection } from '@libp2p/interface'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network, Purpose } from '../../protocol/ports/network.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { parseAddress } from './addresses.ts'
import { Connections } from './connections.ts'
import { localDiscovery } from './discovery.ts'
import { thriftyNoise } from './encrypter.ts'
import { ListenFailed, listenFailed } from './errors.ts'
import { Gater } from './gater.ts'
import { Gossip } from './gossip.ts'
import {
  type LimitOverrides,
  limitsWith,
  type NetworkLimits,
  type PurposeLimits,
} from './limits.ts'
import { guardedYamux } from './muxer.ts'
import { Libp2pNetwork } from './network.ts'
import { quietLogger } from './quiet-logger.ts'
import { Refusals } from './refusals.ts'
import { StreamOpenings } from './stream-openings.ts'
import { swarmProtector } from './swarm.ts'
import { SwarmKeys, type TakenSwarmKeys } from './swarm-keys.ts'
import { Traffic } from './traffic.ts'
import { guardedTcp } from './transport.ts'

export interface NetworkOptions {
  /** 32 bytes. Whoever has them is this host. */
  privateKeySeed: Uint8Array
  /** Whoever has another key than these hears and is told nothing. Bytes: of a swarm key file. */
  swarmKey: Uint8Array | SwarmKeys
  /** Where to listen, e.g. `/ip4/0.0.0.0/tcp/4130`. None: this host only dials. */
  listen: readonly string[]
  /** What others are told instead of the addresses listened on, e.g. behind a port forward. */
  announce?: readonly string[]
  /** Reported through `onDiscovered` once the network is up. */
  bootstrap: readonly string[]
  mdns: boolean
  /** What those who look for each other on a local network ask for; if not said, the swarm key. */
  mesh?: string
  /** Where a purpose differs from the default limits. */
  purposes?: Readonly<Record<Purpose, Partial<PurposeLimits>>>
  /** The only topics that are ever published, heard or remembered. */
  topics: readonly string[]
  limits?: LimitOverrides
  /** Whether a connected peer is one whose gossip is looked at. Of others no signature is checked. */
  heeds?: (peer: PeerId) => boolean
  /**
   * Somebody may be there. Never called before `startNetwork` has returned. A bootstrap address
   * that does not say whose it is has no peer: dial it to find out.
   */
  onDiscovered?: (peer: PeerId | undefined, addresses: string[]) => void
  /** So many bytes have come, and leave behind garbage several times as large. */
  onReceived?: (bytes: number) => void
  log: Log
}

export interface RunningNetwork extends Network {
  /** From here on. Who is connected by a key alone that is taken no more is cut off. */
  takeSwarmKeys(taken: TakenSwarmKeys): void
  /** Peers that this host has dialled, and is connected to by an older swarm key than the newest. */
  dialledOnOlderKey(): PeerId[]
  /** Makes a connection on the newest key in its place; what ran over it goes on over that. */
  renew(peer: PeerId, signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** Rejects with `ListenFailed` or `BadSwarmKey`: what a person can put right, in its words. */
export async function startNetwork(options: NetworkOptions): Promise<RunningNetwork> {
  assert(options.privateKeySeed.length === 32, 'a private key seed has 32 bytes')
  for (const address of [...options.listen, ...(options.announce ?? [])]) checkAddress(address)
  const limits = limitsWith(options.limits)
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.privateKeySeed)
  const self = privateKey.publicKey.toString() as PeerId
  const { log, swarmKey } = options
  const swarmKeys = swarmKey instanceof SwarmKeys ? swarmKey : SwarmKeys.ofFile(swarmKey)
  const refusals = new Refusals()
  const traffic = new Traffic()
  const gater: Gater = new Gater(limits, refusals, () => connections.size)
  const openings = new StreamOpenings(limits, refusals, (one) => gater.cameInVain(one))
  const connections: Connections = new Connections({
    self,
    limits,
    onEvent: (event, connection) => {
      if (event.kind === 'connected') gossip.peerUp(event.peer, connection)
      else forget(event.peer, connection)
      network?.onConnection(event)
    },
    onFewer: (peer) => setImmediate(() => gossip.peerMoved(peer)),
    streamCount: (connection) =>
      connection.streams.filter(({ protocol }) => protocol.startsWith('/skein/')).length,
    isOnOlderKey: (one, other) => swarmKeys.isOlder(one, other),
  })
  // libp2p remembers every peer that ever came; a mesh with many guests would grow for ever.
  const forget = (peer: PeerId, { remotePeer }: Connection): void => {
    gossip.peerDown(peer)
    node.peerStore.delete(remotePeer).catch((error: unknown) => {
      log.debug('peer not forgotten', { peer, why: messageOf(error) })
    })
  }
  let network: Libp2pNetwork | undefined
  const misbehaved = (peer: PeerId, why: string): void =>
    network?.ban(peer, limits.gossip.banMs, why)
  const makeGossip = (components: GossipSubComponents): Gossip =>
    new Gossip(components, {
      topics: options.topics,
      limits: limits.gossip,
      refusals,
      misbehaved,
      heeds: options.heeds ?? (() => true),
      preferred: (peer) => connections.preferred(peer),
    })
  const discovered = (peer: PeerId | undefined, addresses: string[]): void => {
    if (network !== undefined && peer !== self) options.onDiscovered?.(peer, addresses)
  }
  let listenError: ListenFailed | undefined
  const node = await createLibp2p({
    ...libp2pSettings(limits),
    privateKey,
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [
      guardedTcp({
        gater,
        traffic,
        refusals,
        limits,
        swarmKeys,
        listenError: (address, error) => {
          listenError ??= listenFailed(address, error)
        },
      }),
    ],
    streamMuxers: [guardedYamux(limits, refusals, openings, options.onReceived ?? (() => {}))],
    connectionEncrypters: [thriftyNoise()],
    connectionProtector: swarmProtector(swarmKeys),
    connectionGater: gater.callbacks(),
    services: {
      gossip: makeGossip,
      ...(options.mdns
        ? {
            discovery: localDiscovery(options.mesh ?? swarmKeys.dialled, limits, discovered),
          }
        : {}),
    },
    start: false,
  })
  const { gossip } = node.services
  node.addEventListener('connection:open', ({ detail }) => {
    openings.met(detail)
    connections.opened(detail)
  })
  node.addEventListener('connection:close', ({ detail }) => connections.closed(detail))
  try {
    await node.start()
  } catch (error) {
    throw listenError ?? new ListenFailed('failed', options.listen.join(', '), messageOf(error))
  }
  const parts = {
    self,
    node,
    gossip,
    gater,
    openings,
    traffic,
    refusals,
    limits,
    connections,
    log,
    swarmKeys,
  }
  network = new Libp2pNetwork({ ...parts, purposes: options.purposes ?? {} })
  setImmediate(() => reportBootstrap(options.bootstrap, discovered, log))
  log.info('network started', { self, addresses: network.addresses().join(' ') })
  return network
}

function libp2pSettings(limits: NetworkLimits): Libp2pOptions {
  return {
    logger: quietLogger,
    // Its pings would cost a stream for each connection every ten seconds; membership probes.
    connectionMonitor: { enabled: false },
    connectionManager: {
      // Ours refuse first, and count what they refuse.
      maxConnections: limits.connectionsMax + limits.upgradesPendingMax + 1,
      maxIncomingPendingConnections: limits.upgradesPendingMax + 1,
      inboundConnectionThreshold: Number.POSITIVE_INFINITY,
      inboundUpgradeTimeout: limits.upgradeTimeoutMs,
      addressDialTimeout: limits.addressDialTimeoutMs,
      maxPeerAddrsToDial: limits.addressesPerPeerMax,
      inboundStreamProtocolNegotiationTimeout: limits.negotiationTimeoutMs,
      outboundStreamProtocolNegotiationTimeout: limits.negotiationTimeoutMs,
      reconnectRetries: 0,
      // The agent's own order: the address learnt first is the one that worked last.
      addressSorter: () => 0,
    },
  }
}

function checkAddress(address: string): void {
  try {
    parseAddress(address)
  } catch (error) {
    throw new ListenFailed('badAddress', address, messageOf(error))
  }
}

function reportBootstrap(
  bootstrap: readonly string[],
  discovered: (peer: PeerId | undefined, addresses: string[]) => void,
  log: Log,
): void {
  for (const address of bootstrap) {
    try {
      const { target, peer } = parseAddress(address)
      discovered(peer, [target.toString()])
    } catch (error) {
      log.warn('bootstrap address ignored', { address, why: messageOf(error) })
    }
  }
}
