/** What is told of a model that clients have trained, and of the rounds that it comes from. */
import type { DurationErrors, Judged } from '../../measures/duration.ts'
import type { RoundReport } from '../rounds/federation.ts'
import type { Client } from './clients.ts'
import { errorsOf, type Trained } from './comparison.ts'

export interface Line {
  readonly trained: string
  /** On whose later rows: each client on its own, or each on everybody's. */
  readonly on: 'own' | 'everybody' | 'honest'
  readonly errors: DurationErrors
  /** With each host's own correction; undefined where a model is asked about rows of others. */
  readonly corrected?: DurationErrors
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

export interface Model {
  readonly bare: ReadonlyMap<Client, readonly Judged[]>
  readonly corrected: ReadonlyMap<Client, readonly Judged[]>
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
