/** What is told of the whiles in which hosts learned, or did not, and worked, or rested. Pure. */
import type { FederatedRound } from '../../coordinator/api/federation-routes.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import type { Family } from '../../models/registry/learned.ts'
import type { LoopHeld } from './federate-agent.ts'
import { AS_SPELLS_WITHOUT, mostAsWithout, WITHOUT as peer, waitFigures } from './federate-waits.ts'
import type { Worked } from './federate-work.ts'
import { type Figure, percentile } from './report.ts'

/** `paced`: beside as much work as the mesh carries easily. `flooded`: beside as much as it can do. */
export const settings = ['at rest', 'paced', 'flooded'] as const
export type Setting = (typeof settings)[number]
/** Of which family rounds are. */
export type Kind = 'none' | Family

export interface Spell {
  readonly rounds: readonly FederatedRound[]
  readonly held: readonly LoopHeld[]
  /** Of all agents together. */
  readonly cpuMs: number
  readonly worked: Worked | undefined
}

/** Stages a second: as many as can be done, and as many as are asked for when they are paced. */
export interface Pace {
  readonly done: number
  readonly offered: number
}

const LAG_GOAL_MS = 20
const ROUND_GOAL_MS = 10_000
const SHARE_GOAL = 0.95

export class Spells {
  readonly #all = new Map<string, Spell[]>()

  note(setting: Setting, kind: Kind, spell: Spell): void {
    this.#all.set(`${setting} ${kind}`, [...this.of(setting, kind), spell])
  }

  of(setting: Setting, kind: Kind): readonly Spell[] {
    return this.#all.get(`${setting} ${kind}`) ?? []
  }
}

/**
 * `before`: how loops were held up in the first round of each family, what is then asked for where work
 * is paced, and the settings that are looked at.
 */
export function figuresOf(
  spells: Spells,
  learned: readonly Family[],
  before: {
    readonly held: readonly LoopHeld[]
    readonly pace: Pace | undefined
    readonly wanted: readonly Setting[]
  },
): Figure[] {
  const each = before.wanted.flatMap((setting) =>
    learned.flatMap((family) => {
      const [rounds, without] = [spells.of(setting, family), spells.of(setting, 'none')]
      const when = `${setting}, ${family}`
      return [
        ...roundFigures(when, rounds),
        ...(setting === 'at rest' ? [cpuFigure(when, rounds, without)] : []),
        ...lagFigures(when, setting, rounds, without),
        ...(setting === 'paced' ? waitFigures(when, stagesOf(rounds), stagesOf(without)) : []),
        ...(setting === 'at rest' ? [] : [stageFigure(when, rounds, without)]),
      ]
    }),
  )
  return [...paceFigures(before.pace), ...each, firstFigure(before.held)]
}

function paceFigures(pace: Pace | undefined): Figure[] {
  if (pace === undefined) return []
  return [
    { metric: 'as many stages as can be done, without rounds', unit: '/s', value: pace.done },
    { metric: 'paced: stages that are asked for', unit: '/s', value: pace.offered },
  ]
}

function roundFigures(when: string, spells: readonly Spell[]): Figure[] {
  const rounds = spells.flatMap((spell) => spell.rounds)
  const took = rounds.map(({ openedMs, endedMs = openedMs }) => endedMs - openedMs)
  const decided = rounds.filter(({ state }) => state !== 'failed').length
  const kib = (of: 'upBytesMax' | 'downBytesMax', way: string): Figure => {
    const value = Math.max(...rounds.map((round) => round[of])) / 1_024
    const goal = federationLimits.roundBytesMax / 1_024
    const metric = `${when}: ${way} in a round, the most`
    return { metric, unit: 'KiB', value, goal: `<= ${goal}`, holds: value <= goal }
  }
  const median = percentile(took, 0.5)
  return [
    {
      metric: `${when}: a round, median of ${rounds.length}`,
      unit: 'ms',
      value: median,
      goal: `< ${ROUND_GOAL_MS}`,
      holds: median < ROUND_GOAL_MS,
    },
    { metric: `${when}: a round, the longest`, unit: 'ms', value: Math.max(...took) },
    {
      metric: `${when}: rounds that came to a decision`,
      unit: '',
      value: decided,
      goal: `= ${rounds.length}`,
      holds: decided === rounds.length,
    },
    kib('upBytesMax', 'a host sends'),
    kib('downBytesMax', 'a host is sent'),
  ]
}

