/** Small models that do one thing, well or badly. */
import type { Tensor } from '../../models/engine.ts'
import { Draft } from '../../models/onnx/draft.ts'
import { bytesOf } from '../../models/onnx/write.ts'

/** y = x × factor */
export function times(factor: number): Uint8Array {
  const draft = new Draft('times')
  const x = draft.input('x', ['rows', 2])
  draft.output('y', ['rows', 2], draft.node('Mul', [x, draft.number(factor)]))
  return bytesOf(draft.model())
}

/** sum = a + b */
export function summing(): Uint8Array {
  const draft = new Draft('summing')
  const [a, b] = [draft.input('a', ['rows', 2]), draft.input('b', ['rows', 2])]
  draft.output('sum', ['rows', 2], draft.node('Add', [a, b]))
  return bytesOf(draft.model())
}

/** next = sum + more */
export function adding(): Uint8Array {
  const draft = new Draft('adding')
  const sum = draft.input('sum', [1])
  const more = draft.input('more', [1])
  draft.output('next', [1], draft.node('Add', [sum, more]))
  return bytesOf(draft.model())
}

/** Multiplies a large matrix with itself again and again: seconds of work. */
export function slow(): { model: Uint8Array; inputs: Record<string, Tensor> } {
  const draft = new Draft('slow')
  const side = 1_024
  const x = draft.input('x', ['side', 'side'])
  let result = x
  for (let i = 0; i < 2_000; i++) result = draft.node('MatMul', [result, x])
  draft.output('y', ['side', 'side'], result)
  const data = new Float32Array(side * side).fill(1 / side)
  return { model: bytesOf(draft.model()), inputs: { x: { dims: [side, side], data } } }
}

/** Every one of `count` with every other: ten thousand are 400 MB, squared again and again. */
export function hungry(count: number): { model: Uint8Array; inputs: Record<string, Tensor> } {
  const draft = new Draft('hungry')
  const x = draft.input('x', ['count', 1])
  const y = draft.input('y', [1, 'count'])
  const all = draft.node('MatMul', [x, y])
  const more = draft.node('Sigmoid', [draft.node('MatMul', [x, y])])
  const sum = draft.node('ReduceSum', [draft.node('Add', [draft.node('Sqrt', [all]), more])])
  draft.output('z', ['one', 'one'], sum)
  const data = new Float32Array(count).fill(1)
  return {
    model: bytesOf(draft.model()),
    inputs: { x: { dims: [count, 1], data }, y: { dims: [1, count], data } },
  }
}

/** Every one of `count` with every other, given back. */
export function wide(count: number): { model: Uint8Array; inputs: Record<string, Tensor> } {
  const draft = new Draft('wide')
  const x = draft.input('x', ['count', 1])
  const y = draft.input('y', [1, 'count'])
  draft.output('z', ['count', 'count'], draft.node('MatMul', [x, y]))
  const data = new Float32Array(count).fill(1)
  return {
    model: bytesOf(draft.model()),
    inputs: { x: { dims: [count, 1], data }, y: { dims: [1, count], data } },
  }
}

export function pair(a: number, b: number): Record<string, Tensor> {
  return { x: { dims: [1, 2], data: Float32Array.of(a, b) } }
}
