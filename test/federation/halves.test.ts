import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Halves } from '../../models/federation/rounds/halves.ts'
import { advantage, isWorse, type Losses } from '../../models/federation/rounds/votes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

/** So many games, in which some hosts spoil what they are in, and chance has its part. */
function playedWith(liars: readonly string[], games: number, seed: string): Halves<string> {
  const chance = new SeededEntropy(seed)
  const halves = new Halves(hosts, 2, chance.stream('halves'))
  for (let game = 0; game < games; game++) {
    const [first, second] = halves.draw(hosts)
    if (first === undefined || second === undefined) continue
    const spoiled = (half: readonly string[]) =>
      half.filter((host) => liars.includes(host)).length / half.length
    halves.played(
      first,
      second,
      0.1 * (spoiled(second) - spoiled(first)) + 0.02 * (chance.unit() - 0.5),
    )
  }
  return halves
}

test('who spoils what it is in is known after some games, whoever it played with', () => {
  for (const [i, a] of hosts.entries()) {
    for (const b of hosts.slice(i + 1)) {
      const suspects = playedWith([a, b], 60, `${a}${b}`).suspects
      assert.deepEqual([...suspects].sort(), [a, b])
    }
  }
})

test('where nobody lies, hardly anybody is left out', () => {
  const wronged = Array.from({ length: 20 }, (_, i) => playedWith([], 60, `s${i}`).suspects.size)
  assert.ok(wronged.reduce((sum, one) => sum + one, 0) <= 6, wronged.join())
})

test('suspects are left out of most rounds, and of not all', () => {
  const halves = playedWith(['c', 'f'], 60, 'x')
  const rounds = Array.from({ length: 200 }, () => halves.draw(hosts).flat())
  const without = rounds.filter((members) => !members.includes('c') && !members.includes('f'))
  assert.ok(without.length > 120 && without.length < 180, `${without.length}`)
})

test('halves are of three hosts at least, and fewer hosts stay together', () => {
  const halves = new Halves(hosts, 2, new SeededEntropy('y'))
  assert.deepEqual(
    halves.draw(hosts).map((half) => half.length),
    [4, 3],
  )
  assert.deepEqual(halves.draw(hosts.slice(0, 5)), [hosts.slice(0, 5)])
})

const votes = (...losses: number[]): Losses =>
  new Map(losses.map((loss, i) => [`host-${i}` as PeerId, loss]))

test('two that lie about what is good for them can neither undo a round nor save one', () => {
  const before = votes(1, 1, 1, 1, 1, 1, 1)
  assert.equal(isWorse(before, votes(1, 1, 1, 1, 1, 9, 9), 2), false)
  assert.equal(isWorse(before, votes(2, 2, 2, 1, 1, 1, 1), 2), true)
  assert.equal(isWorse(before, votes(1, 1, Number.NaN, Number.NaN, Number.NaN, 1, 1), 2), true)
  const better = votes(0.9, 0.9, 0.9, 0.9, 0.9, 9, 9)
  assert.ok(advantage(better, before, 2) > 0.05)
  assert.ok(advantage(before, better, 2) < -0.05)
})

test('who does not vote is not counted', () => {
  assert.equal(isWorse(votes(1, 1, 1, 1, 1), votes(1, 1, 1, 1), 1), false)
  assert.equal(advantage(votes(1, 1, 1), votes(), 1), 0)
})
