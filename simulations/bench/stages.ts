/**
 * `skein bench stages`: how many stages a mesh of real agents carries through, each assignment and
 * each result committed by a synced quorum, and how soon one follows another. Beside it, in the same
 * run and one after the other: BullMQ on Redis, and bare `child_process.spawn`.
 */
import { measureBullMq, type Peer } from './bullmq.ts'
import type { Rate } from './bullmq-rates.ts'
import { type Figure, report } from './report.ts'
import { measureSpawn, type SpawnMeasured } from './spawn.ts'
import { measureStages, noops, type StagesMeasured } from './stages-mesh.ts'

export interface StagesOptions {
  seconds: string
  agents: string
  json: boolean
}

const LINKS = 200
const CHAINS = 20
const RATE_GOAL = 10_000
const RATE_RATIO_GOAL = 1.5
const HOP_RATIO_GOAL = 1
const PROGRAMS_SHARE_GOAL = 0.85

export async function benchStages(options: StagesOptions): Promise<number> {
  const [agents, seconds] = [Number(options.agents), Number(options.seconds)]
  const chains = { links: LINKS, chains: CHAINS }
  const { width, runsAtOnce } = noops
  const peer = await measureBullMq({ workers: agents, seconds, width, runsAtOnce, ...chains })
  const skein = await measureStages({ agents, seconds, ...chains })
  const spawns = await measureSpawn({ processes: agents, seconds, stdio: 'ignore' })
  const piped = await measureSpawn({ processes: agents, seconds, stdio: 'pipe' })
  if (!peer.ok) process.stderr.write(`BullMQ is missing: ${peer.why}\n`)
  const figures = [...besideBullMq(skein, peer), ...besideSpawn(skein, spawns, piped)]
  return report(`stages, ${agents} agents, ${seconds} s each`, figures, options.json)
}

function besideBullMq(skein: StagesMeasured, peer: Peer): Figure[] {
  const { hopMs, hopElsewhereMs } = skein
  const { perSecond } = skein.noops
  const measured = peer.ok ? peer.measured : undefined
  const rateBeside = (rate: Rate | undefined, what: string) =>
    beside(
      perSecond,
      rate?.jobsPerSecond,
      rate && `BullMQ, ${what}, concurrency ${rate.concurrency}`,
    )
  const rate = rateBeside(measured?.flows, `flows of ${noops.width}, added meanwhile, kept`)
  const lots = rateBeside(measured?.lots, 'single jobs, added meanwhile, kept')
  const least = rateBeside(measured?.jobs, 'single jobs, queued before, forgotten')
  const hop = beside(hopMs, measured?.hopMs, measured && `BullMQ, ${measured.hopHow}`)
  const synced = beside(
    hopMs,
    measured?.synced.hopMs,
    measured && `BullMQ, ${measured.synced.hopHow}, each write synced`,
  )
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
    {
      metric: `hop in a chain of ${LINKS}, median of ${CHAINS} chains`,
      unit: 'ms',
      value: hopMs,
      goal: '<= BullMQ',
      ...(hop.ratio === undefined ? {} : { holds: hop.ratio <= HOP_RATIO_GOAL }),
      ...hop,
    },
    { metric: 'the same', unit: 'ms', value: hopMs, ...synced },
    { metric: 'the same, at another host than the leader', unit: 'ms', value: hopElsewhereMs },
  ]
}

function besideSpawn(
  { programs }: StagesMeasured,
  spawns: SpawnMeasured,
  piped: SpawnMeasured,
): Figure[] {
  const name = (of: SpawnMeasured, stdio: string) =>
    `spawn, ${stdio}, ${of.inFlight} in flight each`
  const bare = beside(programs.perSecond, spawns.programsPerSecond, name(spawns, 'output ignored'))
  const pipes = beside(programs.perSecond, piped.programsPerSecond, name(piped, 'output piped'))
  return [
    {
      metric: '/bin/true stages',
      unit: 'stages/s',
      value: programs.perSecond,
      goal: `>= ${PROGRAMS_SHARE_GOAL} × spawn`,
      holds: (bare.ratio ?? 0) >= PROGRAMS_SHARE_GOAL,
      ...bare,
    },
    { metric: 'the same', unit: 'stages/s', value: programs.perSecond, ...pipes },
  ]
}

type Beside = Pick<Figure, 'peer' | 'peerValue' | 'ratio'>

function beside(value: number, peerValue: number | undefined, peer: string | undefined): Beside {
  if (peerValue === undefined || peer === undefined) return { peer: 'BullMQ (missing)' }
  return { peer, peerValue, ratio: value / peerValue }
}
