import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { InferenceChild } from '../../agent/ports/inference/child.ts'
import { foldedWhereLess, packedSteps } from '../../agent/ports/inference/tensors.ts'
import { inferenceLimits } from '../../agent/ports/limits.ts'
import { EngineError } from '../../models/engine.ts'
import { ports } from '../../models/nets/graphs.ts'
import { forestInput } from '../../models/trees/export.ts'
import {
  COMMON_FEATURES,
  commonForest,
  commonNet,
  commonRows,
} from '../../simulations/bench/inference-common.ts'

test('forests take rows without what they repeat, and other models say that they do not', async (t) => {
  const child = new InferenceChild(inferenceLimits)
  t.after(() => child.end())
  await child.ready()
  const entropy = new SystemEntropy(Uint8Array.of(5))
  const rows = { dims: [4_096, COMMON_FEATURES], data: commonRows(entropy, 64, 64) }
  const asked = (session: number, input: string) => {
    const { heads, body } = packedSteps([foldedWhereLess({ [input]: rows }, inferenceLimits)])
    const call = { call: 'run', session, steps: heads, carried: {} } as const
    return child.ask(call, body, inferenceLimits.runMsMax, 'to run')
  }
  const opened = (session: number, model: Uint8Array) =>
    child.ask({ call: 'open', session }, [model], inferenceLimits.openMsMax, 'to open')

  assert.equal((await opened(1, commonForest(entropy))).takesFolded, true)
  const [told] = Object.values((await asked(1, forestInput)).tensors)
  assert.equal(told?.data.length, 3 * 4_096)

  assert.equal((await opened(2, commonNet(entropy))).takesFolded, false)
  await assert.rejects(asked(2, ports.features), (error) => {
    return error instanceof EngineError && /only forests take/.test(error.message)
  })
})
