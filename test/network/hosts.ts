/** Real networks on loopback, for tests: started with a seed by number, all stopped at the end. */
import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import {
  type NetworkOptions,
  type RunningNetwork,
  startNetwork,
} from '../../agent/network/start.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'

export const topic = 'skein/test'

export function swarmKey(mesh: string): Uint8Array {
  const key = createHash('sha256').update(mesh).digest('hex')
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${key}`)
}

export function seed(number: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`host ${number}`).digest())
}

/** The id of a host without starting it. */
export async function peerIdOf(number: number): Promise<PeerId> {
  const key = await generateKeyPairFromSeed('Ed25519', seed(number))
  return key.publicKey.toString() as PeerId
}

const nothing = (): void => {}
export const silence: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silence,
}

export function startHost(
  number: number,
  options: Partial<NetworkOptions> = {},
): Promise<RunningNetwork> {
  return startNetwork({
    privateKeySeed: seed(number),
    swarmKey: swarmKey('ours'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    mdns: false,
    topics: [topic],
    log: silence,
    ...options,
  })
}

/** Runs with so many hosts and stops them, whatever happens. */
export async function withHosts(
  options: readonly Partial<NetworkOptions>[],
  use: (hosts: RunningNetwork[]) => Promise<void>,
): Promise<void> {
  const hosts = await Promise.all(options.map((one, number) => startHost(number, one)))
  try {
    await use(hosts)
  } finally {
    await Promise.all(hosts.map((host) => host.stop()))
  }
}

export const soon = (): AbortSignal => AbortSignal.timeout(60_000)
