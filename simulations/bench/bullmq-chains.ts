/** How soon one job of BullMQ follows another: the best of the ways in which a chain can be made. */
import { type Crew, type Crews, countAnew, counted, forgotten } from './bullmq-crew.ts'
import type { Flow } from './bullmq-library.ts'
import { percentile } from './report.ts'

export interface Hop {
  readonly hopMs: number
  /** What was best for it. */
  readonly hopHow: string
}

export interface ChainsAsked {
  readonly links: number
  readonly chains: number
}

const CONCURRENCIES = [1, 10]
const WARM_UP_CHAINS = 2

export async function hopOfChains(crews: Crews, asked: ChainsAsked): Promise<Hop> {
  const { connection, library } = crews
  const producer = new library.FlowProducer({ connection })
  const trials: Hop[] = []
  for (const concurrency of CONCURRENCIES) {
    const how = (way: string) => `${way}, concurrency ${concurrency}`
    const one = `chain-${concurrency}`
    trials.push({
      hopHow: how('each job adds the next'),
      hopMs: await crews.on(`${one}-added`, concurrency, (queue, crew) =>
        hop(crew, asked, (linksLeft) => queue.add('link', { linksLeft }, forgotten)),
      ),
    })
    trials.push({
      hopHow: how('a flow'),
      hopMs: await crews.on(`${one}-flow`, concurrency, (_, crew) =>
        hop(crew, asked, (linksLeft) => producer.add(chainOf(`${one}-flow`, linksLeft))),
      ),
    })
  }
  await producer.close()
  return trials.reduce((a, b) => (b.hopMs < a.hopMs ? b : a))
}

/** Of each chain the time of a hop; of all chains the median. */
async function hop(
  crew: Crew,
  { links, chains }: ChainsAsked,
  begin: (linksLeft: number) => Promise<unknown>,
): Promise<number> {
  crew.tell('run')
  const hops: number[] = []
  for (let chain = 0; chain < WARM_UP_CHAINS + chains; chain++) {
    await countAnew(crew)
    await begin(links - 1)
    const { firstMs, lastMs } = await counted(crew, links)
    if (chain >= WARM_UP_CHAINS) hops.push((lastMs - firstMs) / (links - 1))
  }
  return percentile(hops, 0.5)
}

/** A job comes after its children, so the last of the chain is the root. */
function chainOf(queueName: string, linksLeft: number): Flow {
  const link: Flow = { name: 'link', queueName, data: {}, opts: forgotten }
  let last = link
  for (let i = 0; i < linksLeft; i++) last = { ...link, children: [last] }
  return last
}
