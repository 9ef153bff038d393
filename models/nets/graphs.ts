/**
 * The graphs of a network: what it says, how far that is off, and how it learns. All of it is spelled
 * out in operators of ONNX, the way back through the layers as well, so that training runs where
 * models run.
 *
 * The last layer gives the half, and how far the tenth and the nine tenths lie from it, through a
 * softplus: so they never cross, whatever the weights.
 */
import { Draft, int, ints } from '../onnx/draft.ts'
import type { Model } from '../onnx/model.ts'
import { levels } from '../rows.ts'
import { type Layout, layoutOf, type NetShape } from './layout.ts'
import { netLimits } from './limits.ts'

const ROWS = 'rows'
const OUTPUTS = levels.length

/** Inputs and outputs, by name. */
export const ports = {
  features: 'features',
  targets: 'targets',
  parameters: 'parameters',
  /** Adam's memory: of the gradient, and of its square. */
  first: 'first',
  second: 'second',
  rate: 'rate',
  /** How much of both memories is there yet: 1 - decay ^ steps. */
  firstFilled: 'first-filled',
  secondFilled: 'second-filled',
  /** How strongly it is held to `anchor`, as FedProx does; 0 leaves it free. */
  hold: 'hold',
  anchor: 'anchor',
  quantiles: 'quantiles',
  loss: 'loss',
  /** Of all rows since the epoch began, added up. */
  lossSoFar: 'loss-so-far',
  gradient: 'gradient',
  nextParameters: 'next-parameters',
  nextFirst: 'next-first',
  nextSecond: 'next-second',
  nextLoss: 'next-loss-so-far',
} as const

interface Layer {
  readonly weights: string
  /** What came in. */
  readonly input: string
  /** Before the activation, and its sigmoid; of the last layer neither. */
  readonly sum: string
  readonly sigmoid: string
}

interface Slope {
  readonly loss: string
  /** How many there are, as a number of the graph. */
  readonly rows: string
  /** By each quantile that was told. */
  readonly slope: string
}

interface Forward {
  readonly layers: readonly Layer[]
  /** What the last layer gives: the half, and both gaps before their softplus. */
  readonly raw: readonly [half: string, below: string, above: string]
  readonly quantiles: string
}

/**
 * What a network says: features in, three quantiles out. With `learned` they are part of the model,
 * which can then be handed on; without, they are one of its inputs.
 */
export function predictionModel(shape: NetShape, learned?: Float32Array): Model {
  const draft = new Draft('quantiles')
  draft.input(ports.features, [ROWS, shape.features])
  const layout = layoutOf(shape)
  if (learned === undefined) draft.input(ports.parameters, [layout.length])
  else draft.weights(ports.parameters, [layout.length], learned)
  const forward = drawForward(draft, layout)
  draft.output(ports.quantiles, [ROWS, OUTPUTS], forward.quantiles)
  return draft.model()
}

/** The pinball loss of a batch, and which way it grows. */
export function gradientModel(shape: NetShape): Model {
  const draft = new Draft('gradient')
  const layout = layoutOf(shape)
  const { loss, gradient } = drawGradient(draft, shape, layout)
  draft.output(ports.loss, [], loss)
  draft.output(ports.gradient, [layout.length], gradient)
  return draft.model()
}

/** What a step gives is what the next one is given. */
export const carriedOn = {
  [ports.nextParameters]: ports.parameters,
  [ports.nextFirst]: ports.first,
  [ports.nextSecond]: ports.second,
  [ports.nextLoss]: ports.lossSoFar,
} as const

/** One step of Adam on a batch. */
export function stepModel(shape: NetShape): Model {
  const draft = new Draft('step')
  const layout = layoutOf(shape)
  const { loss, rows, gradient } = drawGradient(draft, shape, layout)
  const whole = [layout.length]
  const [first, second, anchor] = [ports.first, ports.second, ports.anchor].map((name) =>
    draft.input(name, whole),
  ) as [string, string, string]
  const [rate, firstFilled, secondFilled, hold] = [
    ports.rate,
    ports.firstFilled,
    ports.secondFilled,
    ports.hold,
  ].map((name) => draft.input(name, [])) as [string, string, string, string]
  const away = draft.node('Sub', [ports.parameters, anchor])
  const held = draft.node('Add', [gradient, draft.node('Mul', [hold, away])])
  const nextFirst = drawMean(draft, first, held, netLimits.firstDecay)
  const squared = draft.node('Mul', [held, held])
  const nextSecond = drawMean(draft, second, squared, netLimits.secondDecay)
  const mean = draft.node('Div', [nextFirst, firstFilled])
  const size = draft.node('Sqrt', [draft.node('Div', [nextSecond, secondFilled])])
  const even = draft.node('Div', [mean, draft.node('Add', [size, draft.number(netLimits.tiny)])])
  const next = draft.node('Sub', [ports.parameters, draft.node('Mul', [rate, even])])
  draft.output(ports.nextParameters, whole, next)
  draft.output(ports.nextFirst, whole, nextFirst)
  draft.output(ports.nextSecond, whole, nextSecond)
  const before = draft.input(ports.lossSoFar, [1])
  const ofBatch = draft.node('Mul', [loss, rows])
  draft.output(ports.nextLoss, [1], draft.node('Add', [before, ofBatch]))
  return draft.model()
}

/** What is remembered of it, and what it is now. */
function drawMean(draft: Draft, remembered: string, now: string, decay: number): string {
  const kept = draft.node('Mul', [remembered, draft.number(decay)])
  return draft.node('Add', [kept, draft.node('Mul', [now, draft.number(1 - decay)])])
}

