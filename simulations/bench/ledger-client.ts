/** A peer of the mesh with nothing to do but append: the many clients of `skein bench ledger` in one process. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Courier } from '../../agent/ledger/courier.ts'
import { startNetwork } from '../../agent/network/start.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { Calls } from '../../agent/requests/calls.ts'
import { TrustedNetwork } from '../../agent/trust/trusted-network.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { readIssuer } from '../../coordinator/host/mesh-keys.ts'
import { credentialBy } from '../../coordinator/host/peer-files.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import { silentLog } from '../../protocol/ports/log.ts'
import { helloOf } from '../../protocol/wire/versions.ts'

const DIAL_DEADLINE_MS = 5_000

export class LedgerClient {
  private readonly couriers = new Map<PeerId, Courier>()
  private readonly courierTo: (leader: PeerId) => Courier
  private readonly close: () => Promise<void>

  private constructor(courierTo: (leader: PeerId) => Courier, close: () => Promise<void>) {
    this.courierTo = courierTo
    this.close = close
  }

  /** Comes in at these addresses; only agents behind them can be asked. */
  static async connect(addresses: readonly string[], swarmKeyFile: string): Promise<LedgerClient> {
    const clock = new SystemClock()
    const entropy = new SystemEntropy()
    const seed = entropy.bytes(32)
    const inner = await startNetwork({
      privateKeySeed: seed,
      swarmKey: new Uint8Array(readFileSync(swarmKeyFile)),
      listen: [],
      announce: [],
      bootstrap: [],
      mdns: false,
      topics: [],
      onDiscovered: () => {},
      log: silentLog,
    })
    const issuer = readIssuer(join(dirname(swarmKeyFile), keyFileNames.issuer))
    const network = new TrustedNetwork(
      { clock, network: inner, log: silentLog },
      {
        trust: { mesh: issuer.mesh, isRevoked: () => false },
        credential: credentialBy(issuer, signerFromSeed(seed).id, {
          name: 'bench',
          roles: ['agent'],
          labels: {},
        }),
        keyOf: (peer) => peer,
        onRefused: () => {},
      },
    )
    network.begin()
    const hello = helloOf(AGENT_VERSION, 'bench')
    const calls = new Calls({ clock, entropy, network, log: silentLog }, hello)
    network.onConnection = ({ peer, kind }) => {
      if (kind === 'connected') calls.resetBackoff(peer)
    }
    const close = async () => {
      calls.close()
      network.stop()
      clock.close()
      await inner.stop()
    }
    try {
      for (const address of addresses) {
        const peer = await network.dial(address, AbortSignal.timeout(DIAL_DEADLINE_MS))
        network.learn(peer, [address])
      }
    } catch (error) {
      await close()
      throw error
    }
    return new LedgerClient((leader) => new Courier(calls, clock, leader), close)
  }

  put(leader: PeerId, key: string, value: Uint8Array, timeoutMs: number): Promise<Appended> {
    let courier = this.couriers.get(leader)
    if (!courier) {
      courier = this.courierTo(leader)
      this.couriers.set(leader, courier)
    }
    const command = { kind: 'kvPut' as const, value: { namespace: 'bench', key, value } }
    return courier.take({ command, numbered: undefined }, timeoutMs)
  }

  stop(): Promise<void> {
    return this.close()
  }
}
