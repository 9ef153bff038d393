import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startOrder } from '../../agent/modules/order.ts'
import { graphShapes } from './shapes.ts'

const part = (name: string, priority: number, ...needs: string[]) => ({ name, priority, needs })
const names = (specs: { name: string }[]) => specs.map((spec) => spec.name).join(' ')

test('needs go before priority, priority before name', () => {
  const order = startOrder([
    part('gateway', 1, 'membership'),
    part('telemetry', 2),
    part('artifacts', 2),
    part('membership', 3, 'network'),
    part('network', 4),
  ])
  assert.equal(names(order), 'artifacts telemetry network membership gateway')
})

test('the order is the same whatever order the parts are declared in', () => {
  fc.assert(
    fc.property(graphShapes, fc.infiniteStream(fc.nat()), (shape, draws) => {
      const keyed = shape.map((spec) => ({ spec, key: draws.next().value as number }))
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ spec }) => spec)
      assert.equal(names(startOrder(shuffled)), names(startOrder(shape)))
    }),
  )
})

test('each part comes after its needs, and no free part of a lower number was passed over', () => {
  fc.assert(
    fc.property(graphShapes, (shape) => {
      const placed = new Set<string>()
      for (const next of startOrder(shape)) {
        const free = shape.filter(
          (spec) => !placed.has(spec.name) && spec.needs.every((need) => placed.has(need)),
        )
        assert.ok(free.some((spec) => spec.name === next.name))
        for (const other of free) {
          assert.ok(
            other.priority > next.priority ||
              (other.priority === next.priority && other.name >= next.name),
          )
        }
        placed.add(next.name)
      }
      assert.equal(placed.size, shape.length)
    }),
  )
})

test('a circle is refused and shown, without those that merely wait for it', () => {
  assert.throws(
    () => startOrder([part('a', 1, 'b'), part('b', 1, 'c'), part('c', 1, 'b')]),
    /circle: b → c → b/,
  )
  assert.throws(() => startOrder([part('a', 1, 'a')]), /circle: a → a/)
})

test('an unknown need is refused with the nearest right one', () => {
  assert.throws(
    () => startOrder([part('api', 1, 'telemtry'), part('telemetry', 1)]),
    /api needs telemtry, which does not exist; did you mean telemetry\?/,
  )
})

test('two parts of one name are refused', () => {
  assert.throws(() => startOrder([part('a', 1), part('a', 2)]), /two modules are called a/)
})
