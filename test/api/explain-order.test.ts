/** In which order stages are explained. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toldInOrder } from '../../coordinator/runs/ended.ts'
import { parsed, withStages } from '../workflow/stage.ts'

test('stages are explained in the order of the workflow, and items of one stay as they are', () => {
  const workflow = parsed(
    `${withStages(`
  a: { needs: [z], run: x }
  m: { needs: [a], forEach: [1, 2], run: x }
  z: { run: x }
`)}finally:\n  b: { run: x }\n`,
  )
  const told = ['a', 'b', 'm', 'm', 'unheard', 'z'].map((stage, number) => ({ stage, number }))
  assert.deepEqual(
    toldInOrder(told, workflow).map(({ stage, number }) => `${stage}${number}`),
    ['z5', 'a0', 'm2', 'm3', 'b1', 'unheard4'],
  )
  assert.deepEqual(toldInOrder(told, undefined), told)
})
