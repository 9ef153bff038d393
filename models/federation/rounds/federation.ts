/**
 * Rounds, one after the other: who is summed with whom, what comes of it, and with which of the sums
 * hosts are better off: one half, the other, or both together (`halves.ts`). A round that makes the
 * model worse is undone. What is promoted at the end is the best that hosts have voted for.
 *
 * In memory, with everything that a mesh would say said in the form in which it would be sent.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { median } from '../../measures/quantiles.ts'
import { selectingRules } from '../aggregation/rules.ts'
import { added, clipped, scaled, weightedMean } from '../aggregation/vectors.ts'
import { federationLimits } from '../limits.ts'
import { thresholdsOf } from '../masking/terms.ts'
import { ownDeviation } from '../privacy.ts'
import type { LastWord, Traffic } from './carrying.ts'
import { type Course, rateIn, strides } from './course.ts'
import { Halves } from './halves.ts'
import type { Host } from './host.ts'
import { type Given, type Summed, sumMasked, sumSeen } from './summing.ts'
import { type Heard, heardOf, Voices, type Words } from './voices.ts'
import { boundedAdvantage, isWorse, type Losses } from './votes.ts'

export interface RoundReport {
  readonly number: number
  readonly ended: 'kept' | 'undone' | 'failed'
  /** Of a round that failed. */
  readonly why?: string
  /** Of those whose updates are in the model now. */
  readonly counted: readonly PeerId[]
  readonly leftOut: readonly { readonly host: PeerId; readonly why: string }[]
  /** The most of any host, the model on its way counted in. */
  readonly upBytesMax: number
  readonly downBytesMax: number
}

export interface Surroundings {
  readonly chance: Entropy
  /** When a host dies in a round: what it still says. */
  lastWord?(host: PeerId, round: number): LastWord
}

/** Of what is usual: honest hosts stay whole, and nobody is longer than a few of them. */
const clipOfUsual = 3

type Sum = Extract<Summed, { ok: true }>

interface Candidate {
  readonly counted: readonly PeerId[]
  readonly velocity: Float32Array
  readonly parameters: Float32Array
  /** Undefined where hosts do not vote. */
  readonly losses: Losses | undefined
}

export class Federation {
  readonly #hosts: ReadonlyMap<PeerId, Host>
  readonly #course: Course
  readonly #around: Surroundings
  readonly #halves: Halves<PeerId>
  readonly #voices = new Voices<PeerId>()
  #common: Float32Array
  /** How far hosts are off with it, as they say; undefined where they do not vote, and before they did. */
  #losses: Losses | undefined
  #velocity: Float32Array
  /** Undefined where hosts do not vote, and before they did. */
  #best: { readonly parameters: Float32Array; readonly losses: Losses } | undefined
  #clip: number
  /** How much of a step is made: less after rounds that were undone. */
  #stride = 1
  #round = 0

  constructor(hosts: readonly Host[], course: Course, start: Float32Array, around: Surroundings) {
    this.#hosts = new Map(hosts.map((host) => [host.signer.id, host]))
    this.#course = course
    this.#around = around
    const ids = [...this.#hosts.keys()]
    this.#halves = new Halves(ids, course.liarsMax, around.chance.stream('halves'))
    this.#common = start
    this.#velocity = start.map(() => 0)
    this.#clip = course.clip
  }

  /** What hosts are best off with; without votes, what came last. */
  get model(): Float32Array {
    return this.#best?.parameters ?? this.#common
  }

  /** Whom most rounds are done without: see `Halves`. */
  get suspects(): ReadonlySet<PeerId> {
    return this.#halves.suspects
  }

  async round(): Promise<RoundReport> {
    this.#round++
    if (this.#course.votes) {
      this.#losses ??= await this.#voted(this.#common)
      this.#best ??= { parameters: this.#common, losses: this.#losses }
    }
    const present = [...this.#hosts.keys()].filter((host) => this.#isPresent(host))
    const groups = this.#isInHalves() ? this.#halves.draw(present) : [present.sort()]
    const summed: Summed[] = []
    for (const group of groups) summed.push(await this.#sum(group))
    const sums = summed.filter((one): one is Sum => one.ok)
    const candidates = await this.#candidatesOf(sums)
    const chosen = this.#chosen(candidates)
    const isKept = chosen !== undefined && this.#take(chosen, sums)
    const failed = summed.find((one) => !one.ok)
    return {
      number: this.#round,
      ended: chosen === undefined ? 'failed' : isKept ? 'kept' : 'undone',
      ...(failed === undefined ? {} : { why: failed.why }),
      counted: isKept ? chosen.counted : [],
      leftOut: sums.flatMap(({ leftOut }) => leftOut),
      ...this.#most(summed),
    }
  }

  /** Known of each host in a mesh before a round begins. */
  #isPresent(host: PeerId): boolean {
    return this.#around.lastWord?.(host, this.#round) !== 'nothing'
  }

  /** Where hosts can say which half is better, and each rule is one that averages. */
  #isInHalves(): boolean {
    return this.#course.votes && selectingRules[this.#course.rule] !== undefined
  }

  async #sum(group: readonly PeerId[]): Promise<Summed> {
    const given = await this.#given(group)
    const round = {
      course: this.#course,
      name: `round ${this.#round} of ${group.join()}`,
      clip: this.#clip,
      chance: this.#around.chance.stream(`masks ${this.#round}`),
    }
    return this.#course.masked ? sumMasked(given, round) : sumSeen(given, round)
  }