function drawForward(draft: Draft, { blocks }: Layout): Forward {
  const taken = blocks.map(({ dims, from, length }) => {
    const part = draft.node('Slice', [
      ports.parameters,
      draft.whole(from),
      draft.whole(from + length),
      draft.whole(0),
    ])
    return dims.length === 1 ? part : draft.node('Reshape', [part, draft.whole(...dims)])
  })
  const layers: Layer[] = []
  let input: string = ports.features
  for (let at = 0; at < taken.length; at += 2) {
    const [weights, bias] = [taken[at] as string, taken[at + 1] as string]
    const sum = draft.node('Add', [draft.node('MatMul', [input, weights]), bias])
    const isLast = at + 2 === taken.length
    const sigmoid = isLast ? '' : draft.node('Sigmoid', [sum])
    layers.push({ weights, input, sum, sigmoid })
    // SiLU: as good as ReLU here, and smooth, so that a gradient can be told from a wrong one.
    input = isLast ? sum : draft.node('Mul', [sum, sigmoid])
  }
  const raw = [0, 1, 2].map((column) => drawColumn(draft, input, column)) as [
    string,
    string,
    string,
  ]
  const [half, below, above] = raw
  const tenth = draft.node('Sub', [half, draft.node('Softplus', [below])])
  const nineTenths = draft.node('Add', [half, draft.node('Softplus', [above])])
  const all = draft.node('Concat', [tenth, half, nineTenths], { axis: int(1) })
  return { layers, raw, quantiles: all }
}

function drawColumn(draft: Draft, matrix: string, column: number): string {
  return draft.node('Slice', [matrix, draft.whole(column), draft.whole(column + 1), draft.whole(1)])
}

function drawGradient(draft: Draft, shape: NetShape, layout: Layout): Slope & { gradient: string } {
  draft.input(ports.features, [ROWS, shape.features])
  draft.input(ports.targets, [ROWS, 1])
  draft.input(ports.parameters, [layout.length])
  const forward = drawForward(draft, layout)
  const { loss, rows, slope } = drawLoss(draft, forward.quantiles)
  const gradients: string[] = []
  let arriving = drawLastSlope(draft, forward, slope)
  for (const layer of forward.layers.toReversed()) {
    if (layer.sigmoid !== '') arriving = drawActivationSlope(draft, layer, arriving)
    const bias = draft.node('ReduceSum', [arriving, draft.whole(0)], { keepdims: int(0) })
    const weights = draft.node('MatMul', [drawTransposed(draft, layer.input), arriving])
    gradients.unshift(draft.node('Reshape', [weights, draft.whole(-1)]), bias)
    if (layer.input !== ports.features) {
      arriving = draft.node('MatMul', [arriving, drawTransposed(draft, layer.weights)])
    }
  }
  return { loss, rows, slope, gradient: draft.node('Concat', gradients, { axis: int(0) }) }
}

/** The mean over rows and quantiles, and its slope by each quantile that was told. */
function drawLoss(draft: Draft, told: string): Slope {
  const shares = draft.numbers([1, OUTPUTS], levels)
  const sharesLessOne = draft.numbers(
    [1, OUTPUTS],
    levels.map((share) => share - 1),
  )
  const missedBy = draft.node('Sub', [ports.targets, told])
  const each = draft.node('Max', [
    draft.node('Mul', [shares, missedBy]),
    draft.node('Mul', [sharesLessOne, missedBy]),
  ])
  const loss = draft.node('ReduceMean', [each], { keepdims: int(0) })
  const isOver = draft.node('Cast', [draft.node('Greater', [draft.number(0), missedBy])], {
    to: int(1),
  })
  const counted = draft.node('Gather', [draft.node('Shape', [missedBy]), draft.whole(0)])
  const rows = draft.node('Cast', [counted], { to: int(1) })
  const count = draft.node('Mul', [rows, draft.number(OUTPUTS)])
  const slope = draft.node('Div', [draft.node('Sub', [isOver, shares]), count])
  return { loss, rows, slope }
}

/** From the three quantiles to what the last layer gave. */
function drawLastSlope(draft: Draft, { raw }: Forward, slope: string): string {
  const [, below, above] = raw
  const [tenth, , nineTenths] = [0, 1, 2].map((column) => drawColumn(draft, slope, column)) as [
    string,
    string,
    string,
  ]
  const half = draft.node('ReduceSum', [slope, draft.whole(1)], { keepdims: int(1) })
  const gapBelow = draft.node('Mul', [draft.node('Neg', [tenth]), draft.node('Sigmoid', [below])])
  const gapAbove = draft.node('Mul', [nineTenths, draft.node('Sigmoid', [above])])
  return draft.node('Concat', [half, gapBelow, gapAbove], { axis: int(1) })
}

/** Of z × s(z), whose slope is s(z) × (1 + z × (1 - s(z))). */
function drawActivationSlope(draft: Draft, { sum, sigmoid }: Layer, arriving: string): string {
  const one = draft.number(1)
  const rest = draft.node('Mul', [sum, draft.node('Sub', [one, sigmoid])])
  const slope = draft.node('Mul', [sigmoid, draft.node('Add', [one, rest])])
  return draft.node('Mul', [arriving, slope])
}

function drawTransposed(draft: Draft, matrix: string): string {
  return draft.node('Transpose', [matrix], { perm: ints(1, 0) })
}
