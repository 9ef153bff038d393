/** Whose word counts when hosts say whether they are better off. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { heardOf, Voices } from '../../models/federation/rounds/voices.ts'
import { boundedAdvantage, type Losses } from '../../models/federation/rounds/votes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

/** So many words on models that are now better and now worse for all, of which those hosts say the opposite. */
function after(words: number, liars: readonly string[], seed: string): readonly string[] {
  const chance = new SeededEntropy(seed)
  const voices = new Voices<string>()
  for (let word = 0; word < words; word++) {
    const forAll = 0.04 * (chance.unit() - 0.5)
    const gains = hosts.map((host) => {
      const own = forAll + 0.02 * (chance.unit() - 0.5)
      return [host, liars.includes(host) ? -own : own] as const
    })
    voices.told(new Map(gains))
  }
  return voices.against
}

test('who says the opposite of what is so is not heard after a few rounds, whoever it is', () => {
  for (const [i, a] of hosts.entries()) {
    for (const b of hosts.slice(i + 1)) {
      assert.deepEqual([...after(16, [a, b], `${a}${b}`)].sort(), [a, b])
    }
  }
})

test('of hosts that say what is so hardly one is against the others', () => {
  const wronged = Array.from({ length: 40 }, (_, i) => after(16, [], `s${i}`).length)
  assert.ok(wronged.reduce((sum, one) => sum + one, 0) <= 2, wronged.join())
  assert.deepEqual(after(0, [], 'none'), [])
})

test('who says what is so again is heard again', () => {
  const voices = new Voices<string>()
  const say = (of: number) => voices.told(new Map(hosts.map((host, i) => [host, i < 2 ? of : 0.1])))
  for (let word = 0; word < 10; word++) say(-0.1)
  assert.deepEqual([...voices.against].sort(), ['a', 'b'])
  for (let word = 0; word < 30; word++) say(0.1)
  assert.deepEqual(voices.against, [])
})

test('nobody who agreed while much was to be gained is silenced for losing later by what is good for others', () => {
  const voices = new Voices<string>()
  const say = (own: number, others: number) =>
    voices.told(new Map(hosts.map((host, i) => [host, i === 0 ? own : others])))
  for (let word = 0; word < 4; word++) say(0.3, 0.5)
  for (let word = 0; word < 60; word++) say(-0.02, 0.02)
  assert.deepEqual(voices.against, [])
  const late = new Voices<string>()
  for (let word = 0; word < 60; word++) {
    late.told(new Map(hosts.map((host, i) => [host, i === 0 ? -0.02 : 0.02])))
  }
  assert.deepEqual(late.against, ['a'])
})

const votes = (losses: readonly number[]): Losses =>
  new Map(losses.map((loss, i) => [`host-${i}` as PeerId, loss]))

test('no more are left unheard than may lie, and more than twice as many as may lie are heard', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 12 }),
      (count, liarsMax, objecting) => {
        const losses = votes(Array.from({ length: count }, () => 1))
        const against = [...losses.keys()].slice(0, objecting)
        const heard = heardOf(losses, against, liarsMax)
        const unheard = count - heard.losses.size
        assert.ok(unheard <= Math.min(liarsMax, objecting))
        assert.ok(unheard === 0 || heard.losses.size >= 2 * liarsMax + 1)
        assert.ok(heard.liarsMax >= liarsMax - unheard && heard.liarsMax <= liarsMax)
        assert.ok(unheard === 0 || heard.liarsMax >= 1)
      },
    ),
  )
  const few = votes([1, 1, 1, 1, 1])
  assert.equal(heardOf(few, [...few.keys()], 2).losses.size, 5)
})

test('once liars are not heard, what ruins two hosts of seven no more passes for better', () => {
  const before = votes([1, 1, 1, 1, 1, 1, 1])
  const ruinous = votes([1.3, 1.3, 0.99, 0.99, 0.99, 0.5, 0.5])
  assert.ok(boundedAdvantage(ruinous, before, 2) > 0)
  const heard = heardOf(ruinous, ['host-5', 'host-6'], 2)
  assert.ok(boundedAdvantage(heard.losses, before, heard.liarsMax) < 0)
})

test('one that says a great deal counts no more than a few times what is usual', () => {
  const before = votes([1, 1, 1, 1, 1])
  const far = votes([0.98, 0.98, 0.98, 0.98, 1e9])
  assert.ok(boundedAdvantage(far, before, 0) > 0)
  assert.equal(boundedAdvantage(votes([]), before, 0), 0)
})
