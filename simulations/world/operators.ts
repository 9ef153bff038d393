/** Operators of ONNX on a few numbers at a time, as far as the networks of `models/nets` have them. */
import { assert } from '../../protocol/assert.ts'

/** Of floats of four bytes, whole numbers too: those of graphs here are small. */
export interface Value {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

type Attribute = (name: string) => number | readonly number[] | undefined
type Operator = (inputs: readonly Value[], attribute: Attribute) => Value

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

export const operators: Readonly<Record<string, Operator>> = {
  Add: pairs((a, b) => a + b),
  Sub: pairs((a, b) => a - b),
  Mul: pairs((a, b) => a * b),
  Div: pairs((a, b) => a / b),
  Max: pairs(Math.max),
  Greater: pairs((a, b) => Number(a > b)),
  Neg: each((x) => -x),
  Sqrt: each(Math.sqrt),
  Sigmoid: each(sigmoid),
  Softplus: each(softplus),
  Identity: each((x) => x),
  Cast: each((x) => x),
  Shape: ([of]) => vector((of as Value).dims),
  Gather: ([of, at]) => vector([(of as Value).data[first(at)] as number]),
  Reshape: ([of, to]) => reshaped(of as Value, [...(to as Value).data]),
  Transpose: ([of]) => transposed(of as Value),
  MatMul: ([a, b]) => product(a as Value, b as Value),
  Slice: ([of, from, to, axis]) => slice(of as Value, first(from), first(to), first(axis)),
  Concat: (parts, attribute) => joined(parts, attribute('axis') as number),
  ReduceSum: ([of, axis], attribute) =>
    summed(of as Value, axis && first(axis), attribute('keepdims') !== 0),
  ReduceMean: ([of], attribute) => {
    assert(attribute('keepdims') === 0, 'a mean is of all there is')
    const { data } = of as Value
    return { dims: [], data: Float32Array.of(data.reduce((sum, x) => sum + x, 0) / data.length) }
  },
}

function each(change: (x: number) => number): Operator {
  return ([of]) => ({ dims: (of as Value).dims, data: (of as Value).data.map(change) })
}

/** Of the same dims, or one of them stretched along where it has a length of 1, or none. */
function pairs(join: (a: number, b: number) => number): Operator {
  return ([a, b]) => {
    const [left, right] = [a as Value, b as Value]
    const depth = Math.max(left.dims.length, right.dims.length)
    const [x, y] = [padded(left.dims, depth), padded(right.dims, depth)]
    const dims = x.map((length, k) => Math.max(length, y[k] as number))
    const [ofLeft, ofRight] = [strides(x), strides(y)]
    const data = new Float32Array(dims.reduce((all, length) => all * length, 1))
    const width = dims.at(-1) ?? 1
    for (let i = 0; i < data.length; i += width) {
      const [fromLeft, fromRight] = [offset(i, dims, ofLeft), offset(i, dims, ofRight)]
      const [stepLeft, stepRight] = [ofLeft.at(-1) ?? 0, ofRight.at(-1) ?? 0]
      for (let k = 0; k < width; k++) {
        const one = left.data[fromLeft + k * stepLeft] as number
        data[i + k] = join(one, right.data[fromRight + k * stepRight] as number)
      }
    }
    return { dims, data }
  }
}

function padded(dims: readonly number[], depth: number): number[] {
  return [...Array.from({ length: depth - dims.length }, () => 1), ...dims]
}

/** How far apart neighbours lie along each; 0 where one stands for all. */
function strides(dims: readonly number[]): number[] {
  let step = 1
  const found = dims.toReversed().map((length) => {
    const own = length === 1 ? 0 : step
    step *= length
    return own
  })
  return found.reverse()
}

function offset(index: number, dims: readonly number[], steps: readonly number[]): number {
  let rest = index
  let found = 0
  for (let k = dims.length - 1; k >= 0; k--) {
    const length = dims[k] as number
    found += (rest % length) * (steps[k] as number)
    rest = Math.floor(rest / length)
  }
  return found
}

function product(a: Value, b: Value): Value {
  const [rows, inner] = a.dims as [number, number]
  const columns = b.dims[1] as number
  assert(inner === b.dims[0], 'matrices must fit')
  const data = new Float32Array(rows * columns)
  const sums = new Float64Array(columns)
  for (let row = 0; row < rows; row++) {
    sums.fill(0)
    for (let k = 0; k < inner; k++) {
      const factor = a.data[row * inner + k] as number
      if (factor === 0) continue
      for (let column = 0; column < columns; column++) {
        sums[column] = (sums[column] as number) + factor * (b.data[k * columns + column] as number)
      }
    }
    data.set(sums, row * columns)
  }
  return { dims: [rows, columns], data }
}

function transposed({ dims, data }: Value): Value {
  const [rows, columns] = dims as [number, number]
  const turned = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = data[row * columns + column] as number
    }
  }
  return { dims: [columns, rows], data: turned }
}

function slice({ dims, data }: Value, from: number, to: number, axis: number): Value {
  if (axis === 0) {
    assert(dims.length === 1, 'rows are not cut here')
    return { dims: [to - from], data: data.slice(from, to) }
  }
  const [rows, columns] = dims as [number, number]
  const cut = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++) {
    cut.set(data.subarray(row * columns + from, row * columns + to), row * (to - from))
  }
  return { dims: [rows, to - from], data: cut }
}

function joined(parts: readonly Value[], axis: number): Value {
  if (axis === 0) return vector(parts.flatMap(({ data }) => [...data]))
  const rows = parts[0]?.dims[0] as number
  const widths = parts.map(({ dims }) => dims[1] as number)
  const columns = widths.reduce((sum, width) => sum + width, 0)
  const data = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    let at = row * columns
    for (const [i, part] of parts.entries()) {
      const width = widths[i] as number
      data.set(part.data.subarray(row * width, (row + 1) * width), at)
      at += width
    }
  }
  return { dims: [rows, columns], data }
}

function summed({ dims, data }: Value, axis: number | undefined, keeps: boolean): Value {
  const [rows, columns] = dims as [number, number]
  assert(dims.length === 2 && axis !== undefined, 'a matrix is summed along one side')
  const sums = new Float64Array(axis === 0 ? columns : rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = axis === 0 ? column : row
      sums[at] = (sums[at] as number) + (data[row * columns + column] as number)
    }
  }
  const length = sums.length
  const kept = axis === 0 ? [1, length] : [length, 1]
  return { dims: keeps ? kept : [length], data: Float32Array.from(sums) }
}

function reshaped({ data }: Value, wanted: readonly number[]): Value {
  const known = wanted.filter((length) => length !== -1).reduce((all, length) => all * length, 1)
  const dims = wanted.map((length) => (length === -1 ? data.length / known : length))
  return { dims, data }
}

function vector(numbers: readonly number[]): Value {
  return { dims: [numbers.length], data: Float32Array.from(numbers) }
}

function first(value: Value | undefined): number {
  return value?.data[0] as number
}
