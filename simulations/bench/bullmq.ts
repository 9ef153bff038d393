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
  /** The same where Redis promises what a mesh does, for its one host: it syncs before it answers. */
  readonly synced: Hop
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
  const packages = await peerPackages(bullMqVersions)
  if (!packages.ok) return { ok: false, why: `BullMQ cannot be installed: ${packages.why}` }
  const crewsAt = ({ port }: Redis) =>
    new Crews({ from: packages.from, port, workers: asked.workers })
  const measured = await withRedis('everySecond', async (redis) => {
    const crews = crewsAt(redis)
    const jobs = await rateOfJobs(crews, asked.seconds)
    const lots = await rateOfRuns(crews, 'lots', asked)
    const flows = await rateOfRuns(crews, 'flows', asked)
    return { jobs, lots, flows, ...(await hopOfChains(crews, asked)) }
  })
  const synced = await withRedis('always', (redis) => hopOfChains(crewsAt(redis), asked))
  if (!measured || !synced)
    return { ok: false, why: 'redis-server is not installed (apt-get install redis-server)' }
  return { ok: true, measured: { ...measured, synced } }
}

async function withRedis<T>(
  synced: 'everySecond' | 'always',
  use: (redis: Redis) => Promise<T>,
): Promise<T | undefined> {
  const redis = await Redis.start(synced)
  if (!redis) return undefined
  try {
    return await use(redis)
  } finally {
    await redis.stop()
  }
}
