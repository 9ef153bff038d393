/** Who is suspected of making rounds worse, by rounds as the ledger tells of them; and how often rows are read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodedRounds } from '../../coordinator/learning/rounds/decoded.ts'
import { againstIn } from '../../coordinator/learning/rounds/objections.ts'
import {
  putRound,
  putTally,
  type Round,
  roundIn,
  roundsIn,
} from '../../coordinator/learning/rounds/rows.ts'
import { usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import { recordOf, recordText, suspectsAfter } from '../../coordinator/learning/rounds/suspicion.ts'
import { halved } from '../../models/federation/rounds/halves.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { Replica } from '../ledger/stage.ts'

const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

function roundOf(number: number, change: Partial<Round> = {}): Round {
  return {
    ...{ number, revision: 0, state: 'kept', phase: 'ended', term: 1, by: 'ada', openedMs: 1 },
    ...{ base: '0'.repeat(64), hosts: [], why: '', steps: 1, rule: usualSettings.rule },
    ...{ liars: 0, noise: 0, clip: 1, family: 'net', ...change },
  }
}

/** As so many rounds go in which those hosts make their half worse. */
function played(count: number, liars: readonly string[], seed: string, isTorn = false): Round[] {
  const chance = new SeededEntropy(seed)
  return Array.from({ length: count }, (_, i) => {
    const halves = halved(hosts, chance)
    const inHalf = halves.flatMap((half, at) =>
      half.map((id) => ({ ...figures, id, half: at + 1 })),
    )
    const [one = 0, two = 0] = halves.map((half) => half.filter((id) => liars.includes(id)).length)
    if (isTorn) return roundOf(i + 1, { hosts: inHalf, spoiledHalf: one > two ? 1 : 2 })
    return roundOf(i + 1, {
      hosts: inHalf,
      firstBy: 0.05 * (two - one) + 0.02 * (chance.unit() - 0.5),
    })
  })
}
const figures = { rows: 128, counted: true, upBytes: 1, downBytes: 1 }

test('whoever makes its half worse is suspected after a few rounds, and nobody else', () => {
  for (const liar of hosts) {
    for (const isTorn of [false, true]) {
      const rounds = played(24, [liar], `${liar} ${isTorn}`, isTorn)
      assert.deepEqual(suspectsAfter(rounds, [], 2), [liar])
      const record = recordOf(rounds, liar)
      assert.deepEqual([record.of, record.worse > 20], [24, true])
      assert.match(recordText(record), /^in the worse half of 2\d of 24 rounds$/)
    }
  }
})

test('where nobody makes anything worse at most eight hosts are suspected in forty courses, and never more than may lie', () => {
  const counts = Array.from(
    { length: 40 },
    (_, i) => suspectsAfter(played(24, [], `s${i}`), [], 2).length,
  )
  assert.ok(counts.reduce((sum, one) => sum + one, 0) <= 8, counts.join())
  assert.deepEqual(suspectsAfter(played(24, ['a', 'b'], 'two'), [], 0), [])
  assert.deepEqual(suspectsAfter([roundOf(1, { hosts: [{ ...figures, id: 'a' }] })], ['a'], 2), [])
})

test('whoever is well again is suspected no more after some rounds', () => {
  const bad = played(12, ['c'], 'bad')
  assert.deepEqual(suspectsAfter(bad, [], 2), ['c'])
  const good = played(52, [], 'good').map((round) => ({ ...round, number: round.number + 12 }))
  let suspects = ['c']
  for (let i = 1; i <= good.length; i++) {
    suspects = suspectsAfter([...bad, ...good.slice(0, i)], suspects, 2)
  }
  assert.deepEqual(suspects, [])
})

test('of rounds only those are decoded that are looked at, and each once', () => {
  const replica = new Replica()
  for (let number = 1; number <= 50; number++) replica.do(putRound(roundOf(number)))
  replica.do(putTally({ ...roundsIn(replica.state).tally, number: 50 }, 0))
  const read: number[] = []
  const decoded = new DecodedRounds((state, number) => {
    read.push(number)
    return roundIn(state, number)
  })
  const numbers = (rounds: readonly Round[]) => rounds.map(({ number }) => number)
  assert.deepEqual(numbers(decoded.last(replica.state, 3)), [50, 49, 48])
  assert.deepEqual(read.toSorted(), [48, 49, 50])
  assert.equal(decoded.in(replica.state).last?.number, 50)
  assert.deepEqual(numbers(decoded.last(replica.state, 4)), [50, 49, 48, 47])
  assert.deepEqual(read.toSorted(), [47, 48, 49, 50])
  const last = roundIn(replica.state, 50) as Round
  replica.do(putRound({ ...last, why: 'otherwise' }))
  assert.equal(decoded.in(replica.state).last?.why, 'otherwise')
  assert.equal(read.length, 5)
})

test('suspicion fades with rounds that say nothing, and who is gone takes nobody’s place', () => {
  const bad = played(24, ['c'], 'fading')
  assert.deepEqual(suspectsAfter(bad, [], 2), ['c'])
  assert.deepEqual(
    suspectsAfter(bad, ['c'], 2, (host) => host !== 'c'),
    [],
  )
  assert.deepEqual(suspectsAfter([roundOf(90), roundOf(91)], ['c'], 2), [])
})

test('whose word goes against that of most is known of rounds of the network', () => {
  const votesOf = (word: (id: string) => number, family: Round['family'] = 'net') =>
    Array.from({ length: 6 }, (_, i) => {
      const voters = hosts.map((id) => ({ ...figures, id, before: 1, after: Math.exp(-word(id)) }))
      return roundOf(i + 1, { family, hosts: voters })
    })
  const lying = (id: string) => (id === 'c' ? -0.01 : 0.01)
  assert.deepEqual(againstIn(votesOf(lying)), ['c'])
  assert.deepEqual(againstIn(votesOf(lying, 'trees')), [])
  assert.deepEqual(againstIn(votesOf(() => 0.01)), [])
  assert.deepEqual(againstIn([roundOf(1, { hosts: hosts.map((id) => ({ ...figures, id })) })]), [])
})
