/**
 * A whole comparison, as figures: what each way of training comes to on each client's later rows and
 * on everybody's, and what of that was promised.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { DurationErrors, Judged } from '../../measures/duration.ts'
import { federationLimits } from '../limits.ts'
import { thresholdsOf } from '../masking/terms.ts'
import type { LastWord } from '../rounds/carrying.ts'
import { type Attacked, type Learning, type LieCost, underAttack } from './attacked.ts'
import type { Client } from './clients.ts'
import {
  type Asking,
  epsilonsOf,
  errorsOf,
  errorsOn,
  trainCentrally,
  trainFederated,
  trainLocally,
} from './comparison.ts'
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

export interface Asked extends Asking, Attacked {
  /** Dies in the middle of a round, and is not heard of again. */
  readonly killed: ReadonlySet<string>
}

/** Of what is asked, what deaths follow from. */
export type Dying = Pick<Asked, 'clients' | 'killed'> & {
  readonly course: { readonly rounds: number }
}

export interface ClientLine {
  readonly name: string
  readonly of: readonly string[]
  readonly known: number
  readonly held: number
  readonly lies: boolean
  readonly local: DurationErrors
  /** The local model on everybody's rows. */
  readonly localEverywhere: DurationErrors
  readonly federated: DurationErrors
  readonly corrected: DurationErrors
  readonly used: DurationErrors
}

export interface Report {
  readonly lines: readonly Line[]
  readonly clients: readonly ClientLine[]
  readonly promises: readonly PromiseLine[]
  /** Where nobody lies, none. */
  readonly lieCosts: readonly LieCost[]
  readonly rounds: Course
  /** With those who lie. */
  readonly roundsUnderAttack?: Course
  readonly epsilon?: { readonly others: number; readonly leader: number; readonly delta: number }
}

export async function reportOf(asked: Asked): Promise<Report> {
  const { clients, tell, course } = asked
  const judge = (parameters: Float32Array, users?: readonly Client[]) =>
    judged(asked, parameters, users)
  tell('centralised')
  const central = await judge(await trainCentrally(clients, asked))
  tell('local-only')
  const locals: Model[] = []
  for (const client of clients) {
    locals.push(await judge(await trainLocally(client, asked), [client]))
  }
  tell('federated')
  const trained = await trainFederated(clients, asked, undefined, deaths(asked))
  const federated = await judge(trained.parameters)
  const own = merged(locals.map((model, i) => [clients[i] as Client, model]))
  const everybody = errorsOf(locals.flatMap(({ bare }) => [...bare.values()].flat()))
  const attacked = await underAttack(asked, learning(asked), federated)
  const lines: Line[] = [
    lineOf('centralised', 'own', central),
    lineOf('local-only', 'own', own),
    { trained: 'local-only', on: 'everybody', errors: everybody },
    lineOf('federated', 'own', federated),
    ...attacked.lines,
  ]
  const fed = errorsOf(all(federated.bare))
  const rounds = courseOf(trained, clients)
  const promises = [
    promise(
      'federated beside centralised',
      fed.pinballLog / errorsOf(all(central.bare)).pinballLog - 1,
      0.01,
    ),
    promise(
      'federated beside centralised, as used',
      errorsOf(all(federated.used)).pinballLog / errorsOf(all(central.used)).pinballLog - 1,
      0.01,
    ),
    promise(
      'federated beside local-only on everybody’s rows',
      fed.pinballLog / everybody.pinballLog - 1,
      -0.2,
    ),
    ...attacked.promises,
    promise(
      'bytes that a host sends in a round',
      rounds.upBytesMax,
      federationLimits.roundBytesMax,
    ),
    promise(
      'bytes that a host is sent in a round',
      rounds.downBytesMax,
      federationLimits.roundBytesMax,
    ),
  ]
  return {
    lines,
    clients: clients.map((client, i) => clientLine(asked, client, locals[i] as Model, federated)),
    promises,
    lieCosts: attacked.lieCosts,
    rounds,
    ...(attacked.rounds ? { roundsUnderAttack: attacked.rounds } : {}),
    ...(course.noise > 0 ? { epsilon: epsilonOfRounds(asked) } : {}),
  }
}

/** In the middle of a round after a third of them, when its masks are in those of others already. */
export function deaths({ clients, killed, course }: Dying) {
  const dying = new Set(
    clients.filter(({ name }) => killed.has(name)).map(({ signer }) => signer.id),
  )
  const last = Math.ceil(course.rounds / 3)
  return (host: PeerId, round: number): LastWord => {
    if (!dying.has(host) || round < last) return 'all'
    return round === last ? 'dealing' : 'nothing'
  }
}

/** Those who die do so whoever lies. */
function learning(asked: Asked): Learning {
  return {
    name: 'federated',
    about: '',
    learn: async (clients, lies) => {
      const trained = await trainFederated(clients, asked, lies, deaths(asked))
      const judge = (of: readonly Client[]) => judged({ ...asked, clients: of }, trained.parameters)
      return { ...trained, judged: judge }
    },
  }
}

function judged(
  { clients, model }: Asked,
  parameters: Float32Array,
  users?: readonly Client[],
): Promise<Model> {
  return modelOf(clients, (client) => errorsOn(client, model, parameters), users)
}

function clientLine({ liars }: Asked, client: Client, local: Model, federated: Model): ClientLine {
  const { name, of, known, held } = client
  const on = (judged: ReadonlyMap<Client, readonly Judged[]>) => errorsOf(judged.get(client) ?? [])
  return {
    ...{ name, of, known: known.length, held: held.length, lies: liars.has(name) },
    local: on(local.bare),
    localEverywhere: errorsOf(all(local.bare)),
    federated: on(federated.bare),
    corrected: on(federated.corrected),
    used: on(federated.used),
  }
}

function epsilonOfRounds({ course, clients }: Asked) {
  return epsilonsOf(course, clients.length, thresholdsOf(clients.length).summedMin)
}
