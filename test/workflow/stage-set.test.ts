import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import { bitsOfStages, keptBy, stagesOfBits } from '../../protocol/workflow/stage-set.ts'
import { example, parsed, withStages } from './stage.ts'

test('a set of stages says the same whatever the order of the file, and of nobody else', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9_-]{1,12}$/), { minLength: 1 })
  fc.assert(
    fc.property(names, fc.infiniteStream(fc.boolean()), (all, choices) => {
      const chosen = all.filter(() => choices.next().value)
      const of = (names: string[]) => ({ stages: names.map((name) => ({ name })) as never })
      const bits = bitsOfStages(of(all), [...chosen, 'NOBODY'])
      assert.deepEqual(stagesOfBits(of([...all].reverse()), bits), [...chosen].sort())
    }),
  )
})

test('names are taken as they are, a set by the workflow', () => {
  const workflow = parsed(example('diamond.yaml'))
  const [first, ...rest] = workflow.stages.map(({ name }) => name)
  assert.deepEqual(keptBy({ keep: [first!] }, workflow), [first])
  const kept = bitsOfStages(workflow, rest)
  assert.deepEqual([...keptBy({ keep: [], kept }, workflow)].sort(), rest.sort())
})

test('as many stages as may be fit a set that the ledger takes', () => {
  const lines = Array.from({ length: workflowLimits.stagesMax }, (_, i) => `  s${i}: {wait: 1s}\n`)
  const workflow = parsed(withStages(lines.join('')))
  const all = workflow.stages.map(({ name }) => name)
  assert.ok(bitsOfStages(workflow, all).length <= stateLimits.stagesMax / 8)
})
