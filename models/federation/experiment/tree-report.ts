/** Trees side by side, as `report.ts` has the net: the same clients, rows, liars, deaths and promises. */
import type { Forest } from '../../forest.ts'
import { federationLimits } from '../limits.ts'
import { treesLimits } from '../trees/limits.ts'
import { type Learning, type LieCost, underAttack } from './attacked.ts'
import type { Client } from './clients.ts'
import { errorsOf, errorsOn } from './comparison.ts'
import {
  all,
  type Course,
  courseOf,
  type Line,
  lineOf,
  type Model,
  merged,
  modelOf,
  type PromiseLine,
  promise,
} from './figures.ts'
import { type Asked, deaths } from './report.ts'
import { type GrowingAsked, growCentrally, growFederated, growLocally, toldBy } from './trees.ts'

export type TreesAsked = GrowingAsked &
  Pick<Asked, 'clients' | 'liars' | 'attack' | 'killed' | 'tell'>

export interface TreesReport {
  readonly lines: readonly Line[]
  readonly promises: readonly PromiseLine[]
  readonly lieCosts: readonly LieCost[]
  readonly rounds: Course
  /** With those who lie. */
  readonly roundsUnderAttack?: Course
  /** Trees in the model, each of which says three quantiles. */
  readonly trees: number
}

export type TreesFault = 'noise' | 'tooManyHosts'

/** Why trees cannot be grown where a net is trained so. */
export function treesFault(
  { noise, votes }: { noise: number; votes: boolean },
  hosts: number,
): TreesFault | undefined {
  // Counts are whole numbers, and what hosts say in their votes is the truth.
  if (noise > 0) return 'noise'
  return (votes ? Math.ceil(hosts / 2) : hosts) > treesLimits.hostsMax ? 'tooManyHosts' : undefined
}

export async function treesReportOf(asked: TreesAsked): Promise<TreesReport> {
  const { clients, tell } = asked
  tell('trees, centralised')
  const central = await judged(clients, await growCentrally(clients, asked))
  tell('trees, local-only')
  const locals: Model[] = []
  for (const client of clients) {
    locals.push(await judged(clients, await growLocally(client, asked), [client]))
  }
  tell('trees, federated')
  const together = await growFederated(clients, asked, undefined, deaths(asked))
  const federated = await judged(clients, together.forest)
  const own = merged(locals.map((model, i) => [clients[i] as Client, model]))
  const everybody = errorsOf(locals.flatMap(({ bare }) => [...bare.values()].flat()))
  const attacked = await underAttack(asked, learning(asked), federated)
  const rounds = courseOf(together, clients)
  const fed = lossOf(federated)
  return {
    lines: [
      lineOf('trees, centralised', 'own', central),
      lineOf('trees, local-only', 'own', own),
      { trained: 'trees, local-only', on: 'everybody', errors: everybody },
      lineOf('trees, federated', 'own', federated),
      ...attacked.lines,
    ],
    promises: [
      promise('trees beside centralised', fed / lossOf(central) - 1, 0.01),
      promise('trees beside local-only on everybody’s rows', fed / everybody.pinballLog - 1, -0.2),
      ...attacked.promises,
      promise('trees: bytes that a host sends', rounds.upBytesMax, federationLimits.roundBytesMax),
      promise('trees: bytes it is sent', rounds.downBytesMax, federationLimits.roundBytesMax),
    ],
    lieCosts: attacked.lieCosts,
    rounds,
    ...(attacked.rounds ? { roundsUnderAttack: attacked.rounds } : {}),
    trees: together.forest.trees.length / 3,
  }
}

/** Those who die do so whoever lies. */
function learning(asked: TreesAsked): Learning {
  return {
    name: 'trees',
    about: 'trees: ',
    learn: async (clients, lies) => {
      const grown = await growFederated(clients, asked, lies, deaths(asked))
      return { ...grown, judged: (of) => judged(of, grown.forest) }
    },
  }
}

function judged(
  clients: readonly Client[],
  forest: Forest,
  users?: readonly Client[],
): Promise<Model> {
  const asks = {
    predict: async (_: Float32Array, examples: Client['heldExamples']) => toldBy(forest, examples),
  }
  return modelOf(clients, (client) => errorsOn(client, asks, new Float32Array(0)), users)
}

function lossOf({ bare }: Model): number {
  return errorsOf(all(bare)).pinballLog
}
