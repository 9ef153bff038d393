/**
 * What some clients that lie do to what all learn, by the later rows of the honest ones: beside all
 * being honest, and beside those being by themselves who are.
 */
import type { RoundReport } from '../rounds/federation.ts'
import type { Attack } from './attacks.ts'
import type { Client } from './clients.ts'
import { errorsOf, type Lies, type Trained } from './comparison.ts'
import {
  all,
  type Course,
  courseOf,
  type Line,
  lineOf,
  type Model,
  only,
  type PromiseLine,
  promise,
  type Way,
  ways,
  wayWords,
} from './figures.ts'

export interface Attacked {
  readonly clients: readonly Client[]
  /** By the names of clients. */
  readonly liars: ReadonlySet<string>
  readonly attack: Attack
  /** Told before each part, which takes a while. */
  tell(part: string): void
}

/** How a model comes about whose clients may lie, and what it says on the later rows of some of them. */
export interface Learning {
  /** As lines are headed: `federated` or `trees`. */
  readonly name: string
  /** Before what is promised of it, where that is told beside another. */
  readonly about: string
  learn(clients: readonly Client[], lies?: Lies): Promise<Learned>
}

export interface Learned {
  readonly reports: readonly RoundReport[]
  readonly suspects: Trained['suspects']
  judged(clients: readonly Client[]): Promise<Model>
}

/**
 * Losses on the later rows of the honest. What lies cost is `withLies` beside `honestAlone`: what liars
 * would have given is missed whoever leaves them out, and no rule can give it back.
 */
export interface LieCost {
  readonly trained: string
  /** With each host's own correction. */
  readonly isCorrected: boolean
  /** As hosts go by it, beside their own history. */
  readonly isUsed: boolean
  readonly allHonest: number
  /** Those who lie are not there. */
  readonly honestAlone: number
  readonly withLies: number
}

export interface UnderAttack {
  readonly lines: readonly Line[]
  readonly promises: readonly PromiseLine[]
  readonly lieCosts: readonly LieCost[]
  readonly rounds?: Course
}

/** No worse than by this, in what is promised. */
const worseByMax = 0.02

/** `clean`: with all honest. */
export async function underAttack(
  { clients, liars, attack, tell }: Attacked,
  { name, about, learn }: Learning,
  clean: Model,
): Promise<UnderAttack> {
  if (liars.size === 0) return { lines: [], promises: [], lieCosts: [] }
  const honest = clients.filter((client) => !liars.has(client.name))
  const by = new Set(clients.filter((client) => liars.has(client.name)).map((one) => one.signer.id))
  tell(`${name}, ${liars.size} with ${attack}`)
  const learned = await learn(clients, { attack, by })
  const attacked = await learned.judged(honest)
  tell(`${name}, without those who lie`)
  const alone = await (await learn(honest)).judged(honest)
  const before = only(honest, clean)
  const lieCosts = ways.map((of) => ({
    trained: name,
    isCorrected: of === 'corrected',
    isUsed: of === 'used',
    allHonest: lossOf(before[of]),
    honestAlone: lossOf(alone[of]),
    withLies: lossOf(attacked[of]),
  }))
  const promises = besides.flatMap(({ whom, of }) =>
    lieCosts.map((cost) => {
      const what = `${about}${attack} beside ${whom}${wayWords[wayOf(cost)]}`
      return promise(what, cost.withLies / cost[of] - 1, worseByMax)
    }),
  )
  return {
    lines: [
      lineOf(`${name}, all honest`, 'honest', before),
      lineOf(`${name}, without ${liars.size}`, 'honest', alone),
      lineOf(`${name}, ${liars.size} ${attack}`, 'honest', attacked),
    ],
    promises,
    lieCosts,
    rounds: courseOf(learned, clients),
  }
}

/** What a course with lies is held beside. */
const besides = [
  { whom: 'all honest', of: 'allHonest' },
  { whom: 'the honest alone', of: 'honestAlone' },
] as const

export function wayOf({ isCorrected, isUsed }: LieCost): Way {
  return isUsed ? 'used' : isCorrected ? 'corrected' : 'bare'
}

function lossOf(judged: Model[keyof Model]): number {
  return errorsOf(all(judged)).pinballLog
}
