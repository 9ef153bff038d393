/** `skein sim`: one seed told as it happens, many seeds at once, a failing seed again and smaller. */
import { randomInt } from 'node:crypto'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runAll } from './crew.ts'
import { simLimits } from './limits.ts'
import { shrink } from './shrink.ts'
import { lineOf, linesOfClimate, linesOfFailure, summaryOf, textOfWork } from './telling.ts'
import {
  climateOf,
  type Listeners,
  runTrial,
  type TrialOptions,
  type TrialResult,
} from './trial.ts'
import { exitCodeOf, type Failure } from './verdict.ts'
import type { WorkCounts } from './work/trial.ts'

interface Asked {
  readonly nodes: string
  readonly minutes?: string
  readonly work: boolean
  readonly json: boolean
}

/** Of virtual time, if not said. Work is dense: what goes wrong does so soon. */
const MINUTES = '10'
const WORK_MINUTES = '2'

const FRESH_SEEDS = 1e9

export interface RunOptions extends Asked {
  readonly seed?: string
}

/** One seed, told as it happens. */
export async function simRun(options: RunOptions): Promise<number> {
  const seed = options.seed ?? String(randomInt(FRESH_SEEDS))
  const trial = trialOf(options, seed)
  const listeners: Listeners = options.json ? {} : telling('faults')
  const result = await runTrial(trial, listeners)
  return conclude(result, options)
}

export interface ReplayOptions extends Asked {
  readonly seed: string
  readonly everything: boolean
}

/** One seed in full, twice; when it fails, also as small as it can be made. */
export async function simReplay(options: ReplayOptions): Promise<number> {
  const trial = trialOf(options, options.seed)
  const listeners: Listeners = options.json ? {} : telling(options.everything ? 'all' : 'logs')
  const result = await runTrial(trial, listeners)
  const again: TrialResult[] = []
  await runAll([trial], (other) => again.push(other) > 0, 1)
  if (again[0]?.hash !== result.hash) {
    say(`two runs of seed ${options.seed} differ: ${result.hash} and ${again[0]?.hash}`)
    return exitCodes.simulationCrash
  }
  const code = conclude(result, options)
  if (result.verdict.kind !== 'passed' && !options.json) await tellSmallest(trial, result.verdict)
  return code
}

export interface SoakOptions extends Asked {
  readonly seeds: string
  readonly from?: string
}

