/** A model as bytes. The same model gives the same bytes. */
import { assert } from '../../protocol/assert.ts'
import { putVarint, varintLength } from '../../protocol/wire/varint.ts'
import {
  type Attribute,
  attributeKinds,
  elementsOf,
  elementTypes,
  type Graph,
  type Model,
  type Node,
  type Port,
  type Weights,
} from './model.ts'

const text = new TextEncoder()
/** An int64 that is negative takes as many, as protobuf has it. */
const NEGATIVE_BYTES = 10

export function bytesOf({ irVersion, producer, opsets, graph }: Model): Uint8Array {
  return joined([
    int(1, irVersion),
    string(2, producer),
    nested(7, graphBytes(graph)),
    ...opsets.map(({ domain, version }) => nested(8, [string(1, domain), int(2, version)])),
  ])
}

function graphBytes({ name, nodes, weights, inputs, outputs }: Graph): Uint8Array[] {
  return [
    ...nodes.map((node) => nested(1, nodeBytes(node))),
    string(2, name),
    ...weights.map((one) => nested(5, weightsBytes(one))),
    ...inputs.map((port) => nested(11, portBytes(port))),
    ...outputs.map((port) => nested(12, portBytes(port))),
  ]
}

function nodeBytes({ operator, domain, name, inputs, outputs, attributes }: Node): Uint8Array[] {
  return [
    ...inputs.map((input) => string(1, input)),
    ...outputs.map((output) => string(2, output)),
    string(3, name),
    string(4, operator),
    ...attributes.map((attribute) => nested(5, attributeBytes(attribute))),
    string(7, domain),
  ]
}

function attributeBytes(attribute: Attribute): Uint8Array[] {
  return [string(1, attribute.name), ...valueBytes(attribute), int(20, kindOf(attribute))]
}

function kindOf({ kind }: Attribute): number {
  return attributeKinds[kind]
}

function valueBytes(attribute: Attribute): Uint8Array[] {
  switch (attribute.kind) {
    case 'float':
      return [tag(2, 5), raw(new Float32Array([attribute.value]))]
    case 'int':
      return [int(3, attribute.value)]
    case 'text':
      return [string(4, attribute.value)]
    case 'floats':
      return [lengthed(7, [raw(new Float32Array(attribute.value))])]
    case 'ints':
      return [lengthed(8, attribute.value.map(int64))]
    case 'texts':
      return attribute.value.map((one) => string(9, one))
  }
}

function weightsBytes({ name, dims, data }: Weights): Uint8Array[] {
  assert(elementsOf(dims) === data.length, 'weights must be as many as their shape says', { name })
  const type = data instanceof Float32Array ? elementTypes.float32 : elementTypes.int64
  return [
    // A scalar has no dimensions, and an empty list is left out.
    ...(dims.length === 0 ? [] : [lengthed(1, dims.map(int64))]),
    int(2, type),
    string(8, name),
    lengthed(9, [raw(data)]),
  ]
}

function portBytes({ name, type, dims }: Port): Uint8Array[] {
  const shape = dims.map((dim) =>
    nested(1, [typeof dim === 'number' ? int(1, dim) : string(2, dim)]),
  )
  return [string(1, name), nested(2, [nested(1, [int(1, elementTypes[type]), nested(2, shape)])])]
}

function nested(number: number, parts: readonly Uint8Array[]): Uint8Array {
  return lengthed(number, parts)
}

function string(number: number, value: string): Uint8Array {
  return lengthed(number, [text.encode(value)])
}

function int(number: number, value: number): Uint8Array {
  return joined([tag(number, 0), int64(value)])
}

function lengthed(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return joined([tag(number, 2), varint(length), ...parts])
}

function tag(number: number, wireType: number): Uint8Array {
  return varint((number << 3) | wireType)
}

function int64(value: number): Uint8Array {
  assert(Number.isSafeInteger(value), 'a whole number must be exact to be written', { value })
  if (value >= 0) return varint(value)
  const bytes = new Uint8Array(NEGATIVE_BYTES)
  let rest = BigInt.asUintN(64, BigInt(value))
  for (let i = 0; i < NEGATIVE_BYTES; i++) {
    bytes[i] = Number(rest & 127n) | (i < NEGATIVE_BYTES - 1 ? 0x80 : 0)
    rest >>= 7n
  }
  return bytes
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  putVarint(bytes, 0, value)
  return bytes
}

/** ONNX has the lowest byte first, as have all machines that this runs on. */
function raw({ buffer, byteOffset, byteLength }: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
