/** How names are put in order wherever people read lists of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareNames } from '../../protocol/name-order.ts'

const sorted = (...names: string[]) => names.toSorted(compareNames)

test('numbers in names are ordered by what they count', () => {
  assert.deepEqual(sorted('n10', 'n2', 'n1'), ['n1', 'n2', 'n10'])
  assert.deepEqual(sorted('r2-n1', 'r10-n1', 'r2-n10', 'r2-n9'), [
    'r2-n1',
    'r2-n9',
    'r2-n10',
    'r10-n1',
  ])
  const long = '9'.repeat(40)
  assert.deepEqual(sorted(`n1${long}`, `n${long}`), [`n${long}`, `n1${long}`])
})

test('letters of either case stand together', () => {
  assert.deepEqual(sorted('beta', 'Alpha', 'Beta', 'alpha'), ['Alpha', 'alpha', 'Beta', 'beta'])
})

test('the shorter of two names that begin alike comes first', () => {
  assert.deepEqual(sorted('edge-1', 'edge', 'edge-'), ['edge', 'edge-', 'edge-1'])
})

test('the order is one: whoever sorts, however often, from whatever beginning', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'B', 'b', '0', '1', '9', '-', 'ä') })
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      const order = (x: string, y: string) => Math.sign(compareNames(x, y))
      assert.equal(order(a, b), -order(b, a) || 0)
      assert.equal(order(a, b) === 0, a === b)
      if (order(a, b) <= 0 && order(b, c) <= 0) assert.ok(order(a, c) <= 0)
    }),
  )
})
