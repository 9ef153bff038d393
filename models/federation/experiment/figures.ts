/** What is told of a model that clients have trained, and of the rounds that it comes from. */
import type { DurationErrors, Judged } from '../../measures/duration.ts'
import type { RoundReport } from '../rounds/federation.ts'
import type { Client } from './clients.ts'
import { type Errors, errorsOf, type Trained } from './comparison.ts'

export interface Line {
  readonly trained: string
  /** On whose later rows: each client on its own, or each on everybody's. */
  readonly on: 'own' | 'everybody' | 'honest'
  readonly errors: DurationErrors
  /** With each host's own correction; undefined where a model is asked about rows of others. */
  readonly corrected?: DurationErrors
  /** As hosts go by it, beside their own history: `as-used.ts`. Undefined where `corrected` is. */
  readonly used?: DurationErrors
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

/** As a model says it, with each host's own correction, and as hosts go by it. */
export const ways = ['bare', 'corrected', 'used'] as const
export type Way = (typeof ways)[number]

export type Model = Readonly<Record<Way, ReadonlyMap<Client, readonly Judged[]>>>

/** What is added to what is said of a model, by how it is asked. */
export const wayWords: Readonly<Record<Way, string>> = {
  bare: '',
  corrected: ', corrected',
  used: ', as used',
}

/** `users`: those who go by it; of the others it is not asked what they would say then. */
export async function modelOf(
  clients: readonly Client[],
  errorsOn: (client: Client) => Promise<Errors>,
  users: readonly Client[] = clients,
): Promise<Model> {
  const model = { bare: new Map(), corrected: new Map(), used: new Map() }
  for (const client of clients) {
    const errors = await errorsOn(client)
    model.bare.set(client, errors.bare)
    model.corrected.set(client, errors.corrected)
    if (users.includes(client)) model.used.set(client, errors.used())
  }
  return model
}

/** Of each model what it says of its own client. */
export function merged(models: readonly (readonly [Client, Model])[]): Model {
  return byWay(
    (way) => new Map(models.map(([client, model]) => [client, model[way].get(client) ?? []])),
  )
}

export function only(clients: readonly Client[], model: Model): Model {
  return byWay((way) => new Map(clients.map((client) => [client, model[way].get(client) ?? []])))
}

function byWay(of: (way: Way) => Model[Way]): Model {
  return { bare: of('bare'), corrected: of('corrected'), used: of('used') }
}

export function all(judged: ReadonlyMap<Client, readonly Judged[]>): Judged[] {
  return [...judged.values()].flat()
}

export function lineOf(trained: string, on: Line['on'], model: Model): Line {
  const [errors, corrected, used] = ways.map((way) => errorsOf(all(model[way])))
  return { trained, on, errors, corrected, used } as Line
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

export function promise(what: string, value: number, goal: number): PromiseLine {
  return { promise: what, value, goal, holds: value <= goal }
}
