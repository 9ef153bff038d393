/**
 * A whole comparison, as figures: what each way of training comes to on each client's later rows and
 * on everybody's, and what of that was promised.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { DurationErrors, Judged } from '../../measures/duration.ts'
import { federationLimits } from '../limits.ts'
import { thresholdsOf } from '../masking/terms.ts'
import type { LastWord } from '../rounds/carrying.ts'
import type { RoundReport } from '../rounds/federation.ts'
import type { Attack } from './attacks.ts'
import type { Client } from './clients.ts'
import {
  type Asking,
  epsilonsOf,
  errorsOf,
  errorsOn,
  type Trained,
  trainCentrally,
  trainFederated,
  trainLocally,
} from './comparison.ts'

export interface Asked extends Asking {
  readonly clients: readonly Client[]
  /** By the names of clients. */
  readonly liars: ReadonlySet<string>
  readonly attack: Attack
  /** Dies in the middle of a round, and is not heard of again. */
  readonly killed: ReadonlySet<string>
  /** Told before each part, which takes a while. */
  tell(part: string): void
}

/** Of what is asked, what deaths follow from. */
export type Dying = Pick<Asked, 'clients' | 'killed'> & {
  readonly course: { readonly rounds: number }
}

export interface Line {
  readonly trained: string
  /** On whose later rows: each client on its own, or each on everybody's. */
  readonly on: 'own' | 'everybody' | 'honest'
  readonly errors: DurationErrors
  /** With each host's own correction; undefined where a model is asked about rows of others. */
  readonly corrected?: DurationErrors
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
}

export interface PromiseLine {
  readonly promise: string
  /** Shares, or bytes. */
  readonly value: number
  readonly goal: number
  readonly holds: boolean
}

export interface Course {
  readonly kept: number
  readonly undone: number
  readonly failed: number
  readonly upBytesMax: number
  readonly downBytesMax: number
  readonly suspects: readonly string[]
}

export interface Report {
  readonly lines: readonly Line[]
  readonly clients: readonly ClientLine[]
  readonly promises: readonly PromiseLine[]
  readonly rounds: Course
  /** With those who lie. */
  readonly roundsUnderAttack?: Course
  readonly epsilon?: { readonly others: number; readonly leader: number; readonly delta: number }
}

export interface Model {
  readonly bare: ReadonlyMap<Client, readonly Judged[]>
  readonly corrected: ReadonlyMap<Client, readonly Judged[]>
}

export async function reportOf(asked: Asked): Promise<Report> {
  const { clients, tell, course } = asked
  const judge = (parameters: Float32Array) => judged(asked, parameters)
  tell('centralised')
  const central = await judge(await trainCentrally(clients, asked))
  tell('local-only')
  const locals: Model[] = []
  for (const client of clients) locals.push(await judge(await trainLocally(client, asked)))
  tell('federated')
  const trained = await trainFederated(clients, asked, undefined, deaths(asked))
  const federated = await judge(trained.parameters)
  const own = merged(locals.map((model, i) => [clients[i] as Client, model]))
  const everybody = errorsOf(locals.flatMap(({ bare }) => [...bare.values()].flat()))
  const attacked = await underAttack(asked, federated)
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
    rounds,
    ...(attacked.rounds ? { roundsUnderAttack: attacked.rounds } : {}),
    ...(course.noise > 0 ? { epsilon: epsilonOfRounds(asked) } : {}),
  }
}

async function underAttack(
  asked: Asked,
  clean: Model,
): Promise<{ lines: Line[]; promises: PromiseLine[]; rounds?: Course }> {
  const { clients, liars, attack, tell } = asked
  if (liars.size === 0) return { lines: [], promises: [] }
  const honest = clients.filter(({ name }) => !liars.has(name))
  tell(`federated, ${liars.size} with ${attack}`)
  const by = new Set(clients.filter(({ name }) => liars.has(name)).map(({ signer }) => signer.id))
  const trained = await trainFederated(clients, asked, { attack, by }, deaths(asked))
  const attacked = only(honest, await judged(asked, trained.parameters))
  tell('federated, without those who lie')
  const without = await trainFederated(honest, asked, undefined, deaths(asked))
  const alone = only(honest, await judged(asked, without.parameters))
  const before = only(honest, clean)
  const worse = (of: 'bare' | 'corrected', beside: Model) =>
    errorsOf(all(attacked[of])).pinballLog / errorsOf(all(beside[of])).pinballLog - 1
  return {
    lines: [
      lineOf('federated, all honest', 'honest', before),
      lineOf(`federated, without ${liars.size}`, 'honest', alone),
      lineOf(`federated, ${liars.size} ${attack}`, 'honest', attacked),
    ],
    promises: [
      promise(`${attack} beside all honest`, worse('bare', before), 0.02),
      promise(`${attack} beside all honest, corrected`, worse('corrected', before), 0.02),
      promise(`${attack} beside the others alone`, worse('bare', alone), 0.02),
      promise(`${attack} beside the others alone, corrected`, worse('corrected', alone), 0.02),
    ],
    rounds: courseOf(trained, clients),
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

async function judged({ clients, model }: Asked, parameters: Float32Array): Promise<Model> {
  const bare = new Map<Client, readonly Judged[]>()
  const corrected = new Map<Client, readonly Judged[]>()
  for (const client of clients) {
    const errors = await errorsOn(client, model, parameters)
    bare.set(client, errors.bare)
    corrected.set(client, errors.personal)
  }
  return { bare, corrected }
}

/** Of each model what it says of its own client. */
export function merged(models: readonly (readonly [Client, Model])[]): Model {
  return {
    bare: new Map(models.map(([client, { bare }]) => [client, bare.get(client) ?? []])),
    corrected: new Map(
      models.map(([client, model]) => [client, model.corrected.get(client) ?? []]),
    ),
  }
}

export function only(clients: readonly Client[], model: Model): Model {
  return {
    bare: new Map(clients.map((client) => [client, model.bare.get(client) ?? []])),
    corrected: new Map(clients.map((client) => [client, model.corrected.get(client) ?? []])),
  }
}

export function all(judged: ReadonlyMap<Client, readonly Judged[]>): Judged[] {
  return [...judged.values()].flat()
}

export function lineOf(trained: string, on: Line['on'], { bare, corrected }: Model): Line {
  return { trained, on, errors: errorsOf(all(bare)), corrected: errorsOf(all(corrected)) }
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
  }
}

export function courseOf(
  { reports, suspects }: Pick<Trained, 'reports' | 'suspects'>,
  clients: readonly Client[],
): Course {
  const count = (ended: RoundReport['ended']) => reports.filter((one) => one.ended === ended).length
  return {
    ...{ kept: count('kept'), undone: count('undone'), failed: count('failed') },
    upBytesMax: Math.max(...reports.map(({ upBytesMax }) => upBytesMax)),
    downBytesMax: Math.max(...reports.map(({ downBytesMax }) => downBytesMax)),
    suspects: clients.filter(({ signer }) => suspects.has(signer.id)).map(({ name }) => name),
  }
}

function epsilonOfRounds({ course, clients }: Asked) {
  return epsilonsOf(course, clients.length, thresholdsOf(clients.length).summedMin)
}

export function promise(what: string, value: number, goal: number): PromiseLine {
  return { promise: what, value, goal, holds: value <= goal }
}
