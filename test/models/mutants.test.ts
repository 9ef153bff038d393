import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { EngineError, type Tensor } from '../../models/engine.ts'
import { ports, predictionModel } from '../../models/nets/graphs.ts'
import { layoutOf } from '../../models/nets/layout.ts'
import { checkModel, type Expectations } from '../../models/onnx/check.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import {
  expectedOfForest,
  forestInput,
  forestOutput,
  modelOfForest,
} from '../../models/trees/export.ts'
import { anyForest } from './samples.ts'

const FEATURES = 3
const OUTPUTS = 3
const ROWS = 5
const engine = new ProcessEngine()
after(() => engine.close())

const shape = { features: FEATURES, hidden: [4] }
const { length } = layoutOf(shape)
const rows: Tensor = {
  dims: [ROWS, FEATURES],
  data: Float32Array.from({ length: ROWS * FEATURES }, (_, i) => Math.sin(i)),
}

interface Subject {
  readonly bytes: Uint8Array
  readonly expected: Expectations
  readonly input: string
  readonly output: string
}

const net: Subject = {
  bytes: bytesOf(
    predictionModel(
      shape,
      Float32Array.from({ length }, (_, i) => Math.cos(i)),
    ),
  ),
  expected: {
    inputs: { [ports.features]: { type: 'float32', dims: ['rows', FEATURES] } },
    outputs: { [ports.quantiles]: { type: 'float32', dims: ['rows', OUTPUTS] } },
    weights: { [ports.parameters]: [length] },
  },
  input: ports.features,
  output: ports.quantiles,
}
const forests: fc.Arbitrary<Subject> = anyForest(FEATURES, OUTPUTS).map((forest) => ({
  bytes: bytesOf(modelOfForest(forest)),
  expected: expectedOfForest(FEATURES, OUTPUTS),
  input: forestInput,
  output: forestOutput,
}))

test('a model with a few bytes changed is refused, by us or by the runtime, or runs', async () => {
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) })
  const changes = fc.array(change, { minLength: 1, maxLength: 3 })
  const counts = { refused: 0, refusedLater: 0, run: 0 }
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant(net), forests), changes, async (subject, mutations) => {
      const bytes = subject.bytes.slice()
      for (const { at, to } of mutations) bytes[at % bytes.length] = to
      if (checkModel(bytes, subject.expected).kind === 'refused') counts.refused++
      else counts[await opened(subject, bytes)]++
    }),
    { numRuns: 1_500 },
  )
  // Or nothing was tried.
  assert.ok(counts.refused > 0 && counts.run > 0, JSON.stringify(counts))
})

/** Neither may end the process that it is in. */
async function opened(
  { input, output }: Subject,
  bytes: Uint8Array,
): Promise<'run' | 'refusedLater'> {
  try {
    const session = await engine.open(bytes)
    try {
      const outputs = await session.run({ [input]: rows })
      assert.ok(outputs[output] !== undefined)
      return 'run'
    } finally {
      await session.close()
    }
  } catch (error) {
    assert.ok(error instanceof EngineError && error.code === 'refused', String(error))
    return 'refusedLater'
  }
}
