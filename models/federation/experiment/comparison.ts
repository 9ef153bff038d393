/**
 * Federated, centralised and local-only, side by side: the same network, the same rows, and as many
 * steps of the same size. Centralised has all rows in one place; local-only has each client alone
 * with its own. All are asked about the same later rows, which none of them has seen.
 */
import { assert } from '../../../protocol/assert.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { type DurationErrors, durationErrors, type Judged } from '../../measures/duration.ts'
import type { Row } from '../../rows.ts'
import { correctionOf, type OwnRow, type Told } from '../personal.ts'
import { epsilonOf } from '../privacy.ts'
import type { LastWord } from '../rounds/carrying.ts'
import { type Course, rateIn } from '../rounds/course.ts'
import { Federation, type RoundReport } from '../rounds/federation.ts'
import { type Host, TrainingHost } from '../rounds/host.ts'
import { type Examples, type Trainable, together } from '../rounds/trainable.ts'
import { asUsed, nameOf } from './as-used.ts'
import { type Attack, LyingHost, poisoned } from './attacks.ts'
import type { Client } from './clients.ts'

export interface Asking {
  readonly model: Trainable
  readonly start: Float32Array
  readonly course: Course
  readonly chance: Entropy
  /** Called after each round, or as much training: it may throw, and nothing goes on. */
  went?(round: number, rounds: number): void
}

export interface Lies {
  readonly attack: Attack
  readonly by: ReadonlySet<PeerId>
}

export interface Trained {
  readonly parameters: Float32Array
  readonly reports: readonly RoundReport[]
  /** Whom it would do the next round without. */
  readonly suspects: ReadonlySet<PeerId>
}

/** Of those who take part, some may lie, and some may die in a round. */
export async function trainFederated(
  clients: readonly Client[],
  asking: Asking,
  lies?: Lies,
  lastWord?: (host: PeerId, round: number) => LastWord,
): Promise<Trained> {
  const { model, course, start, chance, went } = asking
  const hosts = clients.map((client) => hostOf(client, model, lies))
  const federation = new Federation(hosts, course, start, {
    chance: chance.stream('federated'),
    ...(lastWord ? { lastWord } : {}),
  })
  const reports: RoundReport[] = []
  for (let round = 1; round <= course.rounds; round++) {
    reports.push(await federation.round())
    went?.(round, course.rounds)
  }
  return { parameters: federation.model, reports, suspects: federation.suspects }
}

function hostOf(client: Client, model: Trainable, lies: Lies | undefined): Host {
  const { signer, trained, voting } = client
  if (!lies?.by.has(signer.id)) return new TrainingHost(signer, model, trained, voting)
  const poison = poisoned(trained, lies.attack)
  return new LyingHost(new TrainingHost(signer, model, poison, voting), lies.attack)
}

/** As many examples as all hosts of a federation look at together. */
export async function trainCentrally(
  clients: readonly Client[],
  asking: Asking,
): Promise<Float32Array> {
  const all = together(clients.map(({ trained }) => trained))
  return await trainAlone(all, asking, asking.course.batch * clients.length, 'centralised')
}

export async function trainLocally(client: Client, asking: Asking): Promise<Float32Array> {
  return await trainAlone(client.trained, asking, asking.course.batch, client.name)
}

/** In as many parts as there are rounds, at the rate of each. */
async function trainAlone(
  examples: Examples,
  { model, start, course, chance, went }: Asking,
  batch: number,
  name: string,
): Promise<Float32Array> {
  let parameters = start
  for (let round = 1; round <= course.rounds; round++) {
    parameters = await model.train(parameters, examples, {
      steps: course.steps,
      batch,
      rate: rateIn(course, round),
      hold: 0,
      chance: chance.stream(`${name} ${round}`),
    })
    went?.(round, course.rounds)
  }
  return parameters
}

/** Whatever can be asked, which need not be trained by steps. */
export type Asks = Pick<Trainable, 'predict'>

/** On the later rows of one client: as a model says it, with the host's own correction, and as a host goes by it. */
export interface Errors {
  readonly bare: readonly Judged[]
  readonly corrected: readonly Judged[]
  /** Worked out when it is asked for: it takes longer than the others. */
  used(): readonly Judged[]
}

/** How far a model is off on the later rows of one client. */
export async function errorsOn(
  client: Client,
  model: Asks,
  parameters: Float32Array,
): Promise<Errors> {
  const told = await toldOf(model, parameters, client.heldExamples)
  const before = await toldOf(model, parameters, client.knownExamples)
  const own: OwnRow[] = client.known.map((row, i) => ({
    task: nameOf(row),
    target: client.knownExamples.targets[i] as number,
    told: before[i] as Told,
  }))
  const correction = correctionOf(own)
  const saidOf = (rows: readonly Row[], said: readonly Told[]) =>
    rows.map((row, i) => ({ row, told: said[i] as Told }))
  return {
    bare: client.held.map((row, i) => judged(row, told[i] as Told)),
    corrected: client.held.map((row, i) =>
      judged(row, correction.corrected(nameOf(row), told[i] as Told)),
    ),
    used: () => asUsed(saidOf(client.known, before), saidOf(client.held, told)),
  }
}

export function errorsOf(all: readonly Judged[]): DurationErrors {
  const errors = durationErrors(all)
  assert(errors !== undefined, 'a client must be asked something')
  return errors
}

/** Against whoever sees the models that come out; and the leader, who sees a sketch of each update too. */
export function epsilonsOf(
  course: Course,
  hosts: number,
  honestMin: number,
): { others: number; leader: number; delta: number } {
  const delta = 1 / (100 * hosts)
  const spent = (multiplier: number) =>
    epsilonOf({ multiplier, share: 1, rounds: course.rounds }, delta)
  return {
    others: spent(course.noise),
    leader: spent(course.noise / Math.sqrt(honestMin)),
    delta,
  }
}

async function toldOf(model: Asks, parameters: Float32Array, examples: Examples): Promise<Told[]> {
  const flat = await model.predict(parameters, examples)
  return Array.from({ length: flat.length / 3 }, (_, i) => {
    return [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]] as unknown as Told
  })
}

function judged(row: Row, [p10, p50, p90]: Told): Judged {
  return {
    range: { p10: Math.exp(p10), p50: Math.exp(p50), p90: Math.exp(p90), n: 0 },
    actualMs: row.endedMs - row.startedMs,
  }
}
