/** A graph while it is drawn: each operator gives the name by which its result is known. */
import {
  type Attribute,
  type AttributeValue,
  irVersion,
  type Model,
  type Node,
  opsets,
  type Port,
  type Weights,
} from './model.ts'

export class Draft {
  readonly #name: string
  readonly #nodes: Node[] = []
  readonly #weights: Weights[] = []
  readonly #inputs: Port[] = []
  readonly #outputs: Port[] = []
  /** Constants that are there already, by what they say. */
  readonly #constants = new Map<string, string>()

  constructor(name: string) {
    this.#name = name
  }

  input(name: string, dims: Port['dims'], type: Port['type'] = 'float32'): string {
    this.#inputs.push({ name, type, dims })
    return name
  }

  weights(name: string, dims: readonly number[], data: Float32Array): string {
    this.#weights.push({ name, dims, data })
    return name
  }

  number(value: number): string {
    return this.#constant([], new Float32Array([value]))
  }

  numbers(dims: readonly number[], values: readonly number[]): string {
    return this.#constant(dims, new Float32Array(values))
  }

  /** Whole numbers in a row, for axes, lengths and places. */
  whole(...values: readonly number[]): string {
    return this.#constant([values.length], new BigInt64Array(values.map(BigInt)))
  }

  /** `output` where the result has a name outside the graph. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    { output, domain = '' }: { output?: string; domain?: string } = {},
  ): string {
    const name = `${operator.toLowerCase()}-${this.#nodes.length}`
    const result = output ?? name
    this.#nodes.push({
      operator,
      domain,
      name,
      inputs,
      outputs: [result],
      attributes: Object.entries(attributes).map(
        ([key, value]): Attribute => ({ name: key, ...value }),
      ),
    })
    return result
  }

  /** Gives `result` to the world, by a name of its own. */
  output(name: string, dims: Port['dims'], result: string, type: Port['type'] = 'float32'): void {
    if (result !== name) this.node('Identity', [result], {}, { output: name })
    this.#outputs.push({ name, type, dims })
  }

  model(): Model {
    return {
      irVersion,
      producer: 'skein',
      opsets,
      graph: {
        name: this.#name,
        nodes: this.#nodes,
        weights: this.#weights,
        inputs: this.#inputs,
        outputs: this.#outputs,
      },
    }
  }

  #constant(dims: readonly number[], data: Weights['data']): string {
    const said = `${data.constructor.name} ${dims} ${data}`
    const known = this.#constants.get(said)
    if (known !== undefined) return known
    const name = `constant-${this.#constants.size}`
    this.#constants.set(said, name)
    this.#weights.push({ name, dims, data })
    return name
  }
}

export const int = (value: number): AttributeValue => ({ kind: 'int', value })
export const ints = (...value: readonly number[]): AttributeValue => ({ kind: 'ints', value })
