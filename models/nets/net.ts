/**
 * A network that learns quantiles: for each row of features the tenth, the half and the nine tenths of
 * what is to be expected. What it has learned is one row of numbers (`layout.ts`), which is given to
 * it and comes back changed; it keeps nothing of its own.
 *
 * Features are to be finite and of a size about one, targets likewise finite: a logarithm of
 * milliseconds, for example. What is missing is for others to fill in.
 */
import { assert } from '../../protocol/assert.ts'
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { type Engine, EngineError, type Session, type Tensor, type Tensors } from '../engine.ts'
import { bytesOf } from '../onnx/write.ts'
import { levels } from '../rows.ts'
import { carriedOn, ports, predictionModel, stepModel } from './graphs.ts'
import { type Layout, layoutOf, type NetShape } from './layout.ts'
import { netLimits } from './limits.ts'

export interface Training {
  /** Through all rows so many times, in batches of so many. */
  readonly epochs: number
  readonly batch: number
  /** How far one step goes. It falls in a straight line to `rateAtEnd`, if that is said. */
  readonly rate: number
  readonly rateAtEnd?: number
  /** The order of the rows. */
  readonly entropy: Entropy
  /**
   * Standard deviation of what is added to each feature each time that it is shown, so that little is
   * learned by heart. Nothing, where this is left out.
   */
  readonly noise?: number
  /** Holds what is learned to where it began, or to what else is said, as FedProx does. */
  readonly held?: { readonly strength: number; readonly to: Float32Array }
}

export interface Trained {
  readonly parameters: Float32Array
  /** Mean pinball loss over the rows of the last epoch, each as it was before its step. */
  readonly loss: number
  readonly steps: number
}

const models = { prediction: predictionModel, step: stepModel } as const

export class Net {
  readonly shape: NetShape
  readonly layout: Layout
  readonly #engine: Engine
  readonly #sessions = new Map<keyof typeof models, Promise<Session>>()

  constructor(engine: Engine, shape: NetShape) {
    this.#engine = engine
    this.shape = shape
    this.layout = layoutOf(shape)
  }

