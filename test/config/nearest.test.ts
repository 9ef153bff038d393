import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearest } from '../../protocol/nearest.ts'

/** The definition, without the table: exponential, and plainly right. */
function distanceByDefinition(a: string, b: string): number {
  if (a === '') return b.length
  if (b === '') return a.length
  const cost = a.at(-1) === b.at(-1) ? 0 : 1
  const [shortA, shortB] = [a.slice(0, -1), b.slice(0, -1)]
  const ways = [
    distanceByDefinition(shortA, b) + 1,
    distanceByDefinition(a, shortB) + 1,
    distanceByDefinition(shortA, shortB) + cost,
  ]
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    ways.push(distanceByDefinition(a.slice(0, -2), b.slice(0, -2)) + 1)
  }
  return Math.min(...ways)
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })

test('the distance is what its definition says, up to the bound', () => {
  fc.assert(
    fc.property(word, word, fc.nat(7), (a, b, max) => {
      assert.equal(editDistance(a, b, max), Math.min(distanceByDefinition(a, b), max + 1))
    }),
    { numRuns: 500 },
  )
})

test('a slip of the finger is answered with the word that was meant', () => {
  const words = ['listen', 'announce', 'bootstrap', 'mdns', 'swarmKeyFile']
  assert.equal(nearest('lisen', words), 'listen')
  assert.equal(nearest('anounce', words), 'announce')
  assert.equal(nearest('bootsrtap', words), 'bootstrap')
  assert.equal(nearest('mnds', words), 'mdns')
  assert.equal(nearest('swarmkeyfile', words), 'swarmKeyFile')
})

test('a word like none of them is answered with nothing', () => {
  assert.equal(nearest('telemetry', ['listen', 'mdns']), undefined)
  assert.equal(nearest('x', ['y', 'z']), undefined)
  assert.equal(nearest('', ['a']), undefined)
  assert.equal(nearest('a'.repeat(1_000_000), ['a']), undefined)
})

test('of equally near words the first is named', () => {
  assert.equal(nearest('cat', ['car', 'cut']), 'car')
})
