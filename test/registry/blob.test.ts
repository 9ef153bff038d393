import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ports, predictionModel } from '../../models/nets/graphs.ts'
import { layoutOf } from '../../models/nets/layout.ts'
import type { Model } from '../../models/onnx/model.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { packed, unpacked } from '../../models/registry/blob.ts'
import { commonLength, commonShape } from '../../models/registry/common.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { hashOf } from '../../models/registry/sound.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const numbers = learned(1)

function learned(seed: number): Float32Array {
  const chance = new SeededEntropy(seed)
  return Float32Array.from({ length: commonLength }, () => chance.unit() * 2 - 1)
}

/** As somebody else would send it, who names what they send. */
function whyRefused(bytes: Uint8Array): string | undefined {
  const read = unpacked(bytes, hashOf(bytes))
  return read.ok ? undefined : read.why
}

/** The graph as it is, around anything. */
function around(parameters: Float32Array): Model {
  return predictionModel(commonShape, parameters)
}

test('what was packed comes back to the bit, and has one name', () => {
  const bytes = packed(numbers)
  const read = unpacked(bytes, hashOf(bytes))
  assert.ok(read.ok)
  assert.deepEqual(read.parameters, numbers)
  assert.equal(hashOf(packed(learned(1))), hashOf(bytes))
  assert.notEqual(hashOf(packed(learned(2))), hashOf(bytes))
})

test('what has another hash than was asked for is refused', () => {
  const read = unpacked(packed(numbers), hashOf(packed(learned(2))))
  assert.ok(!read.ok)
  assert.match(read.why, /bytes are those of/)
})

const net = around(numbers)
const { graph } = net
const [first, ...others] = graph.nodes
const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['a number that is none', bytesOf(around(numbers.with(7, Number.NaN))), /not all finite/],
  ['a number without end', bytesOf(around(numbers.with(7, Infinity))), /not all finite/],
  ['a number that is no weight', bytesOf(around(numbers.with(7, 1e9))), /is no weight/],
  ['half of one', packed(numbers).subarray(0, 9_000), /./],
  ['nothing', new Uint8Array(), /./],
  ['one too long', new Uint8Array(registryLimits.blobBytesMax + 1), /bytes; a version has/],
  [
    'another shape',
    bytesOf(predictionModel({ features: 3, hidden: [4] }, learned(1).subarray(0, 31))),
    /input/,
  ],
  [
    'fewer units between',
    bytesOf(
      predictionModel(
        { ...commonShape, hidden: [2] },
        new Float32Array(layoutOf({ ...commonShape, hidden: [2] }).length),
      ),
    ),
    /weights parameters/,
  ],
  [
    'an operator that it has not',
    bytesOf({
      ...net,
      graph: { ...graph, nodes: [{ ...first!, operator: 'Tanh' }, ...others] },
    }),
    /not allowed/,
  ],
  [
    'an allowed operator in the place of another',
    bytesOf({
      ...net,
      graph: {
        ...graph,
        nodes: graph.nodes.map((node) =>
          node.operator === 'Add' ? { ...node, operator: 'Mul' } : node,
        ),
      },
    }),
    /graph is not that/,
  ],
  ['another producer', bytesOf({ ...net, producer: 'somebody' }), /graph is not that/],
  [
    'weights besides its own',
    bytesOf({
      ...net,
      graph: {
        ...graph,
        weights: [...graph.weights, { name: 'more', dims: [1], data: new Float32Array(1) }],
      },
    }),
    /graph is not that/,
  ],
]

for (const [what, bytes, why] of refused) {
  test(`refused: ${what}`, () => {
    assert.match(whyRefused(bytes) ?? 'taken', why)
  })
}

test('a version with any byte changed is refused under its own name, or has other numbers in it', () => {
  const whole = packed(numbers)
  const law = fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
    const bytes = whole.slice()
    bytes[at] = (bytes[at]! + by) % 256
    assert.ok(!unpacked(bytes, hashOf(whole)).ok)
    const renamed = unpacked(bytes, hashOf(bytes))
    if (renamed.ok) assert.deepEqual(packed(renamed.parameters), bytes)
  })
  fc.assert(law, { numRuns: 300 })
})

test('what makes no sense is not packed', () => {
  assert.throws(() => packed(numbers.with(0, Number.NaN)))
  assert.throws(() => packed(numbers.subarray(1)))
  assert.equal(
    graph.weights.find(({ name }) => name === ports.parameters)?.data.length,
    commonLength,
  )
})
