/**
 * Bytes that a stranger sent, as a model. Stricter than protobuf: what models here never have is
 * refused and not skipped, and what may come once comes once. The runtime would understand it, and
 * what it understands is to be what was looked at.
 */
import { Reader, wireFixed32, wireLength, wireVarint } from '../../protocol/wire/reader.ts'
import { modelLimits as limits } from './limits.ts'
import {
  type Attribute,
  type AttributeValue,
  attributeKinds,
  type ElementType,
  elementsOf,
  elementTypes,
  type Graph,
  type Model,
  type Node,
  type Opset,
  type Port,
  type Weights,
} from './model.ts'

export type Read = { kind: 'read'; model: Model } | { kind: 'refused'; why: string }

/** Ends the reading, and goes no further than `modelIn`. */
class Unreadable extends Error {}

export function modelIn(bytes: Uint8Array): Read {
  if (bytes.length > limits.bytesMax) {
    const why = `it has ${bytes.length} bytes; a model may have ${limits.bytesMax}`
    return { kind: 'refused', why }
  }
  const reader = new Reader(bytes)
  try {
    return { kind: 'read', model: readModel(reader) }
  } catch (error) {
    if (error instanceof Unreadable) return { kind: 'refused', why: error.message }
    throw error
  }
}

/** Takes one field. `most` is how often it may come. */
interface Taker {
  readonly wireTypes: readonly number[]
  readonly most: number
  take(reader: Reader, wireType: number): void
}

function fields(reader: Reader, of: string, takers: Readonly<Record<number, Taker>>): void {
  const seen = new Map<number, number>()
  while (reader.at < reader.end) {
    const tag = reader.tag()
    whole(reader, of)
    const number = tag >>> 3
    const taker = takers[number]
    if (taker === undefined) {
      throw new Unreadable(`${of} has a field ${number}, which models here do not have`)
    }
    if (!taker.wireTypes.includes(tag & 7)) {
      throw new Unreadable(`field ${number} of ${of} is not of the form that it has in ONNX`)
    }
    const times = (seen.get(number) ?? 0) + 1
    if (times > taker.most)
      throw new Unreadable(`${of} has more than ${taker.most} of field ${number}`)
    seen.set(number, times)
    taker.take(reader, tag & 7)
    whole(reader, of)
  }
}

function whole(reader: Reader, of: string): void {
  if (reader.why !== undefined) throw new Unreadable(`${of} cannot be read: ${reader.why}`)
}

function inside(reader: Reader, of: string, takers: Readonly<Record<number, Taker>>): void {
  const outerEnd = reader.enter()
  whole(reader, of)
  fields(reader, of, takers)
  reader.leave(outerEnd)
}

const text = (most: number, take: (value: string) => void): Taker => ({
  wireTypes: [wireLength],
  most,
  take: (reader) => take(reader.text(limits.nameBytesMax)),
})
const int = (take: (value: number) => void): Taker => ({
  wireTypes: [wireVarint],
  most: 1,
  take: (reader) => take(int64(reader)),
})
const message = (most: number, take: (reader: Reader) => void): Taker => ({
  wireTypes: [wireLength],
  most,
  take,
})
/** In either of the forms that protobuf has for a list of numbers. */
const numbers = (
  most: number,
  wireType: number,
  one: (reader: Reader) => number,
  into: number[],
): Taker => ({
  wireTypes: [wireType, wireLength],
  most,
  take(reader, found) {
    if (found === wireType) into.push(one(reader))
    else {
      const outerEnd = reader.enter()
      while (reader.at < reader.end) {
        into.push(one(reader))
        if (into.length > most) throw new Unreadable(`a list has more than ${most} numbers`)
      }
      reader.leave(outerEnd)
    }
  },
})

function readModel(reader: Reader): Model {
  const opsets: Opset[] = []
  let irVersion = 0
  let producer = ''
  let graph: Graph | undefined
  fields(reader, 'the model', {
    1: int((value) => (irVersion = value)),
    2: text(1, (value) => (producer = value)),
    7: message(1, (at) => (graph = readGraph(at))),
    8: message(limits.opsetsMax, (at) => opsets.push(readOpset(at))),
  })
  if (graph === undefined) throw new Unreadable('the model has no graph')
  return { irVersion, producer, opsets, graph }
}

function readOpset(reader: Reader): Opset {
  const opset = { domain: '', version: 0 }
  inside(reader, 'an opset', {
    1: text(1, (value) => (opset.domain = value)),
    2: int((value) => (opset.version = value)),
  })
  return opset
}

function readGraph(reader: Reader): Graph {
  let name = ''
  const nodes: Node[] = []
  const weights: Weights[] = []
  const inputs: Port[] = []
  const outputs: Port[] = []
  inside(reader, 'the graph', {
    1: message(limits.nodesMax, (at) => nodes.push(readNode(at))),
    2: text(1, (value) => (name = value)),
    5: message(limits.weightsMax, (at) => weights.push(readWeights(at))),
    11: message(limits.portsMax, (at) => inputs.push(readPort(at))),
    12: message(limits.portsMax, (at) => outputs.push(readPort(at))),
  })
  return { name, nodes, weights, inputs, outputs }
}