  /** `features` has as many numbers for each of the targets as the shape says. */
  async train(
    parameters: Float32Array,
    features: Float32Array,
    targets: Float32Array,
    training: Training,
  ): Promise<Trained> {
    const rows = targets.length
    assert(rows > 0 && features.length === rows * this.shape.features, 'rows must have features')
    assert(parameters.length === this.layout.length, 'parameters must be of the shape')
    const { epochs, batch } = training
    assert(Number.isInteger(batch) && batch > 0, 'a batch must have rows', { batch })
    assert(Number.isInteger(epochs) && epochs >= 0, 'epochs must be a whole number', { epochs })
    const { strength, to } = training.held ?? { strength: 0, to: parameters }
    const always = { [ports.hold]: number(strength), [ports.anchor]: vector(to) }
    const steps = this.#steps(features, targets, training)
    let state = beginning(parameters)
    let count = 0
    await this.#during('step', async (session) => {
      for (let some = take(steps); some.length > 0; some = take(steps)) {
        const [first, ...others] = some
        const all = [{ ...always, ...state, ...first }, ...others]
        state = carriedOf(await session.runInTurn(all, carriedOn))
        count += some.length
      }
    })
    const learned = numbersIn(state, ports.parameters)
    const loss = (numbersIn(state, ports.lossSoFar)[0] as number) / rows
    if (!Number.isFinite(loss) || !learned.every(Number.isFinite)) throw new Diverged()
    return { parameters: learned, loss, steps: count }
  }

  /** Three for each row, in the order of `levels`. */
  async predict(parameters: Float32Array, features: Float32Array): Promise<Float32Array> {
    const width = this.shape.features
    const rows = features.length / width
    assert(Number.isInteger(rows), 'rows must have features', { features: features.length, width })
    assert(parameters.length === this.layout.length, 'parameters must be of the shape')
    const told = new Float32Array(rows * levels.length)
    await this.#during('prediction', async (session) => {
      for (let from = 0; from < rows; from += netLimits.rowsAtOnce) {
        const data = features.subarray(from * width, (from + netLimits.rowsAtOnce) * width)
        const outputs = await session.run({
          [ports.features]: { dims: [data.length / width, width], data },
          [ports.parameters]: vector(parameters),
        })
        told.set(numbersIn(outputs, ports.quantiles), from * levels.length)
      }
    })
    return told
  }

  async close(): Promise<void> {
    const all = [...this.#sessions.values()]
    // Whoever asks from now on has others.
    this.#sessions.clear()
    const opened = await Promise.allSettled(all)
    for (const session of opened) {
      if (session.status === 'fulfilled') await session.value.close()
    }
  }

  /**
   * What has failed is opened anew by whoever asks next: a session that has ended processes is run no
   * more. In one session from beginning to end, so that closing the net ends it.
   */
  async #during(what: keyof typeof models, work: (session: Session) => Promise<void>) {
    const opening = this.#session(what)
    try {
      await work(await opening)
    } catch (error) {
      if (error instanceof EngineError) await this.#leave(what, opening)
      throw error
    }
  }

  /** Others may have closed it, and opened another one, meanwhile. */
  async #leave(what: keyof typeof models, opening: Promise<Session>): Promise<void> {
    if (this.#sessions.get(what) === opening) this.#sessions.delete(what)
    const [opened] = await Promise.allSettled([opening])
    if (opened.status === 'fulfilled') await opened.value.close().catch(() => {})
  }

  #session(what: keyof typeof models): Promise<Session> {
    const known = this.#sessions.get(what)
    if (known !== undefined) return known
    const opening = this.#engine.open(bytesOf(models[what](this.shape)))
    this.#sessions.set(what, opening)
    // What cannot be opened now may be another time.
    opening.catch(() => {
      // It may have been closed, and opened anew, meanwhile.
      if (this.#sessions.get(what) === opening) this.#sessions.delete(what)
    })
    return opening
  }

  /** What each step is given besides what the one before it gave. */
  *#steps(
    features: Float32Array,
    targets: Float32Array,
    { epochs, batch, rate, rateAtEnd = rate, noise = 0, entropy }: Training,
  ): Generator<Tensors> {
    const rows = targets.length
    const order = Array.from({ length: rows }, (_, row) => row)
    const steps = epochs * Math.ceil(rows / batch)
    let step = 0
    for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(entropy, order)
      for (let from = 0; from < rows; from += batch) {
        const share = step / Math.max(1, steps - 1)
        step++
        const shown = this.#rowsOf(order.slice(from, from + batch), features, targets)
        if (noise > 0) blur(shown[ports.features].data, noise, entropy)
        yield {
          ...(from === 0 ? { [ports.lossSoFar]: vector(Float32Array.of(0)) } : {}),
          ...shown,
          [ports.rate]: number(rate + (rateAtEnd - rate) * share),
          [ports.firstFilled]: number(1 - netLimits.firstDecay ** step),
          [ports.secondFilled]: number(1 - netLimits.secondDecay ** step),
        }
      }
    }
  }

  #rowsOf(chosen: readonly number[], features: Float32Array, targets: Float32Array) {
    const width = this.shape.features
    const rows = new Float32Array(chosen.length * width)
    const expected = new Float32Array(chosen.length)
    for (const [i, row] of chosen.entries()) {
      rows.set(features.subarray(row * width, (row + 1) * width), i * width)
      expected[i] = targets[row] as number
    }
    return {
      [ports.features]: { dims: [chosen.length, width], data: rows },
      [ports.targets]: { dims: [chosen.length, 1], data: expected },
    }
  }
}

/** What was learned is no number any more: by features that are none, or steps that go too far. */
export class Diverged extends Error {
  constructor() {
    super('the network has learned numbers that are not finite')
    this.name = 'Diverged'
  }
}

/** Evenly spread, which is drawn fastest. */
function blur(features: Float32Array, deviation: number, entropy: Entropy): void {
  const width = deviation * Math.sqrt(12)
  for (let i = 0; i < features.length; i++) {
    features[i] = (features[i] as number) + width * (entropy.uint32() / 2 ** 32 - 0.5)
  }
}

function beginning(parameters: Float32Array): Tensors {
  const nothing = vector(new Float32Array(parameters.length))
  return {
    [ports.parameters]: vector(parameters),
    [ports.first]: nothing,
    [ports.second]: nothing,
    [ports.lossSoFar]: vector(new Float32Array(1)),
  }
}

/** What the next steps begin with. */
function carriedOf(outputs: Tensors): Tensors {
  const inputs = Object.entries(carriedOn).map(
    ([output, input]) => [input, vector(numbersIn(outputs, output))] as const,
  )
  return Object.fromEntries(inputs)
}

function take(steps: Generator<Tensors>): Tensors[] {
  const some: Tensors[] = []
  let bytes = 0
  while (some.length < netLimits.stepsAtOnce && bytes < netLimits.bytesAtOnce) {
    const { value, done } = steps.next()
    if (done === true) break
    some.push(value)
    for (const { data } of Object.values(value)) bytes += data.byteLength
  }
  return some
}

function vector(data: Float32Array): Tensor {
  return { dims: [data.length], data }
}

function number(value: number): Tensor {
  return { dims: [], data: Float32Array.of(value) }
}

function numbersIn(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data
  assert(data instanceof Float32Array, 'a graph must give what it names', { name })
  return data
}
