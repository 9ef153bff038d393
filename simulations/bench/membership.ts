/**
 * `skein bench membership`: failure detection at scale under virtual time, with Lifeguard's parts
 * and, in the same run on the same faults, without them (plain SWIM).
 */

import { Worker } from 'node:worker_threads'
import { limits } from '../../protocol/membership/limits.ts'
import type { TrialOptions, TrialResult } from '../membership/trial.ts'
import type { FromTrial } from './membership-trial.ts'
import { type Figure, percentile, report } from './report.ts'

export interface MembershipBenchOptions {
  nodes: string
  minutes: string
  loss: string
  paused: string
  seed: string
  json: boolean
}

const PROBE_INTERVAL_MS = limits.probeIntervalMs
const KNOWN_GOAL_MS = 5_000
const FEWER_GOAL = 20

export async function benchMembership(options: MembershipBenchOptions): Promise<number> {
  const startedMs = performance.now()
  const [swim, skein] = await Promise.all([trial(options, false), trial(options, true)])
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const realSeconds = (performance.now() - startedMs) / 1_000
  const virtualSeconds = (swim.settledMs + skein.settledMs + 2 * skein.virtualMs) / 1_000
  const beside = (metric: string, unit: string, of: (result: TrialResult) => number): Figure => ({
    metric,
    unit,
    value: of(skein),
    peer: 'plain SWIM',
    peerValue: of(swim),
  })
  const known = (share: number) => (result: TrialResult) => percentile(result.knownMs, share)
  const ratio = swim.falseSuspicions / Math.max(1, skein.falseSuspicions)
  const slowest = known(1)(skein)
  const results: Figure[] = [
    {
      ...beside('false deaths', '', (r) => r.falseDeaths),
      goal: '= 0',
      holds: skein.falseDeaths === 0,
    },
    {
      ...beside('false suspicions', '', (r) => r.falseSuspicions),
      goal: `${FEWER_GOAL} times fewer`,
      ratio,
      holds: ratio >= FEWER_GOAL,
    },
    beside('false first-hand accusations', '', (r) => r.falseAccusations),
    beside('deaths', '', (r) => r.deaths),
    beside('pauses', '', (r) => r.pauses),
    beside('death known to 99.9%, median', 'ms', known(0.5)),
    {
      ...beside('death known to 99.9%, slowest', 'ms', known(1)),
      goal: `< ${KNOWN_GOAL_MS}`,
      holds: slowest < KNOWN_GOAL_MS && skein.unknown === 0,
    },
    beside('deaths not known in time', '', (r) => r.unknown),
    beside('bandwidth per node', 'bytes/s', (r) => r.bytesPerNodePerSecond),
    beside('frames per node', 'per s', (r) => r.framesPerNodePerSecond),
    { metric: 'faster than real time, both', unit: 'times', value: virtualSeconds / realSeconds },
  ]
  const title = `membership, ${options.nodes} nodes, ${options.minutes} virtual minutes, loss ${options.loss}, paused ${options.paused}, seed ${options.seed}`
  return report(title, results, options.json)
}

/** Each trial has a thread of its own: neither needs anything of the other. */
function trial(options: MembershipBenchOptions, lifeguard: boolean): Promise<TrialResult> {
  const workerData: TrialOptions = {
    seed: options.seed,
    nodes: Number(options.nodes),
    minutes: Number(options.minutes),
    loss: Number(options.loss),
    paused: Number(options.paused),
    lifeguard,
    probeIntervalMs: PROBE_INTERVAL_MS,
  }
  const worker = new Worker(new URL('./membership-trial.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB, maxOldGenerationSizeMb: OLD_MIB },
  })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the trial ended without a result')))
    worker.on('message', (said: FromTrial) => {
      if (said.kind === 'result') resolve(said.result)
      else if (process.stderr.isTTY && lifeguard)
        process.stderr.write(`\r${Math.round(said.virtualMs / 1_000)} virtual seconds `)
    })
  })
}

/** Frames live for some virtual milliseconds: with room for them, few are ever copied. */
const YOUNG_MIB = 192
const OLD_MIB = 3_072