  async #given(group: readonly PeerId[]): Promise<Given[]> {
    const { course, clip, round } = { course: this.#course, clip: this.#clip, round: this.#round }
    const honest = thresholdsOf(Math.max(group.length, federationLimits.clientsMin)).summedMin
    const given: Given[] = []
    for (const id of group) {
      const host = this.#hosts.get(id) as Host
      const update = await host.update(this.#common, {
        steps: course.steps,
        batch: course.batch,
        rate: rateIn(course, round),
        hold: course.hold,
        clip,
        noise: ownDeviation(course.noise, clip, honest),
        chance: this.#around.chance.stream(`round ${round} ${id}`),
      })
      const lastWord = this.#around.lastWord?.(id, round) ?? 'all'
      if (update !== undefined) given.push({ host, update, lastWord })
    }
    return given
  }

  /** Each sum by itself, and where there are two, both together first. */
  async #candidatesOf(sums: readonly Sum[]): Promise<Candidate[]> {
    const whole: Pick<Sum, 'update' | 'counted'> = {
      update: weightedMean(
        sums.map(({ update }) => update),
        sums.map(({ counted }) => counted.length),
      ),
      counted: sums.flatMap(({ counted }) => counted),
    }
    const candidates: Candidate[] = []
    for (const sum of sums.length > 1 ? [whole, ...sums] : sums) {
      const step = clipped(sum.update, this.#clip)
      const velocity = added(scaled(this.#velocity, this.#course.momentum), step, this.#stride)
      const parameters = added(this.#common, velocity)
      if (!parameters.every(Number.isFinite)) continue
      const losses = this.#course.votes ? await this.#voted(parameters) : undefined
      candidates.push({ counted: sum.counted, velocity, parameters, losses })
    }
    return candidates
  }

  #chosen(candidates: readonly Candidate[]): Candidate | undefined {
    const [first, one, other] = candidates
    if (first?.losses === undefined || this.#best === undefined) return first
    let halves: Words<PeerId>['halves']
    if (one?.losses !== undefined && other?.losses !== undefined) {
      halves = [one.losses, other.losses]
      this.#halves.played(one.counted, other.counted, this.#gained(one.losses, other.losses))
    }
    const { losses: before } = this.#best
    const gainOf = ({ losses }: Candidate) => this.#gained(losses as Losses, before)
    const chosen = candidates.reduce((best, each) => (gainOf(each) > gainOf(best) ? each : best))
    if (this.#losses !== undefined) {
      this.#voices.toldOf({ before: this.#losses, after: chosen.losses as Losses, halves })
    }
    return chosen
  }

  /** By what share those who are heard are better off with the first. */
  #gained(first: Losses, second: Losses): number {
    const { losses, liarsMax } = this.#heard(first)
    return boundedAdvantage(losses, second, liarsMax)
  }

  #heard(losses: Losses): Heard {
    return heardOf(losses, this.#voices.against, this.#course.liarsMax)
  }

  #take(chosen: Candidate, sums: readonly Sum[]): boolean {
    if (!this.#isBorne(chosen)) {
      this.#common = this.#best?.parameters ?? this.#common
      this.#losses = this.#best?.losses
      this.#velocity = this.#velocity.map(() => 0)
      this.#stride = Math.max(strides.min, this.#stride * strides.afterUndone)
      return false
    }
    this.#common = chosen.parameters
    this.#losses = chosen.losses
    this.#velocity = chosen.velocity
    this.#stride = Math.min(1, this.#stride * strides.afterKept)
    const usual = median(sums.map(({ usualLength }) => usualLength))
    if (this.#course.noise === 0 && usual > 0) this.#clip = clipOfUsual * usual
    return true
  }

  /** Held against the best there was: by small steps, each of which is borne, nobody gets far. */
  #isBorne({ parameters, losses }: Candidate): boolean {
    if (this.#best === undefined || losses === undefined) return true
    const heard = this.#heard(losses)
    if (isWorse(this.#best.losses, heard.losses, heard.liarsMax)) return false
    if (this.#gained(losses, this.#best.losses) > 0) this.#best = { parameters, losses }
    return true
  }

  async #voted(parameters: Float32Array): Promise<Losses> {
    const losses = new Map<PeerId, number>()
    for (const [id, host] of this.#hosts) {
      if (this.#isPresent(id)) losses.set(id, await host.loss(parameters))
    }
    return losses
  }

  #most(summed: readonly Summed[]): { upBytesMax: number; downBytesMax: number } {
    const all: Traffic[] = summed.flatMap(({ traffic }) => [...traffic.values()])
    // Each sum is told to all, and what comes of them, the next model too, follows from these.
    const told = 4 * this.#common.length * Math.max(1, summed.length)
    return {
      upBytesMax: Math.max(0, ...all.map(({ up }) => up)),
      downBytesMax: told + Math.max(0, ...all.map(({ down }) => down)),
    }
  }
}
