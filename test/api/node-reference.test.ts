import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findNode, type Named } from '../../coordinator/api/node-reference.ts'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'

const nodes: Named[] = [
  { id: 'Qa1', name: 'web', self: true },
  { id: 'Qa2', name: 'web-2', self: false },
  { id: 'Qb3', name: 'database', self: false },
]

function refusalOf(reference: string, among = nodes): ApiRefusal {
  try {
    findNode(reference, among)
  } catch (error) {
    if (error instanceof ApiRefusal) return error
    throw error
  }
  throw new Error(`${reference} should not have been found`)
}

test('a node is found by id, by name, by a unique prefix of either, and as self', () => {
  assert.equal(findNode('Qb3', nodes).name, 'database')
  assert.equal(findNode('database', nodes).id, 'Qb3')
  assert.equal(findNode('Qb', nodes).id, 'Qb3')
  assert.equal(findNode('data', nodes).id, 'Qb3')
  assert.equal(findNode('self', nodes).id, 'Qa1')
})

test('an exact name goes before longer names that begin with it', () => {
  assert.equal(findNode('web', nodes).id, 'Qa1')
  assert.equal(refusalOf('we').code, 'ambiguous')
})

test('an ambiguous reference is refused with the candidates', () => {
  const { code, why, fix } = refusalOf('Qa')
  assert.equal(code, 'ambiguous')
  assert.match(why, /fits 2 nodes: web \(Qa1\), web-2 \(Qa2\)$/)
  assert.equal(fix, 'write more of the name or id')
  const twins = [...nodes, { id: 'Qc4', name: 'web', self: false }]
  assert.equal(refusalOf('web', twins).fix, 'name it by its id')
  const many = Array.from({ length: 30 }, (_, i) => ({ id: `Z${i}`, name: `z${i}`, self: false }))
  assert.match(refusalOf('Z', many).why, /fits 30 nodes: .* and 22 more$/)
})

test('an unknown reference is refused with the nearest names', () => {
  const { code, fix } = refusalOf('wbe')
  assert.equal(code, 'notFound')
  assert.match(fix, /^perhaps web was meant/)
  assert.equal(refusalOf('zzzzzz').fix, 'skein nodes ls shows all nodes')
  assert.equal(refusalOf('').code, 'notFound')
})

test('whatever nodes are called, each is found by its id, and what is found was meant', () => {
  const word = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', 'c') })
  const mesh = fc
    .uniqueArray(fc.record({ id: word, name: word }), { selector: ({ id }) => id, minLength: 1 })
    .map((list) => list.map((node, i) => ({ ...node, self: i === 0 })))
  fc.assert(
    fc.property(mesh, word, (among, reference) => {
      for (const node of among) assert.equal(findNode(node.id, among), node)
      const meant = (exact: boolean) =>
        among.filter(({ id, name }) =>
          exact ? name === reference : id.startsWith(reference) || name.startsWith(reference),
        )
      const byId = among.filter(({ id }) => id === reference)
      const fits = [byId, meant(true), meant(false)].find((list) => list.length > 0) ?? []
      if (fits.length === 1) assert.equal(findNode(reference, among), fits[0])
      else
        assert.equal(refusalOf(reference, among).code, fits.length > 0 ? 'ambiguous' : 'notFound')
    }),
  )
})
