/** What rounds of `skein bench estop` come to. */
import { type Step, steps, stepsMeaning, type Times } from './estop-steps.ts'
import { type Figure, percentile } from './report.ts'

export const kinds = ['plain', 'saturated', 'leaderKilled', 'partition'] as const
export type Kind = (typeof kinds)[number]

export interface Round {
  /** Of each host that was to be stopped, from the command on. */
  readonly deadMs: ReadonlyMap<string, number>
  /** The same, until its agent came to each step. */
  readonly steps: ReadonlyMap<string, Times>
  /** Until the person had signed it. */
  readonly signedMs: number
  /** Until the agent that was asked knew it of all that it could reach. */
  readonly confirmedMs: number
  /** Of a host whose agent was dead: until it was back and had stopped its trees. */
  readonly backMs: number | undefined
  /** For how long nobody had a turn on this machine, at most: no agent can be quicker than that. */
  readonly stillMs: number
  /** Of its cores, what it did not get until the last was dead: another machine had them. */
  readonly takenMs: number
}

/** Told of a round from here on. */
const STILL_TOLD_MS = 20

const goals: Readonly<Record<Kind, { metric: string; goalMs: number }>> = {
  plain: { metric: 'command to last process dead', goalMs: 100 },
  saturated: { metric: 'with the cores saturated besides', goalMs: 250 },
  leaderKilled: { metric: 'leader SIGKILLed just before, on the others', goalMs: 100 },
  partition: { metric: 'in both halves of a partition', goalMs: 100 },
}

export function figuresOf(kind: Kind, rounds: readonly Round[], where: boolean): Figure[] {
  const { metric, goalMs } = goals[kind]
  const last = rounds.map(({ deadMs }) => Math.max(...deadMs.values()))
  const p99 = percentile(last, 0.99)
  const confirmed = rounds.map(({ confirmedMs }) => confirmedMs)
  const back = rounds.flatMap(({ backMs }) => backMs ?? [])
  return [
    median(`${metric}, median`, last),
    { metric: `${metric}, p99`, unit: 'ms', value: p99, goal: `< ${goalMs}`, holds: p99 < goalMs },
    median('  seen and confirmed by all reached, median', confirmed),
    ...(back.length === 0 ? [] : [median('  on the host of the killed, once back, median', back)]),
    ...(where ? stepFigures(rounds) : []),
  ]
}

/** Over all hosts of all rounds, when each step was come to. */
function stepFigures(rounds: readonly Round[]): Figure[] {
  const of = (step: Step): number[] =>
    rounds.flatMap((round) => [...round.steps.values()].flatMap((times) => times[step] ?? []))
  const signed = rounds.map(({ signedMs }) => signedMs)
  const all: [string, number[]][] = [
    ['the person has signed', signed],
    ...steps.map((step): [string, number[]] => [stepsMeaning[step], of(step)]),
  ]
  return all.flatMap(([meaning, values]) => [
    median(`  until ${meaning}, median`, values),
    { metric: `  until ${meaning}, p99`, unit: 'ms', value: percentile(values, 0.99) },
  ])
}

function median(metric: string, values: readonly number[]): Figure {
  return { metric, unit: 'ms', value: percentile(values, 0.5) }
}

/** One line for the round, and with `where` one for each host. */
export function roundText(name: string, round: Round, where: boolean): string {
  const dead = [...round.deadMs].map(([host, ms]) => `${host} ${ms.toFixed(0)}`).join(', ')
  const { stillMs, takenMs } = round
  const stood = stillMs < STILL_TOLD_MS ? '' : `, the machine stood still ${stillMs.toFixed(0)} ms`
  const taken = takenMs === 0 ? '' : `, ${takenMs} ms of its cores were taken from it`
  const still = `${stood}${taken}`
  const first = `${name}: ${dead} ms, confirmed after ${round.confirmedMs.toFixed(0)} ms${still}\n`
  if (!where) return first
  const lines = [...round.steps].map(([host, times]) => {
    const told = steps.map((step) => `${step} ${times[step]?.toFixed(0) ?? '-'}`).join(', ')
    const { ranMs = 0, waitedMs = 0, collectedMs = 0 } = times
    const collected = collectedMs < 1 ? '' : `, ${collectedMs.toFixed(0)} of it for garbage,`
    const cores = `ran ${ranMs.toFixed(0)}${collected} and waited ${waitedMs.toFixed(0)} for a core`
    return `  ${host}: ${told}, dead ${round.deadMs.get(host)?.toFixed(0) ?? '-'}; ${cores}\n`
  })
  return `${first}  signed ${round.signedMs.toFixed(0)}\n${lines.join('')}`
}
