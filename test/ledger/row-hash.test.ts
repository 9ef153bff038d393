import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Octets, toOctets } from '../../protocol/ledger/octets.ts'
import { hashRow, rowHash } from '../../protocol/ledger/row-hash.ts'

function hashOf(key: string, row: Uint8Array | Octets): number[] {
  hashRow(key, typeof row === 'string' ? row : toOctets(row))
  const { a, b, c, d } = rowHash
  return [a, b, c, d]
}

const anyKey = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' })
const anyRow = fc.uint8Array({ maxLength: 200 })

test('on whole blocks it is the hash that others know as MurmurHash3', () => {
  // Worked out by a program of its own, from the published description.
  const known = [-878908320, -1961001085, 601010583, 1755593366]
  assert.deepEqual(hashOf('unit/run1/build', 'sixteen bytes of' as Octets), known)
})

test('a row has one hash, whatever was hashed before', () => {
  fc.assert(
    fc.property(anyKey, anyRow, anyKey, anyRow, (key, row, otherKey, otherRow) => {
      const first = hashOf(key, row)
      hashOf(otherKey, otherRow)
      assert.deepEqual(hashOf(key, row), first)
    }),
  )
  const large = new Uint8Array(200_000).fill(7)
  assert.deepEqual(hashOf('large', large), hashOf('large', large))
  assert.notDeepEqual(hashOf('large', large), hashOf('large', large.subarray(1)))
})

test('where a key ends and its row begins is part of the hash, and so is its length', () => {
  assert.notDeepEqual(hashOf('ab', 'c' as Octets), hashOf('a', 'bc' as Octets))
  assert.notDeepEqual(hashOf('a', '' as Octets), hashOf('a', '\0' as Octets))
})

test('a bit that flips changes all four numbers of the hash', () => {
  fc.assert(
    fc.property(
      anyKey,
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(),
      (key, row, at) => {
        const before = hashOf(key, row)
        const flipped = row.slice()
        flipped[(at >>> 3) % row.length]! ^= 1 << (at & 7)
        const after = hashOf(key, flipped)
        assert.ok(after.every((word, i) => word !== before[i]))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('rows that are almost alike have nothing in common in their hashes', () => {
  const seen: Set<number>[] = [new Set(), new Set(), new Set(), new Set()]
  const bits = new Array<number>(128).fill(0)
  const count = 4_096
  for (let i = 0; i < count; i++) {
    const words = hashOf(`unit/run/s${i >>> 4}`, Uint8Array.of(1, 0, i & 15, 0, 0, 0))
    for (const [at, word] of words.entries()) {
      seen[at]!.add(word)
      for (let bit = 0; bit < 32; bit++) bits[at * 32 + bit]! += (word >>> bit) & 1
    }
  }
  // By chance, two of so many would share a number once in five hundred tries.
  for (const numbers of seen) assert.ok(numbers.size >= count - 1)
  // Six standard deviations from half of them.
  for (const set of bits) assert.ok(Math.abs(set - count / 2) < 6 * Math.sqrt(count / 4))
})

test('two rows that have changed places are not what they were, in the sum of all', () => {
  fc.assert(
    fc.property(anyKey, anyKey, anyRow, anyRow, (one, other, row, otherRow) => {
      fc.pre(one !== other && Buffer.compare(row, otherRow) !== 0)
      const sum = (a: readonly number[], b: readonly number[]) => a.map((x, i) => (x + b[i]!) | 0)
      const before = sum(hashOf(one, row), hashOf(other, otherRow))
      assert.notDeepEqual(sum(hashOf(one, otherRow), hashOf(other, row)), before)
    }),
  )
})
