/**
 * A host that keeps no rule: bare libp2p, on whose connections and streams a test does what it
 * likes.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { swarmProtector } from '../../agent/network/swarm.ts'
import { SwarmKeys } from '../../agent/network/swarm-keys.ts'
import { soon, swarmKey } from './hosts.ts'

export interface Hostile {
  readonly node: Libp2p
  connect(address: string): Promise<Connection>
  stop(): Promise<void>
}

/** Under an identity that nobody has seen before, with the swarm key of the mesh named. */
export async function startHostile(mesh = 'ours'): Promise<Hostile> {
  const node = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    // Ours, because a cipher without bounds would spoil the memory that it shares with ours.
    connectionProtector: swarmProtector(SwarmKeys.ofFile(swarmKey(mesh))),
    connectionMonitor: { enabled: false },
  })
  return {
    node,
    connect: (address) => node.dial(multiaddr(address), { signal: soon() }),
    stop: async () => {
      await node.stop()
    },
  }
}

/** Connected to the address, and stopped whatever happens. */
export async function withHostile(
  address: string,
  use: (connection: Connection, hostile: Hostile) => Promise<void>,
): Promise<void> {
  const hostile = await startHostile()
  try {
    await use(await hostile.connect(address), hostile)
  } finally {
    await hostile.stop()
  }
}
