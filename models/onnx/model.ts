/** A model in ONNX, as far as models here use it: what is written, and what is taken from others. */

/** The version of the format, and those of the two sets of operators, that models here are in. */
export const irVersion = 10
export const treeDomain = 'ai.onnx.ml'
export const opsets = [
  { domain: '', version: 21 },
  { domain: treeDomain, version: 3 },
] as const

export type ElementType = 'float32' | 'int64'

/** By the numbers that ONNX has for them. */
export const elementTypes: Readonly<Record<ElementType, number>> = { float32: 1, int64: 7 }

export interface Model {
  readonly irVersion: number
  readonly producer: string
  readonly opsets: readonly Opset[]
  readonly graph: Graph
}

export interface Opset {
  readonly domain: string
  readonly version: number
}

export interface Graph {
  readonly name: string
  /** Each after those whose outputs it takes. */
  readonly nodes: readonly Node[]
  readonly weights: readonly Weights[]
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

export interface Node {
  readonly operator: string
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly Attribute[]
}

export type Attribute = { readonly name: string } & AttributeValue

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'texts'; readonly value: readonly string[] }

/** By the numbers that ONNX has for them. */
export const attributeKinds = {
  float: 1,
  int: 2,
  text: 3,
  floats: 6,
  ints: 7,
  texts: 8,
} as const satisfies Record<AttributeValue['kind'], number>

/** Numbers that the model brings along. */
export interface Weights {
  readonly name: string
  readonly dims: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

/** What a graph is given, or gives. A text stands for a length that may be any. */
export interface Port {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly (number | string)[]
}

export function elementsOf(dims: readonly number[]): number {
  return dims.reduce((product, length) => product * length, 1)
}
