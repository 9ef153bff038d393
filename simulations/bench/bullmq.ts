/**
 * The peer of `skein bench stages`: BullMQ on Redis, with as many worker processes as there are
 * agents. It is measured at what the mesh does, and at the least that it can be asked for; whatever
 * is left to choose is chosen for speed: the concurrency of the workers, and the way a chain is made.
 */
import { type ChainsAsked, type Hop, hopOfChains } from './bullmq-chains.ts'
import { Crews } from './bullmq-crew.ts'
import { bullMqVersions } from './bullmq-library.ts'
import { type Rate, type RunsAsked, rateOfJobs, rateOfRuns } from './bullmq-rates.ts'
import { peerPackages } from './peer-packages.ts'
import { Redis } from './redis.ts'

export interface PeerAsked extends RunsAsked, ChainsAsked {
  readonly workers: number
}

export interface PeerMeasured extends Hop {
  /** Jobs that are begun meanwhile, and kept: with a run that they belong to, and without. */
  readonly flows: Rate
  readonly lots: Rate
  /** Jobs that are queued before, and forgotten. */
  readonly jobs: Rate
}

export type Peer = { readonly ok: true; readonly measured: PeerMeasured } | Missing
interface Missing {
  readonly ok: false
  readonly why: string
}

export async function measureBullMq(asked: PeerAsked): Promise<Peer> {
  const redis = await Redis.start()
  if (!redis)
    return { ok: false, why: 'redis-server is not installed (apt-get install redis-server)' }
  try {
    const packages = await peerPackages(bullMqVersions)
    if (!packages.ok) return { ok: false, why: `BullMQ cannot be installed: ${packages.why}` }
    const crews = new Crews({ from: packages.from, port: redis.port, workers: asked.workers })
    const jobs = await rateOfJobs(crews, asked.seconds)
    const lots = await rateOfRuns(crews, 'lots', asked)
    const flows = await rateOfRuns(crews, 'flows', asked)
    return { ok: true, measured: { jobs, lots, flows, ...(await hopOfChains(crews, asked)) } }
  } finally {
    await redis.stop()
  }
}
