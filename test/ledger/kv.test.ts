import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import { bytesOf, del, put, Replica } from './stage.ts'

type Op = { kind: 'put' | 'del'; key: string; value: string; expect: number | undefined }

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom('put', 'del'),
  key: fc.constantFrom('a', 'a/b', 'a0', 'b', 'z~'),
  value: fc.constantFrom('', 'x', 'ä€😀'),
  expect: fc.option(fc.nat(20), { nil: undefined }),
})

/** What the store should do, as dumb as can be. */
function dumb(model: Map<string, { value: string; revision: number }>, op: Op, index: number) {
  const revision = model.get(op.key)?.revision ?? 0
  if (op.kind === 'del' && revision === 0) return { code: 'notFound' }
  if (op.expect !== undefined && op.expect !== revision) return { code: 'conflict', revision }
  if (op.kind === 'put') model.set(op.key, { value: op.value, revision: index })
  else model.delete(op.key)
  return { code: 'ok', revision: index }
}

test('keys, values and revisions are those of a plain map', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60, size: 'max' }), (ops) => {
      const replica = new Replica()
      const model = new Map<string, { value: string; revision: number }>()
      for (const op of ops) {
        const command =
          op.kind === 'put' ? put(op.key, op.value, op.expect) : del(op.key, op.expect)
        const result = replica.do(command)
        assert.deepEqual(result, dumb(model, op, replica.state.index))
      }
      const { index, value } = read(replica.state, {
        kind: 'kvList',
        namespace: 'test',
        prefix: '',
      })
      assert.equal(index, ops.length)
      const expected = [...model]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { value, revision }]) => ({ key, value: bytesOf(value), revision }))
      assert.deepEqual(value, { items: expected })
      for (const item of expected) {
        const query = { kind: 'kvGet', namespace: 'test', key: item.key } as const
        assert.deepEqual(read(replica.state, query).value, item)
      }
    }),
    { numRuns: 200 },
  )
})

test('pages of any size, put together, are the whole list under a prefix', () => {
  const keys = fc.uniqueArray(fc.stringMatching(/^[ab/]{1,4}$/), { maxLength: 40 })
  fc.assert(
    fc.property(
      keys,
      fc.stringMatching(/^[ab/]{0,2}$/),
      fc.integer({ min: 1, max: 9 }),
      (all, prefix, limit) => {
        const replica = new Replica()
        for (const key of all) replica.do(put(key))
        const listed: string[] = []
        let after: string | undefined
        do {
          const paging = after === undefined ? { limit } : { limit, after }
          const query = { kind: 'kvList', namespace: 'test', prefix, ...paging } as const
          const { items, next } = read(replica.state, query).value
          assert.ok(items.length <= limit)
          assert.ok(next === undefined || items.length > 0, 'a page moves on')
          listed.push(...items.map(({ key }) => key))
          after = next
        } while (after !== undefined)
        assert.deepEqual(listed, all.filter((key) => key.startsWith(prefix)).sort())
      },
    ),
  )
})

test('a revision is never used twice, not even by a key that was deleted and written again', () => {
  const replica = new Replica()
  const first = replica.do(put('k', 'v')).revision
  replica.do(del('k'))
  const second = replica.do(put('k', 'v')).revision
  assert.notEqual(first, second)
  assert.deepEqual(replica.do(put('k', 'w', first)), { code: 'conflict', revision: second })
})

test('namespaces do not reach into each other', () => {
  const replica = new Replica()
  replica.do(put('k'))
  for (const namespace of ['tes', 'test2', 'test/k', '', 'test/']) {
    const list = read(replica.state, { kind: 'kvList', namespace, prefix: '' }).value
    assert.deepEqual(list, { items: [] })
  }
  const query = { kind: 'kvGet', namespace: 'test/k', key: '' } as const
  assert.equal(read(replica.state, query).value, undefined)
})

test('names that no key may have, and values too large, are refused as such', () => {
  const replica = new Replica()
  for (const key of ['', 'a b', 'a\n', 'ä', 'a\0', 'k'.repeat(stateLimits.kvKeyBytesMax + 1)]) {
    assert.equal(replica.do(put(key)).code, 'badName', JSON.stringify(key))
  }
  for (const namespace of ['', 'A', '-a', 'a/b', 'n'.repeat(65)]) {
    const value = { namespace, key: 'k', value: bytesOf('v') }
    assert.equal(replica.do({ kind: 'kvPut', value }).code, 'badName', namespace)
    assert.equal(replica.do({ kind: 'kvDelete', value: { namespace, key: 'k' } }).code, 'badName')
  }
  assert.equal(replica.do(put('k', 'v'.repeat(stateLimits.kvValueBytesMax))).code, 'ok')
  assert.equal(replica.do(put('k', 'v'.repeat(stateLimits.kvValueBytesMax + 1))).code, 'tooLarge')
})

test('a full state refuses more and takes it again when there is room', () => {
  const replica = new Replica({ ...stateLimits, stateBytesMax: 500 })
  assert.equal(replica.do(put('a', 'v'.repeat(300))).code, 'ok')
  assert.equal(replica.do(put('b', 'v'.repeat(300))).code, 'full')
  assert.equal(replica.do(del('a')).code, 'ok')
  assert.equal(replica.do(put('b', 'v'.repeat(300))).code, 'ok')
})

test('what a reader was handed is its own: writing to it changes no state', () => {
  const replica = new Replica()
  const payload = replica.seal(put('k', 'value'))
  replica.apply(payload)
  payload.fill(0)
  const query = { kind: 'kvGet', namespace: 'test', key: 'k' } as const
  read(replica.state, query).value?.value.fill(0)
  assert.deepEqual(read(replica.state, query).value?.value, bytesOf('value'))
})
