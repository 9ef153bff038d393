/** A peer with nothing to do but append: the many clients of `skein bench ledger` in one process. */
import { readFileSync } from 'node:fs'
import { Courier } from '../../agent/ledger/courier.ts'
import { startNetwork } from '../../agent/network/start.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { Calls } from '../../agent/requests/calls.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { helloOf } from '../../protocol/wire/versions.ts'

const DIAL_DEADLINE_MS = 5_000

const silent: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
}

export class LedgerClient {
  private readonly courier: Courier
  private readonly close: () => Promise<void>

  private constructor(courier: Courier, close: () => Promise<void>) {
    this.courier = courier
    this.close = close
  }

  static async connect(
    address: string,
    leader: PeerId,
    swarmKeyFile: string,
  ): Promise<LedgerClient> {
    const clock = new SystemClock()
    const entropy = new SystemEntropy()
    const network = await startNetwork({
      privateKeySeed: entropy.bytes(32),
      swarmKey: new Uint8Array(readFileSync(swarmKeyFile)),
      listen: [],
      announce: [],
      bootstrap: [],
      mdns: false,
      topics: [],
      onDiscovered: () => {},
      log: silent,
    })
    await network.dial(address, AbortSignal.timeout(DIAL_DEADLINE_MS))
    const hello = helloOf(AGENT_VERSION, 'bench')
    const calls = new Calls({ clock, entropy, network, log: silent }, hello)
    return new LedgerClient(new Courier(calls, clock, leader), async () => {
      calls.close()
      clock.close()
      await network.stop()
    })
  }

  put(key: string, value: Uint8Array, timeoutMs: number): Promise<Appended> {
    const command = { kind: 'kvPut' as const, value: { namespace: 'bench', key, value } }
    return this.courier.take({ command, numbered: undefined }, timeoutMs)
  }

  stop(): Promise<void> {
    return this.close()
  }
}
