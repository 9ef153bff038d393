/** What every `Entropy` promises. Bounds on chance are so wide that none fails by chance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { below, type Entropy, pick, shuffle } from '../../protocol/ports/entropy.ts'

export function entropyContract(name: string, make: () => Entropy): void {
  const it = (promise: string, keep: (entropy: Entropy) => void) =>
    test(`${name}: ${promise}`, () => keep(make()))

  it('whole numbers are whole and fit 32 bits, all of them used', (entropy) => {
    let ones = 0
    let zeros = 0
    for (let i = 0; i < 1_000; i++) {
      const n = entropy.uint32()
      assert.ok(Number.isInteger(n) && n >= 0 && n < 2 ** 32)
      ones |= n
      zeros |= ~n
    }
    assert.equal(ones >>> 0, 0xffff_ffff)
    assert.equal(zeros >>> 0, 0xffff_ffff)
  })

  it('shares lie between nothing and one, spread evenly', (entropy) => {
    const bins = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) {
      const x = entropy.unit()
      assert.ok(x >= 0 && x < 1)
      bins[Math.floor(x * 10)]!++
    }
    for (const count of bins) assert.ok(count > 1_600 && count < 2_400, JSON.stringify(bins))
  })

  it('bytes are as many as asked for, of every value, and never the same again', (entropy) => {
    assert.equal(entropy.bytes(0).length, 0)
    assert.equal(entropy.bytes(7).length, 7)
    assert.equal(new Set(entropy.bytes(10_000)).size, 256)
    assert.notDeepEqual(entropy.bytes(32), entropy.bytes(32))
  })

  it('a stream of one name always draws the same numbers', (entropy) => {
    assert.deepEqual(draws(entropy.stream('votes')), draws(entropy.stream('votes')))
  })

  it('streams of different names have nothing in common', (entropy) => {
    const names = ['a', 'b', 'ab', 'ba', 'a/b', '', 'A', 'a ']
    const firsts = names.flatMap((stream) => draws(entropy.stream(stream)))
    assert.equal(new Set(firsts).size, firsts.length)
  })

  it('a stream within a stream is not the stream of its joined name', (entropy) => {
    assert.notDeepEqual(draws(entropy.stream('a').stream('b')), draws(entropy.stream('ab')))
    assert.notDeepEqual(draws(entropy.stream('a').stream('b')), draws(entropy.stream('b')))
  })

  it('draws from one consumer never shift those of another', (entropy) => {
    const expected = draws(entropy.stream('elections'))
    const elections = entropy.stream('elections')
    const placement = entropy.stream('placement')
    const seen: number[] = []
    for (let i = 0; i < expected.length; i++) {
      entropy.uint32()
      placement.unit()
      placement.bytes(3)
      placement.stream('more').uint32()
      seen.push(elections.uint32())
    }
    assert.deepEqual(seen, expected)
    assert.deepEqual(draws(entropy.stream('elections')), expected)
  })

  it('choices stay within what there is', (entropy) => {
    const items = [1, 2, 3, 4, 5]
    for (let i = 0; i < 200; i++) assert.ok(below(entropy, 3) < 3)
    for (let i = 0; i < 200; i++) assert.ok(items.includes(pick(entropy, items)!))
    assert.equal(pick(entropy, []), undefined)
    assert.deepEqual([...shuffle(entropy, [...items])].sort(), items)
  })
}

function draws(entropy: Entropy): number[] {
  return Array.from({ length: 16 }, () => entropy.uint32())
}
