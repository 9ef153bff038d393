/** A network together with the experience that it was trained on, and goes on to gather. */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { Experience, type View } from '../features/experience.ts'
import { featureNames, featuresOf } from '../features/features.ts'
import { goThrough } from '../features/passes.ts'
import { logOf } from '../measures/duration.ts'
import type { Living, Question, Range, Reach, Row } from '../rows.ts'
import { firstParameters, type NetShape, type Start } from './layout.ts'
import { learnerLimits as limits } from './limits.ts'
import type { Net, Training } from './net.ts'
import { Scale } from './scale.ts'

export const learnerShape: NetShape = {
  features: featureNames.length,
  hidden: limits.hidden,
}

interface Knowledge {
  readonly scale: Scale
  readonly parameters: Float32Array
}

/** What has ground to be asked about, on its way to the network. */
interface Asked {
  readonly place: number
  readonly view: View
  readonly features: Float32Array
}

export class Learned implements Living {
  readonly #net: Net
  readonly #experience: Experience
  readonly #knowledge: Knowledge | undefined
  /** What was thought before it began. Goes with the question. */
  readonly #views = new WeakMap<Question, View>()

  private constructor(net: Net, experience: Experience, knowledge: Knowledge | undefined) {
    this.#net = net
    this.#experience = experience
    this.#knowledge = knowledge
  }

  /** `rows` in the order of their ends, all of them succeeded. */
  static async from(
    net: Net,
    entropy: Entropy,
    rows: readonly Row[],
    reach: Reach,
  ): Promise<Learned> {
    const experience = new Experience()
    const features: Float32Array[] = []
    const targets: number[] = []
    goThrough(experience, rows, reach, (row, view) => {
      if (!view.hasGround) return
      features.push(featuresOf(experience, view))
      targets.push(logOf(row.endedMs - row.startedMs) - view.guess)
    })
    if (targets.length < limits.rowsMin) return new Learned(net, experience, undefined)
    const scale = new Scale(features)
    const begun = firstParameters(net.shape, entropy.stream(`${reach} begin`), startOf(targets))
    const { parameters } = await net.train(
      begun,
      scale.applied(features),
      Float32Array.from(targets),
      trainingOf(targets.length, begun, entropy.stream(`${reach} order`)),
    )
    return new Learned(net, experience, { scale, parameters })
  }

  async predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]> {
    const answers: (Range | undefined)[] = questions.map(() => undefined)
    const asked = this.#asked(questions)
    if (this.#knowledge === undefined || asked.length === 0) return answers
    const { scale, parameters } = this.#knowledge
    const features = scale.applied(asked.map((one) => one.features))
    const told = await this.#net.predict(parameters, features)
    for (const [i, { place, view }] of asked.entries()) {
      const [p10, p50, p90] = [0, 1, 2].map((k) =>
        Math.exp((told[i * 3 + k] as number) + view.guess),
      ) as [number, number, number]
      const n = (view.own ?? view.like ?? view.group)?.memory.count ?? 0
      answers[place] = { p10, p50, p90, n }
    }
    return answers
  }

  tell(rows: readonly Row[], asked: readonly (Question | undefined)[] = []): void {
    for (const [i, row] of rows.entries()) {
      const question = asked[i]
      if (row.ended === 'succeeded') {
        this.#experience.tell(row, question && this.#views.get(question))
      }
    }
  }

  #asked(questions: readonly Question[]): Asked[] {
    const asked: Asked[] = []
    for (const [place, question] of questions.entries()) {
      const view = this.#experience.consider(question)
      this.#views.set(question, view)
      if (view.hasGround) {
        asked.push({ place, view, features: featuresOf(this.#experience, view) })
      }
    }
    return asked
  }
}

/** Where quantiles lie before anything is known of whom they are asked for. */
function startOf(targets: readonly number[]): Start {
  const sorted = targets.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number
  return { centre: at(0.5), spread: Math.max(limits.spreadMin, (at(0.9) - at(0.1)) / 2) }
}

/** Few rows are gone through more often, many not even often enough to see each as often. */
function trainingOf(rows: number, begun: Float32Array, entropy: Entropy): Training {
  const { batch, steps, epochsMax, rate, rateAtEnd, noise, hold } = limits
  const epochs = Math.ceil((steps * batch) / rows)
  return {
    epochs: Math.min(epochsMax, epochs),
    batch,
    rate,
    rateAtEnd,
    noise,
    entropy,
    held: { strength: hold, to: begun },
  }
}