/** Many seeds on all cores. The first that fails ends it, and is told with what it needs. */
export async function simSoak(options: SoakOptions): Promise<number> {
  const first = Number(options.from ?? randomInt(FRESH_SEEDS))
  const count = Number(options.seeds)
  const trials = Array.from({ length: count }, (_, i) => trialOf(options, String(first + i)))
  const startedMs = performance.now()
  const seen = { seeds: 0, virtualMs: 0, events: 0, faults: 0, operations: 0, entries: 0 }
  const work = { runs: 0, begun: 0, lost: 0, raced: 0, outrun: 0, votes: 0 }
  let failed: TrialResult | undefined
  await runAll(trials, (result) => {
    seen.seeds++
    seen.virtualMs += result.virtualMs
    seen.events += result.events
    seen.faults += result.climate.faults.length
    seen.entries += result.entries
    seen.operations += Object.values(result.operations).reduce((sum, each) => sum + each, 0)
    for (const name of Object.keys(work) as (keyof WorkCounts)[]) {
      work[name] += result.work?.[name] ?? 0
    }
    if (result.verdict.kind !== 'passed') failed ??= result
    progress(`${seen.seeds} of ${count} seeds`)
    return failed === undefined
  })
  progress('')
  const realMs = performance.now() - startedMs
  const ratio = seen.virtualMs / realMs
  if (options.json) {
    const verdict = failed?.verdict ?? { kind: 'passed' }
    const done = options.work ? { ...seen, ...work } : seen
    const totals = { ...done, first, realMs, ratio, verdict, failedSeed: failed?.seed }
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, ...totals })}\n`)
  } else {
    say(
      `${seen.seeds} seeds from ${first}, ${options.nodes} nodes, ${minutesOf(options)} minutes each: ` +
        `${seen.faults} faults, ${options.work ? textOfWork(work) : `${seen.operations} operations`}, ${seen.entries} entries, ${seen.events} events`,
    )
    say(
      `${(seen.virtualMs / 60_000).toFixed(0)} virtual minutes in ${(realMs / 1_000).toFixed(1)} s: ${ratio.toFixed(0)} times faster than real time`,
    )
  }
  if (!failed || failed.verdict.kind === 'passed') return exitCodes.done
  const { seed, verdict } = failed
  if (!options.json) {
    say(`seed ${seed} failed`)
    for (const line of linesOfFailure(verdict)) say(line)
    await tellSmallest(trialOf(options, seed), verdict)
    say(`see it happen: skein sim replay ${seed} ${sameMesh(options)}`)
  }
  return exitCodeOf[verdict.kind]
}

/**
 * A mesh on disks that lie, or of agents that forget their work, has to be caught: an alarm that is
 * never heard may not ring.
 */
export async function simCanary(options: SoakOptions): Promise<number> {
  const first = Number(options.from ?? randomInt(FRESH_SEEDS))
  const trials = Array.from({ length: Number(options.seeds) }, (_, i) => ({
    ...trialOf(options, String(first + i)),
    ...(options.work ? { forgets: true } : { lyingDisks: true }),
  }))
  const culprits = options.work ? 'agents that forget' : 'disks that lie'
  let rang: TrialResult | undefined
  let seeds = 0
  await runAll(trials, (result) => {
    seeds++
    if (result.verdict.kind === 'safety') rang ??= result
    return rang === undefined
  })
  const caught = rang?.verdict.kind === 'safety' ? rang.verdict : undefined
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, first, seeds, caught })}\n`)
  } else if (caught) {
    say(`${culprits} were caught after ${seeds} seeds, in seed ${rang?.seed}:`)
    for (const line of linesOfFailure(caught)) say(line)
  } else say(`${culprits} went unnoticed in ${seeds} seeds from ${first}: the checks are broken`)
  return caught ? exitCodes.done : exitCodes.failed
}

function trialOf(asked: Asked, seed: string): TrialOptions {
  const { nodes, work } = asked
  return { seed, nodes: Number(nodes), minutes: Number(minutesOf(asked)), work }
}

function minutesOf({ minutes, work }: Asked): string {
  return minutes ?? (work ? WORK_MINUTES : MINUTES)
}

/** How the same mesh is asked for again. */
function sameMesh(asked: Asked): string {
  return `--nodes ${asked.nodes} --minutes ${minutesOf(asked)}${asked.work ? ' --work' : ''}`
}

function conclude(result: TrialResult, { json }: Asked): number {
  const { verdict } = result
  if (json) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, ...result })}\n`)
  else {
    say(summaryOf(result))
    if (verdict.kind === 'passed') say('passed: nothing was lost, doubled or stuck')
    else for (const line of linesOfFailure(verdict)) say(line)
  }
  return exitCodeOf[verdict.kind]
}

async function tellSmallest(trial: TrialOptions, failure: Failure): Promise<void> {
  const climate = climateOf(trial)
  const smallest = await shrink(trial, climate, failure, {
    onRun: (faults) => progress(`looking for a smaller storm: ${faults} faults`),
  })
  progress('')
  const { faults } = smallest.climate
  say(
    `of its ${climate.faults.length} faults it needs ${faults.length} (found in ${smallest.runs} runs of at most ${simLimits.shrinkRunsMax}):`,
  )
  for (const line of linesOfClimate(smallest.climate)) say(line)
}

/** `faults`: with what befell whom; `logs`: and what agents log; `all`: and every event. */
function telling(what: 'faults' | 'logs' | 'all'): Listeners {
  return {
    tells: what === 'faults' ? 'turns' : 'everything',
    say: (line) => say(lineOf(line)),
    trace: (line) => {
      const { kind } = line
      const wanted =
        what === 'all' ||
        kind === 'fault' ||
        (what === 'logs' && (kind === 'log' || kind === 'wire'))
      if (wanted) say(lineOf(line))
    },
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
