/**
 * `skein bench stages`: how many stages a mesh of real agents carries through, each assignment and
 * each result committed by a synced quorum, and how soon one follows another. Beside it, in the same
 * run: BullMQ on Redis and a bare synced quorum before it, and bare `child_process.spawn` in turn
 * with it.
 */
import { measureBullMq, type Peer } from './bullmq.ts'
import type { Rate } from './bullmq-rates.ts'
import { wantedIn } from './only.ts'
import { type BareQuorum, measureBareQuorum } from './quorum.ts'
import { type Figure, percentile, report } from './report.ts'
import { Spawns } from './spawn.ts'
import { noops, StagesMesh } from './stages-mesh.ts'

export interface StagesOptions {
  seconds: string
  agents: string
  /** Of the parts, only those; all if it is empty. */
  only: string
  json: boolean
}

const parts = ['noops', 'hops', 'programs'] as const
type Part = (typeof parts)[number]

const CHAINS = { links: 200, chains: 20 }
const RATE_GOAL = 10_000
const RATE_RATIO_GOAL = 1.5
const HOP_RATIO_GOAL = 1
const PROGRAMS_SHARE_GOAL = 0.85
const PROGRAM_TURNS = 3

export async function benchStages(options: StagesOptions): Promise<number> {
  const [agents, seconds] = [Number(options.agents), Number(options.seconds)]
  const wanted = wantedIn(options.only, parts, 'part')
  const { width, runsAtOnce } = noops
  const asked = { workers: agents, seconds, width, runsAtOnce, ...CHAINS }
  const wants = (part: Part) => wanted.includes(part)
  const peer = await measureBullMq(asked, { rates: wants('noops'), hops: wants('hops') })
  if (!peer.ok) process.stderr.write(`BullMQ is missing: ${peer.why}\n`)
  const quorum = wants('hops') ? await measureBareQuorum(agents, CHAINS) : undefined
  const mesh = await StagesMesh.start(agents)
  try {
    const figures: Figure[] = []
    if (wants('noops')) figures.push(...ratesBeside(await mesh.noops(seconds), peer))
    if (quorum) figures.push(...(await hopsBeside(mesh, peer, quorum)))
    if (wants('programs')) figures.push(...(await programsBeside(mesh, agents, seconds)))
    return report(`stages, ${agents} agents, ${seconds} s each`, figures, options.json)
  } finally {
    await mesh.stop()
  }
}

function ratesBeside(perSecond: number, peer: Peer): Figure[] {
  const rates = peer.ok ? peer.measured.rates : undefined
  const rateBeside = (rate: Rate | undefined, what: string) =>
    beside(
      perSecond,
      rate?.jobsPerSecond,
      rate && `BullMQ, ${what}, concurrency ${rate.concurrency}`,
    )
  const rate = rateBeside(rates?.flows, `flows of ${noops.width}, added meanwhile, kept`)
  const lots = rateBeside(rates?.lots, 'single jobs, added meanwhile, kept')
  const least = rateBeside(rates?.jobs, 'single jobs, queued before, forgotten')
  return [
    {
      metric: 'no-op stages',
      unit: 'stages/s',
      value: perSecond,
      goal: `>= ${RATE_GOAL}, and >= ${RATE_RATIO_GOAL} × BullMQ`,
      holds: perSecond >= RATE_GOAL && (rate.ratio === undefined || rate.ratio >= RATE_RATIO_GOAL),
      ...rate,
    },
    { metric: 'the same', unit: 'stages/s', value: perSecond, ...lots },
    { metric: 'the same', unit: 'stages/s', value: perSecond, ...least },
  ]
}

async function hopsBeside(
  mesh: StagesMesh,
  peer: Peer,
  { commitMs, how: quickest }: BareQuorum,
): Promise<Figure[]> {
  const [hopMs, hopElsewhereMs] = [await mesh.hopMs(CHAINS), await mesh.hopElsewhereMs(CHAINS)]
  const hops = peer.ok ? peer.measured.hops : undefined
  const { asIs, synced } = hops ?? {}
  const hop = beside(hopMs, asIs?.hopMs, asIs && `BullMQ, ${asIs.hopHow}`)
  const how = synced && `BullMQ, ${synced.hopHow}, each write synced`
  return [
    {
      metric: `hop in a chain of ${CHAINS.links}, median of ${CHAINS.chains} chains`,
      unit: 'ms',
      value: hopMs,
      goal: '<= BullMQ',
      ...(hop.ratio === undefined ? {} : { holds: hop.ratio <= HOP_RATIO_GOAL }),
      ...hop,
    },
    { metric: 'the same', unit: 'ms', value: hopMs, ...beside(hopMs, synced?.hopMs, how) },
    {
      metric: 'the same',
      unit: 'ms',
      value: hopMs,
      ...beside(hopMs, commitMs, `as many bytes synced by a majority, bare sockets, ${quickest}`),
    },
    { metric: 'the same, at another host than the leader', unit: 'ms', value: hopElsewhereMs },
  ]
}

/** In turn, and of all turns the median: how fast a machine starts programs changes by the minute. */
async function programsBeside(
  mesh: StagesMesh,
  agents: number,
  seconds: number,
): Promise<Figure[]> {
  const bare = await Spawns.start(agents, 'ignore')
  const piped = await Spawns.start(agents, 'pipe')
  try {
    const programs = await mesh.programs()
    const turns: { ours: number; bare: number; piped: number }[] = []
    for (let turn = 0; turn < PROGRAM_TURNS; turn++) {
      const ours = await programs(seconds)
      turns.push({
        ours,
        bare: await bare.perSecond(seconds),
        piped: await piped.perSecond(seconds),
      })
    }
    const median = (of: (turn: (typeof turns)[number]) => number) => percentile(turns.map(of), 0.5)
    const figure = (kind: 'bare' | 'piped', what: string): Figure => ({
      metric: kind === 'bare' ? '/bin/true stages' : 'the same',
      unit: 'stages/s',
      value: median(({ ours }) => ours),
      peer: `spawn, ${what} in flight each`,
      peerValue: median((turn) => turn[kind]),
      ratio: median((turn) => turn.ours / turn[kind]),
    })
    const first = figure('bare', `output ignored, ${bare.inFlight}`)
    const holds = (first.ratio as number) >= PROGRAMS_SHARE_GOAL
    return [
      { ...first, goal: `>= ${PROGRAMS_SHARE_GOAL} × spawn`, holds },
      figure('piped', `output piped, ${piped.inFlight}`),
    ]
  } finally {
    await Promise.all([bare.stop(), piped.stop()])
  }
}

type Beside = Pick<Figure, 'peer' | 'peerValue' | 'ratio'>

function beside(value: number, peerValue: number | undefined, peer: string | undefined): Beside {
  if (peerValue === undefined || peer === undefined) return { peer: 'BullMQ (missing)' }
  return { peer, peerValue, ratio: value / peerValue }
}
