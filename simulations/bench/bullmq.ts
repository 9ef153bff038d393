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

export interface PeerParts {
  readonly rates: boolean
  readonly hops: boolean
}

/** Of what was asked for. */
export interface PeerMeasured {
  readonly rates: Rates | undefined
  readonly hops: Hops | undefined
}

interface Rates {
  /** Jobs that are begun meanwhile, and kept: with a run that they belong to, and without. */
  readonly flows: Rate
  readonly lots: Rate
  /** Jobs that are queued before, and forgotten. */
  readonly jobs: Rate
}

interface Hops {
  readonly asIs: Hop
  /** The same where Redis promises what a mesh does, for its one host: it syncs before it answers. */
  readonly synced: Hop
}

export type Peer = { readonly ok: true; readonly measured: PeerMeasured } | Missing
interface Missing {
  readonly ok: false
  readonly why: string
}

const noRedis: Missing = {
  ok: false,
  why: 'redis-server is not installed (apt-get install redis-server)',
}

export async function measureBullMq(asked: PeerAsked, parts: PeerParts): Promise<Peer> {
  if (!parts.rates && !parts.hops)
    return { ok: true, measured: { rates: undefined, hops: undefined } }
  const packages = await peerPackages(bullMqVersions)
  if (!packages.ok) return { ok: false, why: `BullMQ cannot be installed: ${packages.why}` }
  const crewsAt = ({ port }: Redis) =>
    new Crews({ from: packages.from, port, workers: asked.workers })
  const asIs = await withRedis('everySecond', async (redis) => {
    const crews = crewsAt(redis)
    return {
      rates: parts.rates ? await ratesOf(crews, asked) : undefined,
      hop: parts.hops ? await hopOfChains(crews, asked) : undefined,
    }
  })
  if (asIs === undefined) return noRedis
  const { rates, hop } = asIs
  if (hop === undefined) return { ok: true, measured: { rates, hops: undefined } }
  const synced = await withRedis('always', (redis) => hopOfChains(crewsAt(redis), asked))
  if (synced === undefined) return noRedis
  return { ok: true, measured: { rates, hops: { asIs: hop, synced } } }
}

async function ratesOf(crews: Crews, asked: PeerAsked): Promise<Rates> {
  const jobs = await rateOfJobs(crews, asked.seconds)
  const lots = await rateOfRuns(crews, 'lots', asked)
  return { jobs, lots, flows: await rateOfRuns(crews, 'flows', asked) }
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
