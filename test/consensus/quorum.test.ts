import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ActiveConfig, isSound, nextConfig } from '../../protocol/consensus/config.ts'
import type { Config, Member } from '../../protocol/consensus/messages.ts'
import { Quorum } from '../../protocol/consensus/quorum.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as PeerId[]
const half = fc.subarray(names, { minLength: 1 })
const emptyOrHalf = fc.subarray(names)
const members = (ids: readonly PeerId[]): Member[] => ids.map((id) => ({ id, storage: 1 }))

/** Dumb on purpose: every subset of everybody, asked whether it is a majority of both halves. */
function quorumsOf(voters: readonly PeerId[], outgoing: readonly PeerId[]): PeerId[][] {
  const all = [...new Set([...voters, ...outgoing])]
  const found: PeerId[][] = []
  for (let bits = 0; bits < 2 ** all.length; bits++) {
    const set = all.filter((_, i) => (bits >> i) & 1)
    const isMajority = (h: readonly PeerId[]) =>
      h.length === 0 || h.filter((id) => set.includes(id)).length * 2 > h.length
    if (isMajority(voters) && isMajority(outgoing)) found.push(set)
  }
  return found
}

function quorum(voters: readonly PeerId[], outgoing: readonly PeerId[]): Quorum {
  return new Quorum({ size: voters.length, ids: voters }, { size: outgoing.length, ids: outgoing })
}

test('a quorum has reached what the best of all quorums has reached', () => {
  fc.assert(
    fc.property(
      half,
      emptyOrHalf,
      fc.array(fc.nat(9), { minLength: 7, maxLength: 7 }),
      (v, o, at) => {
        const reached = (id: PeerId) => at[names.indexOf(id)] as number
        const best = Math.max(...quorumsOf(v, o).map((set) => Math.min(...set.map(reached))))
        assert.equal(quorum(v, o).reached(reached), best)
        assert.equal(o.length === 0 ? best : quorum(o, v).reached(reached), best)
      },
    ),
    { seed: 1, numRuns: 2_000 },
  )
})

test('an election is won with a quorum, lost when none is left, and open until then', () => {
  const vote = fc.constantFrom(true, false, undefined)
  fc.assert(
    fc.property(half, emptyOrHalf, fc.array(vote, { minLength: 7, maxLength: 7 }), (v, o, cast) => {
      const votes = new Map<PeerId, boolean>()
      names.forEach((id, i) => {
        const given = cast[i]
        if (given !== undefined) votes.set(id, given)
      })
      const sets = quorumsOf(v, o)
      const won = sets.some((set) => set.every((id) => votes.get(id) === true))
      const open = sets.some((set) => set.every((id) => votes.get(id) !== false))
      assert.equal(quorum(v, o).outcome(votes), won ? 'won' : open ? 'pending' : 'lost')
    }),
    { seed: 2, numRuns: 2_000 },
  )
})

test('any two quorums of one configuration, or of one and the next, share a member', () => {
  fc.assert(
    fc.property(half, half, (from, to) => {
      const before: Config = { voters: members(from), outgoing: [], learners: [] }
      const after = nextConfig(before, { voters: members(to), learners: [] })
      const ids = (list: readonly Member[]) => list.map(({ id }) => id)
      const sets = [
        ...quorumsOf(from, []).map((set) => [0, set] as const),
        ...quorumsOf(ids(after.voters), ids(after.outgoing)).map((set) => [1, set] as const),
      ]
      for (const [, a] of sets)
        for (const [, b] of sets)
          assert.ok(
            a.some((id) => b.includes(id)),
            `${a} and ${b}`,
          )
    }),
    { seed: 3, numRuns: 300 },
  )
})

test('one voter more or less needs no joint configuration, another disk does', () => {
  const abc: Config = { voters: members(['a', 'b', 'c'] as PeerId[]), outgoing: [], learners: [] }
  const next = (voters: Member[]) => nextConfig(abc, { voters, learners: [] }).outgoing.length > 0
  assert.equal(next(members(['a', 'b', 'c', 'd'] as PeerId[])), false)
  assert.equal(next(members(['a', 'b'] as PeerId[])), false)
  assert.equal(next(members(['a', 'b', 'd'] as PeerId[])), true)
  assert.equal(next([...members(['a', 'b'] as PeerId[]), { id: 'c' as PeerId, storage: 2 }]), true)
})

test('a voter whose disk was replaced still counts in size, and no longer in votes', () => {
  const [a, b, c] = names as [PeerId, PeerId, PeerId]
  const config: Config = {
    voters: members([a, b]),
    outgoing: members([a, b, c]),
    learners: [{ id: c, storage: 2 }],
  }
  const active = new ActiveConfig(config, 5)
  assert.equal(active.isVoter(c), false)
  assert.equal(
    active.quorum.outcome(
      new Map([
        [a, true],
        [c, true],
      ]),
    ),
    'pending',
  )
  assert.equal(
    active.quorum.outcome(
      new Map([
        [a, true],
        [b, true],
      ]),
    ),
    'won',
  )
  assert.equal(active.quorum.outcome(new Map([[b, false]])), 'lost')
})

test('a configuration that nobody decides, or that names somebody twice, is not sound', () => {
  const [a, b] = names as [PeerId, PeerId]
  assert.ok(isSound({ voters: members([a]), outgoing: [], learners: members([b]) }))
  assert.ok(!isSound({ voters: [], outgoing: [], learners: members([b]) }))
  assert.ok(!isSound({ voters: members([a, a]), outgoing: [], learners: [] }))
  assert.ok(!isSound({ voters: members([a]), outgoing: [], learners: members([a]) }))
})
