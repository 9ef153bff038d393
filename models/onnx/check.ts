/**
 * Whether a model may be given to the runtime: it is a model, of operators that are allowed, of the
 * shapes that are expected, whole in itself, and all its numbers are finite. The runtime is native
 * code that takes what it is given at its word.
 */
import {
  type Attribute,
  type Graph,
  irVersion,
  type Model,
  type Node,
  opsets,
  type Port,
  type Weights,
} from './model.ts'
import { type Operator, operatorOf } from './operators.ts'
import { modelIn } from './read.ts'

/** All of them, by name. */
export interface Expectations {
  readonly inputs: Readonly<Record<string, Shape>>
  readonly outputs: Readonly<Record<string, Shape>>
  /** The weights that must be there; among others, which are constants of the graph. */
  readonly weights?: Readonly<Record<string, readonly number[]>>
  /** Where fewer will do than are allowed. */
  readonly operators?: ReadonlySet<string>
}

/** A text stands for any length; where it comes again, for the same. */
export type Shape = Pick<Port, 'type' | 'dims'>

export type Checked = { kind: 'sound'; model: Model } | { kind: 'refused'; why: string }

export function checkModel(bytes: Uint8Array, expected: Expectations): Checked {
  const read = modelIn(bytes)
  if (read.kind === 'refused') return read
  const { model } = read
  const why = wrongIn(model, expected)
  return why === undefined ? { kind: 'sound', model } : { kind: 'refused', why }
}

/** Of one that has been read. */
export function wrongIn(model: Model, expected: Expectations): string | undefined {
  return (
    wrongVersion(model) ??
    wrongPorts('input', model.graph.inputs, expected.inputs) ??
    wrongPorts('output', model.graph.outputs, expected.outputs) ??
    wrongWeights(model.graph, expected.weights ?? {}) ??
    wrongNodes(model.graph, expected.operators)
  )
}

function wrongVersion(model: Model): string | undefined {
  if (model.irVersion !== irVersion) {
    return `it is in version ${model.irVersion} of ONNX's format; ${irVersion} is taken`
  }
  const ours = new Map<string, number>(opsets.map(({ domain, version }) => [domain, version]))
  const named = new Set<string>()
  for (const { domain, version } of model.opsets) {
    if (named.has(domain)) return `it names the operators of '${domain}' twice`
    named.add(domain)
    if (ours.get(domain) !== version) {
      return `it wants version ${version} of the operators of '${domain}'; ${ours.get(domain) ?? 'none'} is there`
    }
  }
  return undefined
}

function wrongPorts(
  what: 'input' | 'output',
  ports: readonly Port[],
  expected: Expectations['inputs'],
): string | undefined {
  const wanted = new Map(Object.entries(expected))
  for (const { name, type, dims } of ports) {
    const shape = wanted.get(name)
    // Twice is not expected either.
    wanted.delete(name)
    if (shape === undefined) return `it has an ${what} ${name}, which is not expected`
    if (type !== shape.type || !sameList(dims, shape.dims)) {
      return `its ${what} ${name} is ${type}[${dims}]; expected is ${shape.type}[${shape.dims}]`
    }
  }
  const [missing] = wanted.keys()
  return missing === undefined ? undefined : `it has no ${what} ${missing}`
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function wrongWeights(
  { weights }: Graph,
  expected: NonNullable<Expectations['weights']>,
): string | undefined {
  const found = new Map(weights.map((one) => [one.name, one]))
  if (found.size !== weights.length) return 'two arrays of weights have one name'
  for (const [name, dims] of Object.entries(expected)) {
    const one = found.get(name)
    if (one === undefined) return `it has no weights ${name}`
    if (!(one.data instanceof Float32Array) || !sameList(one.dims, dims)) {
      return `its weights ${name} are of shape [${one.dims}]; expected is [${dims}]`
    }
  }
  const endless = weights.find((one) => !hasOnlyFinite(one))
  return endless && `its weights ${endless.name} are not all finite`
}

function hasOnlyFinite({ data }: Weights): boolean {
  return data instanceof BigInt64Array || data.every(Number.isFinite)
}

/** Each name is given once, before it is taken; what is given to the world has been worked out. */
function wrongNodes(graph: Graph, allowed: Expectations['operators']): string | undefined {
  const known = new Set<string>()
  for (const { name } of [...graph.inputs, ...graph.weights]) {
    if (name === '' || known.has(name)) return `the name '${name}' is given twice, or empty`
    known.add(name)
  }
  const widths = widthsOf(graph.inputs)
  for (const node of graph.nodes) {
    const wrong = wrongNode(node, known, widths, allowed)
    if (wrong !== undefined) return `${node.operator} ${node.name}: ${wrong}`
  }
  const missing = graph.outputs.find(({ name }) => !known.has(name))
  return missing && `nothing works out its output ${missing.name}`
}

function wrongNode(
  node: Node,
  known: Set<string>,
  widths: ReadonlyMap<string, number>,
  allowed: Expectations['operators'],
): string | undefined {
  const operator = operatorOf(node)
  if (operator === undefined || allowed?.has(node.operator) === false) {
    return `this operator${node.domain && ` of '${node.domain}'`} is not allowed`
  }
  return (
    wrongOperands(node, operator, known) ??
    wrongAttributes(node.attributes, operator) ??
    operator.wrong?.(node, widths)
  )
}

function wrongOperands(
  { inputs, outputs }: Node,
  operator: Operator,
  known: Set<string>,
): string | undefined {
  const [least, most] = operator.inputs
  if (inputs.length < least || inputs.length > most) return `it has ${inputs.length} inputs`
  const unknown = inputs.find((name) => !known.has(name))
  if (unknown !== undefined) return `it takes '${unknown}', which nothing before it gives`
  const [output, ...more] = outputs
  if (output === undefined || more.length > 0) return `it has ${outputs.length} outputs`
  if (output === '' || known.has(output)) return `the name '${output}' is given twice, or empty`
  known.add(output)
  return undefined
}

function wrongAttributes(attributes: readonly Attribute[], operator: Operator): string | undefined {
  const seen = new Set<string>()
  for (const attribute of attributes) {
    const { name } = attribute
    if (seen.has(name)) return `it names ${name} twice`
    seen.add(name)
    if (!Object.hasOwn(operator.attributes, name)) return `it has no attribute ${name}`
    if (operator.attributes[name] !== attribute.kind) return `${name} is not of the type it has`
    const floats = attribute.kind === 'floats' ? attribute.value : []
    const float = attribute.kind === 'float' ? attribute.value : 0
    if (!Number.isFinite(float) || !floats.every(Number.isFinite)) return `${name} is not finite`
  }
  return undefined
}

/** Of the matrices with rows of one known length. */
function widthsOf(inputs: readonly Port[]): Map<string, number> {
  const widths = new Map<string, number>()
  for (const { name, type, dims } of inputs) {
    const [, width] = dims
    if (type === 'float32' && dims.length === 2 && typeof width === 'number') {
      widths.set(name, width)
    }
  }
  return widths
}