function readNode(reader: Reader): Node {
  const named = { operator: '', domain: '', name: '' }
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: Attribute[] = []
  inside(reader, 'a node', {
    1: text(limits.operandsMax, (value) => inputs.push(value)),
    2: text(limits.operandsMax, (value) => outputs.push(value)),
    3: text(1, (value) => (named.name = value)),
    4: text(1, (value) => (named.operator = value)),
    5: message(limits.attributesMax, (at) => attributes.push(readAttribute(at))),
    7: text(1, (value) => (named.domain = value)),
  })
  return { ...named, inputs, outputs, attributes }
}

function readAttribute(reader: Reader): Attribute {
  let name = ''
  let type = 0
  let single: AttributeValue | undefined
  let singles = 0
  const hold = (value: AttributeValue) => {
    single = value
    singles++
  }
  const floats: number[] = []
  const ints: number[] = []
  const texts: string[] = []
  const most = limits.attributeItemsMax
  inside(reader, 'an attribute', {
    1: text(1, (value) => (name = value)),
    2: {
      wireTypes: [wireFixed32],
      most: 1,
      take: (at) => hold({ kind: 'float', value: float32(at) }),
    },
    3: int((value) => hold({ kind: 'int', value })),
    4: text(1, (value) => hold({ kind: 'text', value })),
    7: numbers(most, wireFixed32, float32, floats),
    8: numbers(most, wireVarint, int64, ints),
    9: text(most, (value) => texts.push(value)),
    20: int((value) => (type = value)),
  })
  const lists: AttributeValue[] = [
    { kind: 'floats', value: floats },
    { kind: 'ints', value: ints },
    { kind: 'texts', value: texts },
  ]
  const filled = lists.filter(({ value }) => (value as unknown[]).length > 0)
  // A list that is empty is not in the bytes, and only its type says that it is there.
  const empty = lists.find(({ kind }) => attributeKinds[kind] === type)
  const value = single ?? filled[0] ?? empty
  if (value === undefined || singles + filled.length > 1 || attributeKinds[value.kind] !== type) {
    throw new Unreadable(`the attribute ${name} has not one value, of the type that it names`)
  }
  return { name, ...value }
}

function readWeights(reader: Reader): Weights {
  let name = ''
  let type = 0
  let data: Uint8Array | undefined
  const dims: number[] = []
  inside(reader, 'weights', {
    1: numbers(limits.rankMax, wireVarint, int64, dims),
    2: int((value) => (type = value)),
    8: text(1, (value) => (name = value)),
    9: message(1, (at) => (data = at.view(limits.bytesMax))),
  })
  if (dims.some((length) => length < 0)) throw new Unreadable(`${name} has a length below zero`)
  const count = elementsOf(dims)
  const size = type === elementTypes.float32 ? 4 : type === elementTypes.int64 ? 8 : 0
  if (data === undefined || size === 0 || data.length !== count * size) {
    throw new Unreadable(`the weights ${name} are not as many as their shape says, in their bytes`)
  }
  // A copy, and so in its place in memory.
  const { buffer } = data.slice()
  return { name, dims, data: size === 4 ? new Float32Array(buffer) : new BigInt64Array(buffer) }
}

function readPort(reader: Reader): Port {
  let name = ''
  let tensor: Omit<Port, 'name'> | undefined
  inside(reader, 'an input or output', {
    1: text(1, (value) => (name = value)),
    2: message(1, (at) => {
      inside(at, 'a type', { 1: message(1, (deeper) => (tensor = readTensorType(deeper))) })
    }),
  })
  if (tensor === undefined) throw new Unreadable(`${name} is of no type that models here have`)
  return { name, ...tensor }
}

function readTensorType(reader: Reader): Omit<Port, 'name'> {
  let element = 0
  const dims: (number | string)[] = []
  inside(reader, 'a type of tensors', {
    1: int((value) => (element = value)),
    2: message(1, (at) => {
      inside(at, 'a shape', {
        1: message(limits.rankMax, (deeper) => dims.push(readDimension(deeper))),
      })
    }),
  })
  const type = Object.entries(elementTypes).find(([, number]) => number === element)?.[0]
  if (type === undefined) throw new Unreadable(`numbers of type ${element} are not taken`)
  return { type: type as ElementType, dims }
}

function readDimension(reader: Reader): number | string {
  const found: (number | string)[] = []
  inside(reader, 'a dimension', {
    1: int((value) => found.push(value)),
    2: text(1, (value) => found.push(value)),
  })
  const [dim] = found
  if (dim === undefined || found.length > 1) throw new Unreadable('a dimension has not one length')
  return dim
}

function float32(reader: Reader): number {
  if (reader.end - reader.at < 4) {
    reader.refuse('truncated')
    return 0
  }
  const { buffer, byteOffset } = reader.bytes
  const value = new DataView(buffer, byteOffset + reader.at, 4).getFloat32(0, true)
  reader.at += 4
  return value
}

/** As protobuf writes an int64: what is negative takes ten bytes. */
function int64(reader: Reader): number {
  const first = reader.bytes[reader.at]
  if (first !== undefined && first < 128 && reader.at < reader.end) {
    reader.at++
    return first
  }
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.at < reader.end ? reader.bytes[reader.at++] : undefined
    if (byte === undefined) {
      reader.refuse('truncated')
      return 0
    }
    value |= BigInt(byte & 127) << shift
    if (byte < 128) {
      const signed = Number(BigInt.asIntN(64, value))
      if (!Number.isSafeInteger(signed)) reader.refuse('numberTooLarge')
      return signed
    }
  }
  reader.refuse('numberTooLarge')
  return 0
}
