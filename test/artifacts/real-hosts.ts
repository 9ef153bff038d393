/** Real hosts on loopback, each with a store of real files, for tests and for measuring. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type StoreLimits, storeLimits } from '../../agent/artifacts/limits.ts'
import { ArtifactStore } from '../../agent/artifacts/store.ts'
import { FileBlobs } from '../../agent/ports/blobs/blobs.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import type { Network } from '../../protocol/ports/network.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import { withHosts } from '../network/hosts.ts'

export interface RealHost {
  network: Network
  store: ArtifactStore
  /** Where its blobs are. */
  kept: string
  /** A directory for stages. */
  directory: string
  verdicts: string[]
}

export async function withStores(
  count: number,
  use: (hosts: RealHost[]) => Promise<void>,
  limits: Partial<StoreLimits> = {},
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'skein-artifacts-'))
  const closing: (() => Promise<void> | void)[] = []
  try {
    await withHosts(new Array(count).fill({}), async (networks) => {
      for (const a of networks)
        for (const b of networks) if (a !== b) a.learn(b.self, b.addresses())
      const hosts: RealHost[] = []
      for (const [i, network] of networks.entries()) {
        const [kept, directory] = [join(root, `kept${i}`), join(root, `stage${i}`)]
        for (const path of [kept, directory]) mkdirSync(path)
        const clock = new SystemClock()
        const disk = await LevelDisk.open(join(root, `disk${i}`))
        const blobs = new FileBlobs(kept)
        closing.push(async () => {
          await blobs.close()
          await disk.close()
          clock.close()
        })
        const verdicts: string[] = []
        const store = new ArtifactStore(
          { clock, entropy: new SystemEntropy(), network, disk, blobs },
          {
            hello: helloOf('0', `host${i}`),
            limits: { ...storeLimits, ...limits },
            onWarning: () => {},
            onVerdict: ({ why }) => void verdicts.push(why),
          },
        )
        await store.start()
        hosts.push({ network, store, kept, directory, verdicts })
      }
      await use(hosts)
      for (const { store } of hosts) store.stop()
    })
  } finally {
    for (const close of closing) await close()
    rmSync(root, { recursive: true })
  }
}
