/**
 * Real traces, where `SKEIN_TRACES` names a folder of them: the public collection WfInstances of
 * the WfCommons project (github.com/wfcommons/WfInstances) is one. Every one becomes a workflow
 * with its order, which a reader of its own confirms.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { traceOrderViolations } from '../../simulations/checkers/trace-order.ts'
import { imported, surveyFile } from './stage.ts'

const { SKEIN_TRACES } = process.env
const given =
  SKEIN_TRACES === undefined ? [] : globSync(join(SKEIN_TRACES, '**/*.{json,json.gz}')).sort()

test('a folder that is named has traces in it', () => {
  assert.equal(SKEIN_TRACES !== undefined, given.length > 0)
})

for (const file of [surveyFile, ...given]) {
  test(`a run of the workflow in its order is one of the trace: ${file.split('/').at(-1)}`, () => {
    const bytes = readFileSync(file)
    const { workflow, taskOf } = imported(bytes, { resources: true, labels: true })
    const yaml = imported(bytes, { resources: true, labels: true, format: 'yaml' })
    assert.equal(workflowHash(yaml.workflow), workflowHash(workflow))
    const trace = JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString())
    const pairs = new Set<string>()
    for (const { id, parents, children } of trace.workflow.specification.tasks) {
      for (const parent of parents) pairs.add(`${parent} ${id}`)
      for (const child of children) pairs.add(`${id} ${child}`)
    }
    const needs = workflow.stages.flatMap(({ name, needs }) =>
      needs.map((need) => `${taskOf.get(need)} ${taskOf.get(name)}`),
    )
    assert.deepEqual(new Set(needs), pairs)
    const level = new Map<string, number>()
    for (let left = workflow.stages; left.length > 0; ) {
      const ready = left.filter(({ needs }) => needs.every((need) => level.has(need)))
      assert.ok(ready.length > 0)
      for (const { name, needs } of ready) {
        level.set(name, 1 + Math.max(-1, ...needs.map((need) => level.get(need)!)))
      }
      left = left.filter(({ name }) => !level.has(name))
    }
    const runs = [...level].map(([stage, at]) => ({
      task: taskOf.get(stage)!,
      attempts: [{ startedAt: at, endedAt: at + 1, succeeded: true }],
    }))
    assert.deepEqual(traceOrderViolations(trace, runs), [])
  })
}
