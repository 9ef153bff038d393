/** Trees side by side, as `report.ts` has the net: the same clients, rows, liars, deaths and promises. */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Forest } from '../../forest.ts'
import type { Judged } from '../../measures/duration.ts'
import { federationLimits } from '../limits.ts'
import { treesLimits } from '../trees/limits.ts'
import type { Client } from './clients.ts'
import { errorsOf, errorsOn } from './comparison.ts'
import {
  type Asked,
  all,
  type Course,
  courseOf,
  deaths,
  type Line,
  lineOf,
  type Model,
  merged,
  only,
  type PromiseLine,
  promise,
} from './report.ts'
import { type GrowingAsked, growCentrally, growFederated, growLocally, toldBy } from './trees.ts'

export type TreesAsked = GrowingAsked &
  Pick<Asked, 'clients' | 'liars' | 'attack' | 'killed' | 'tell'>

export interface TreesReport {
  readonly lines: readonly Line[]
  readonly promises: readonly PromiseLine[]
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
  for (const client of clients) locals.push(await judged(clients, await growLocally(client, asked)))
  tell('trees, federated')
  const together = await growFederated(clients, asked, undefined, deaths(asked))
  const federated = await judged(clients, together.forest)
  const own = merged(locals.map((model, i) => [clients[i] as Client, model]))
  const everybody = errorsOf(locals.flatMap(({ bare }) => [...bare.values()].flat()))
  const attacked = await underAttack(asked, federated)
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
    rounds,
    ...(attacked.rounds ? { roundsUnderAttack: attacked.rounds } : {}),
    trees: together.forest.trees.length / 3,
  }
}

async function underAttack(
  asked: TreesAsked,
  clean: Model,
): Promise<{ lines: Line[]; promises: PromiseLine[]; rounds?: Course }> {
  const { clients, liars, attack, tell } = asked
  if (liars.size === 0) return { lines: [], promises: [] }
  const honest = clients.filter(({ name }) => !liars.has(name))
  const by = new Set<PeerId>(
    clients.filter(({ name }) => liars.has(name)).map(({ signer }) => signer.id),
  )
  tell(`trees, ${liars.size} with ${attack}`)
  const grown = await growFederated(clients, asked, { attack, by }, deaths(asked))
  const attacked = await judged(honest, grown.forest)
  tell('trees, without those who lie')
  const without = await growFederated(honest, asked, undefined, deaths(asked))
  const alone = await judged(honest, without.forest)
  const before = only(honest, clean)
  return {
    lines: [
      lineOf('trees, all honest', 'honest', before),
      lineOf(`trees, without ${liars.size}`, 'honest', alone),
      lineOf(`trees, ${liars.size} ${attack}`, 'honest', attacked),
    ],
    promises: [
      promise(`trees: ${attack} beside all honest`, lossOf(attacked) / lossOf(before) - 1, 0.02),
      promise(`trees: ${attack} beside the others`, lossOf(attacked) / lossOf(alone) - 1, 0.02),
    ],
    rounds: courseOf(grown, clients),
  }
}

async function judged(clients: readonly Client[], forest: Forest): Promise<Model> {
  const bare = new Map<Client, readonly Judged[]>()
  const corrected = new Map<Client, readonly Judged[]>()
  const asks = {
    predict: async (_: Float32Array, examples: Client['heldExamples']) => toldBy(forest, examples),
  }
  for (const client of clients) {
    const errors = await errorsOn(client, asks, new Float32Array(0))
    bare.set(client, errors.bare)
    corrected.set(client, errors.personal)
  }
  return { bare, corrected }
}

function lossOf({ bare }: Model): number {
  return errorsOf(all(bare)).pinballLog
}
