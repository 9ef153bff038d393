/**
 * Where models run in a virtual world: their graphs, node by node, in plain TypeScript. So what agents
 * learn follows from the seed alone. Only operators that networks here are drawn with; the real
 * runtime is `agent/ports/inference`.
 */
import {
  type Engine,
  EngineError,
  type Session,
  type Tensor,
  type Tensors,
} from '../../models/engine.ts'
import { elementsOf, type Graph, type Node as GraphNode } from '../../models/onnx/model.ts'
import { modelIn } from '../../models/onnx/read.ts'
import { assert } from '../../protocol/assert.ts'
import type { Host } from './host.ts'
import { operators, type Value } from './operators.ts'

/** Of each thing that is asked, by the world's time. */
const tookMs = 2

export class SimulatedEngine implements Engine {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  async open(bytes: Uint8Array): Promise<Session> {
    const read = modelIn(bytes)
    if (read.kind === 'refused') throw new EngineError('refused', read.why)
    const { graph } = read.model
    await this.#aWhile()
    return {
      run: (inputs) => this.#inTurn(graph, [inputs], {}),
      runInTurn: (steps, carried) => this.#inTurn(graph, steps, carried),
      close: () => Promise.resolve(),
    }
  }

  async #inTurn(
    graph: Graph,
    steps: readonly Tensors[],
    carried: Readonly<Record<string, string>>,
  ): Promise<Tensors> {
    const inputs: Record<string, Tensor> = {}
    let outputs: Tensors = {}
    for (const [i, step] of steps.entries()) {
      if (i > 0) {
        for (const [output, input] of Object.entries(carried)) {
          inputs[input] = outputs[output] as Tensor
        }
      }
      Object.assign(inputs, step)
      outputs = evaluated(graph, inputs)
    }
    await this.#aWhile()
    return outputs
  }

  #aWhile(): Promise<void> {
    return new Promise((resolve) => {
      this.#host.later(tookMs, 'process', 'engine', resolve)
    })
  }
}

export function evaluated({ nodes, weights, inputs, outputs }: Graph, given: Tensors): Tensors {
  const values = new Map<string, Value>()
  for (const { name, dims, data } of weights) values.set(name, { dims, data: numbersOf(data) })
  for (const { name } of inputs) {
    const tensor = given[name]
    if (tensor === undefined) throw new EngineError('refused', `it is given no ${name}`)
    values.set(name, toldAs(name, tensor))
  }
  for (const node of nodes) values.set(node.outputs[0] as string, resultOf(node, values))
  return Object.fromEntries(
    outputs.map(({ name }) => {
      const { dims, data } = values.get(name) as Value
      return [name, { dims, data: Float32Array.from(data) }]
    }),
  )
}

function toldAs(name: string, { dims, data }: Tensor): Value {
  if (elementsOf(dims) !== data.length) {
    throw new EngineError('refused', `${name} has not as many numbers as it says`)
  }
  return { dims, data: numbersOf(data) }
}

function resultOf({ operator, inputs, attributes }: GraphNode, values: Map<string, Value>): Value {
  const run = operators[operator]
  assert(run !== undefined, 'a graph in a world must be of what is known there', { operator })
  const found = new Map(
    attributes.map((one) => [one.name, one.value as number | readonly number[]]),
  )
  return run(
    inputs.map((name) => values.get(name) as Value),
    (name) => found.get(name),
  )
}

function numbersOf(data: Float32Array | BigInt64Array): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data, Number)
}
