/** A network together with the experience that it was trained on, and goes on to gather. */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { featureNames } from '../features/features.ts'
import { type Asked, Gathered, rangeOf } from '../features/gathered.ts'
import { type Living, levels, type Question, type Range, type Reach, type Row } from '../rows.ts'
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

export class Learned implements Living {
  readonly #net: Net
  readonly #gathered: Gathered
  readonly #knowledge: Knowledge | undefined

  private constructor(net: Net, gathered: Gathered, knowledge: Knowledge | undefined) {
    this.#net = net
    this.#gathered = gathered
    this.#knowledge = knowledge
  }

  /** `rows` in the order of their ends, all of them succeeded. */
  static async from(
    net: Net,
    entropy: Entropy,
    rows: readonly Row[],
    reach: Reach,
  ): Promise<Learned> {
    const gathered = new Gathered()
    const { features, targets } = gathered.learn(rows, reach)
    if (targets.length < limits.rowsMin) return new Learned(net, gathered, undefined)
    const scale = new Scale(features)
    const begun = firstParameters(net.shape, entropy.stream(`${reach} begin`), startOf(targets))
    const { parameters } = await net.train(
      begun,
      scale.applied(features),
      Float32Array.from(targets),
      trainingOf(targets.length, begun, entropy.stream(`${reach} order`)),
    )
    return new Learned(net, gathered, { scale, parameters })
  }

  async predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]> {
    const answers: (Range | undefined)[] = questions.map(() => undefined)
    const asked = new Map<number, Asked>()
    for (const [place, question] of questions.entries()) {
      const one = this.#gathered.ask(question)
      if (one !== undefined) asked.set(place, one)
    }
    if (this.#knowledge === undefined || asked.size === 0) return answers
    const { scale, parameters } = this.#knowledge
    const features = scale.applied([...asked.values()].map((one) => one.features))
    const told = await this.#net.predict(parameters, features)
    let at = 0
    for (const [place, { view }] of asked) {
      const logs = levels.map((_, k) => (told[at + k] as number) + view.guess)
      answers[place] = rangeOf(view, logs)
      at += levels.length
    }
    return answers
  }

  tell(rows: readonly Row[], asked?: readonly (Question | undefined)[]): void {
    this.#gathered.tell(rows, asked)
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