/** What their own processes take more; the one where models run, which is to wait for others, is not in it. */
function cpuFigure(when: string, spells: readonly Spell[], without: readonly Spell[]): Figure {
  const rounds = spells.reduce((sum, spell) => sum + spell.rounds.length, 0)
  const more = mean(spells.map(({ cpuMs }) => cpuMs)) - mean(without.map(({ cpuMs }) => cpuMs))
  const value = more / (rounds / spells.length)
  return { metric: `${when}: CPU of all agents for a round`, unit: 'ms', value }
}

/** Of the agent that was held up most in each spell. */
function lagFigures(
  when: string,
  setting: Setting,
  spells: readonly Spell[],
  without: readonly Spell[],
): Figure[] {
  return lags.map(({ of, metric, share, hasGoal }) => {
    const worsts = (all: readonly Spell[]) =>
      all.map(({ held }) => Math.max(...held.map((one) => one[of])))
    const eachWithout = worsts(without)
    const [value, peerValue] = [percentile(worsts(spells), share), percentile(eachWithout, share)]
    const beside = { metric: `${when}: ${metric}`, unit: 'ms', value, peer, peerValue }
    if (!hasGoal) return beside
    // Where more is asked of the machine than it can do, loops wait for cores whatever else is done;
    // and of one that had to wait, all that has come meanwhile is one piece of work.
    const isBeside = setting === 'flooded' || (setting === 'paced' && of === 'ownMs')
    const goal = `< ${LAG_GOAL_MS}${isBeside ? `, or ${AS_SPELLS_WITHOUT}` : ''}`
    const most = Math.max(LAG_GOAL_MS, isBeside ? mostAsWithout(eachWithout) : 0)
    return { ...beside, goal, holds: value < most }
  })
}

const lags = [
  {
    of: 'p99Ms',
    metric: 'a loop held up, 99th percentile, median of spells',
    share: 0.5,
    hasGoal: true,
  },
  {
    of: 'p99Ms',
    metric: 'a loop held up, 99th percentile, worst spell',
    share: 1,
    hasGoal: false,
  },
  {
    of: 'ownMs',
    metric: 'a loop kept by its own work, the longest, median of spells',
    share: 0.5,
    hasGoal: true,
  },
  {
    of: 'ownMs',
    metric: 'a loop kept by its own work, the longest, worst spell',
    share: 1,
    hasGoal: false,
  },
  // By whatever else the machine does, too.
  { of: 'maxMs', metric: 'a loop held up, the longest', share: 1, hasGoal: false },
] as const

/** Of the first rounds in an agent's life, of which much is never done again. */
function firstFigure(held: readonly LoopHeld[]): Figure {
  const value = Math.max(...held.map(({ ownMs }) => ownMs))
  const metric = 'a loop kept by its own work, the longest in its first rounds'
  return { metric, unit: 'ms', value }
}

function stagesOf(spells: readonly Spell[]) {
  return spells.map(({ worked }) => worked?.stages ?? [])
}

function stageFigure(when: string, spells: readonly Spell[], without: readonly Spell[]): Figure {
  const of = (all: readonly Spell[]) => mean(all.map(({ worked }) => worked?.perSecond ?? 0))
  const [value, peerValue] = [of(spells), of(without)]
  const ratio = value / peerValue
  return {
    metric: `${when}: stages done`,
    unit: '/s',
    value,
    goal: `>= ${SHARE_GOAL} of those without`,
    ...{ peer, peerValue, ratio },
    holds: ratio >= SHARE_GOAL,
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
