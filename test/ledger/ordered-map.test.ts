import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OrderedMap } from '../../protocol/ledger/ordered-map.ts'
import { SortedLoad } from '../../protocol/ledger/sorted-load.ts'

type Op = { set: string; value: number } | { del: string }

const key = fc.integer({ min: 0, max: 400 }).map((n) => `k${n.toString(7)}`)
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ set: key, value: fc.nat() }),
  fc.record({ del: key }),
)
/** Growing, then shrinking, so that nodes split and join. */
const ops = fc
  .tuple(
    fc.array(fc.record({ set: key, value: fc.nat() }), { maxLength: 600, size: 'max' }),
    fc.array(op, { maxLength: 300, size: 'max' }),
    fc.array(fc.record({ del: key }), { maxLength: 600, size: 'max' }),
  )
  .map((phases) => phases.flat() as Op[])

function sorted(model: ReadonlyMap<string, number>) {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

test('it holds what a plain map holds, in the order of the keys, whatever is done to it', () => {
  fc.assert(
    fc.property(ops, fc.integer({ min: 1, max: 9 }), (all, editLength) => {
      const model = new Map<string, number>()
      let map = OrderedMap.empty<number>()
      for (let at = 0; at < all.length; at += editLength) {
        const edit = map.edit()
        for (const op of all.slice(at, at + editLength)) {
          if ('set' in op) {
            assert.equal(edit.set(op.set, op.value), model.get(op.set))
            model.set(op.set, op.value)
          } else {
            assert.equal(edit.delete(op.del), model.get(op.del))
            model.delete(op.del)
          }
        }
        map = edit.finish()
        assert.equal(map.size, model.size)
      }
      assert.deepEqual([...map.entries()], sorted(model))
      for (const [k, v] of model) assert.equal(map.get(k), v)
      assert.equal(map.get('zz'), undefined)
    }),
    { numRuns: 60 },
  )
})

test('an old map is not touched by what is made of it, also while it is being read', () => {
  fc.assert(
    fc.property(ops, ops, (before, after) => {
      const edit = OrderedMap.empty<number>().edit()
      const model = new Map<string, number>()
      for (const op of before) {
        if ('set' in op) {
          edit.set(op.set, op.value)
          model.set(op.set, op.value)
        }
      }
      const old = edit.finish()
      const reading = old.entries()
      const read = [reading.next().value]
      for (const op of after) {
        if ('set' in op) edit.set(op.set, -1 - op.value)
        else edit.delete(op.del)
      }
      edit.finish()
      for (const entry of reading) read.push(entry)
      assert.deepEqual(
        read.filter((entry) => entry !== undefined),
        sorted(model),
      )
    }),
    { numRuns: 40 },
  )
})

test('an edit that is taken back leaves no trace', () => {
  fc.assert(
    fc.property(ops, ops, (before, undone) => {
      const edit = OrderedMap.empty<number>().edit()
      for (const op of before) if ('set' in op) edit.set(op.set, op.value)
      const mark = edit.finish()
      const expected = [...mark.entries()]
      for (const op of undone) {
        if ('set' in op) edit.set(op.set, op.value)
        else edit.delete(op.del)
      }
      edit.restore(mark)
      edit.set('after', 1)
      edit.delete('after')
      assert.deepEqual([...edit.finish().entries()], expected)
      assert.deepEqual([...mark.entries()], expected)
    }),
    { numRuns: 40 },
  )
})

test('ranges and ranks are those of the sorted keys', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300, size: 'max' }), key, key, (keys, a, b) => {
      const edit = OrderedMap.empty<number>().edit()
      for (const k of keys) edit.set(k, 0)
      const map = edit.finish()
      const all = [...new Set(keys)].sort()
      const range = [...map.entries(a, b)].map(([k]) => k)
      assert.deepEqual(
        range,
        all.filter((k) => k >= a && k < b),
      )
      assert.equal(map.rank(a), all.filter((k) => k < a).length)
    }),
    { numRuns: 100 },
  )
})

test('a map loaded from sorted entries is like any other, and takes no key out of order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 2_000, size: 'max' }), ops, (keys, then) => {
      const load = new SortedLoad<number>()
      const model = new Map<string, number>()
      for (const [i, k] of keys.sort().entries()) {
        assert.equal(load.push(k, i), true)
        assert.equal(load.push(k, i), false)
        model.set(k, i)
      }
      const edit = load.finish().edit()
      for (const op of then) {
        if ('set' in op) {
          edit.set(op.set, op.value)
          model.set(op.set, op.value)
        } else {
          edit.delete(op.del)
          model.delete(op.del)
        }
      }
      assert.deepEqual([...edit.finish().entries()], sorted(model))
    }),
    { numRuns: 40 },
  )
})

test('an edit says of every key what it holds at that moment, also after it was taken back', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: op },
    { weight: 4, arbitrary: fc.record({ look: key }) },
    { weight: 1, arbitrary: fc.constant('mark' as const) },
    { weight: 1, arbitrary: fc.constant('restore' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 900, size: 'max' }), (all) => {
      let model = new Map<string, number>()
      const edit = OrderedMap.empty<number>().edit()
      let marked = { map: edit.finish(), model: new Map(model) }
      for (const each of all) {
        if (each === 'mark') marked = { map: edit.finish(), model: new Map(model) }
        else if (each === 'restore') {
          edit.restore(marked.map)
          model = new Map(marked.model)
        } else if ('look' in each) assert.equal(edit.get(each.look), model.get(each.look))
        else if ('set' in each) {
          assert.equal(edit.set(each.set, each.value), model.get(each.set))
          model.set(each.set, each.value)
        } else {
          assert.equal(edit.delete(each.del), model.get(each.del))
          model.delete(each.del)
        }
      }
      assert.deepEqual([...marked.map.entries()], sorted(marked.model))
      assert.deepEqual([...edit.finish().entries()], sorted(model))
    }),
    { numRuns: 60 },
  )
})
