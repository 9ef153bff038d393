/**
 * `skein bench placement`: how much sooner a workflow is through on hosts of different speed when
 * places are chosen by what such work took there, by the policy that the scheduler uses. Time is made
 * up, and learned as it goes: each workflow is placed by what attempts of those before it took.
 * Beside it, what a choice costs.
 */
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { noDemands } from '../../coordinator/placement/demands.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import type { PlacementRequest } from '../../coordinator/placement/policy.ts'
import { timesByHost } from '../../models/profiles/by-host.ts'
import { levelsOf } from '../../models/profiles/levels.ts'
import { type Past, Profiles, type Told } from '../../models/profiles/profiles.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { hostsOfSpeed, passed } from './placement-passage.ts'
import { type Figure, percentile, report } from './report.ts'

export interface PlacementOptions {
  rounds: string
  seed: string
  json: boolean
}

/** How much slower each is than the first; two cores each. */
const slowness = [1, 1, 2, 2, 4] as const
const widths = [1, 3, 6, 20] as const
const LENGTH = 8
const TASKS = 4
const CHOICES = 64
const GOAL_MS = 5
const WORKFLOW = 'bench'

export async function benchPlacement(options: PlacementOptions): Promise<number> {
  const rounds = Number(options.rounds)
  const figures: Figure[] = []
  for (const chains of widths) {
    const plain = meanOf(rounds, options.seed, chains, { learns: false })
    const learned = meanOf(rounds, options.seed, chains, { learns: true })
    figures.push({
      metric: `${chains} chains of ${LENGTH} stages on ${slowness.length} hosts of speed 1 to 1/4, until all are through`,
      unit: 's',
      value: learned / 1_000,
      peer: 'where no times are known',
      peerValue: plain / 1_000,
      ratio: learned / plain,
      goal: 'no later',
      holds: learned <= plain * 1.02,
    })
  }
  const [known, unknown] = [costOf(rounds, true), costOf(rounds, false)]
  for (const [share, word] of [
    [0.5, 'median'],
    [0.99, '99th percentile'],
  ] as const) {
    const value = percentile(known, share)
    figures.push({
      metric: `${CHOICES} choices among ${CHOICES} hosts, ${word}`,
      unit: 'ms',
      value,
      peer: 'where no times are known',
      peerValue: percentile(unknown, share),
      goal: `< ${GOAL_MS}`,
      holds: value < GOAL_MS,
    })
  }
  return report(`placement, ${rounds} workflows each`, figures, options.json)
}

/** Of the later half: by then every host has done some of it. */
function meanOf(rounds: number, seed: string, chains: number, { learns }: { learns: boolean }) {
  const entropy = new SystemEntropy(new TextEncoder().encode(`placement ${seed} ${chains}`))
  const past = slowness.map(() => new Profiles())
  let id = 0
  const spans: number[] = []
  for (let round = 0; round < 2 * rounds; round++) {
    const work = Array.from({ length: chains }, () =>
      Array.from({ length: LENGTH }, () => drawn(entropy)),
    )
    const told = learns ? toldBy(past) : new Map<string, readonly Told[]>()
    const times = Array.from({ length: TASKS }, (_, task) => {
      return timesByHost(WORKFLOW, nameOf(task), told)
    })
    const span = passed(
      { slowness, work, times, random: entropy },
      ({ host, task, tookMs, atMs }) => {
        const attempt: Past = {
          ...{ id: id++, group: WORKFLOW, task: nameOf(task), endedMs: atMs, tookMs },
          ended: 'succeeded',
        }
        past[host]?.add(attempt)
      },
    )
    if (round >= rounds) spans.push(span)
  }
  return spans.reduce((sum, span) => sum + span, 0) / spans.length
}

/** A task has its own length, and each attempt a little more or less of it. */
function drawn(entropy: Entropy): { task: number; ms: number } {
  const task = Math.floor(entropy.unit() * TASKS)
  return { task, ms: 5_000 * (1 + task) * (0.8 + 0.4 * entropy.unit()) }
}

function nameOf(task: number): string {
  return `run/task${task}/x`
}

function toldBy(past: readonly Profiles[]): Map<string, readonly Told[]> {
  const keys = Array.from({ length: TASKS }, (_, task) => levelsOf(WORKFLOW, nameOf(task))).flat()
  return new Map(
    keys.map(({ key }) => {
      const each = past.flatMap((profiles, host) => {
        const told = profiles.told(key)
        return told === undefined ? [] : [{ ...told, host: `h${host}` }]
      })
      return [key, each]
    }),
  )
}

/** In milliseconds, one for each turn of so many choices. */
function costOf(rounds: number, isKnown: boolean): number[] {
  const entropy = new SystemEntropy(new TextEncoder().encode('placement cost'))
  const hosts = hostsOfSpeed(Array.from({ length: CHOICES }, () => 1)).all()
  const plain: PlacementRequest = { demands: noDemands, resources: { custom: {} }, features: [] }
  const expectedOn = new Map(hosts.map(({ id }, i) => [id, { ms: 1_000 + 10 * i, n: 20 }]))
  const request = isKnown ? { ...plain, expectedMs: 1_300, expectedOn } : plain
  return Array.from({ length: 10 * rounds }, () => {
    const startedMs = performance.now()
    for (let i = 0; i < CHOICES; i++) balanced.choose(request, hosts, entropy)
    return performance.now() - startedMs
  })
}
