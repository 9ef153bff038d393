import assert from 'node:assert/strict'
import { test } from 'node:test'
import { history } from '../../simulations/estop/program.ts'

for (const trouble of ['loss 20%', 'partition'] as const) {
  test(`every one of forty hosts stops and stays stopped until it is released: ${trouble}`, () => {
    const { stayedMs, violations } = history(40, trouble, 'test')
    assert.deepEqual(violations, [])
    assert.equal(stayedMs.length, 40)
  })
}

test('hosts that crash in the middle are stopped when they are back, before they begin anything', () => {
  const { stayedMs, returnedMs, violations } = history(40, 'crashes', 'test')
  assert.deepEqual(violations, [])
  assert.ok(returnedMs.length > 0, 'some have crashed and come back')
  assert.equal(stayedMs.length + returnedMs.length, 40)
})
