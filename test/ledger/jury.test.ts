import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Juror, Jury } from '../../protocol/ledger/jury.ts'

const juror = (n: number, storage = n): Juror => ({ id: `n${n}` as PeerId, storage })
const voters = (count: number) => Array.from({ length: count }, (_, i) => juror(i + 1))
const self = juror(1).id
const digest = (what: string) => what.repeat(16)

/** The jury at the first of so many voters, who holds `a` everywhere, having heard what others hold. */
function judged(count: number, said: readonly [voter: Juror, index: number, what: string][]) {
  const jury = new Jury()
  for (const [voter, index, what] of said)
    jury.hear(voter, { index, digest: digest(what) }, digest('a'))
  return jury.judge(voters(count), self, true)
}

test('replicas that hold the same are not judged', () => {
  const verdict = judged(3, [
    [juror(2), 5, 'a'],
    [juror(3), 9, 'a'],
  ])
  assert.deepEqual(verdict, { kind: 'same' })
})

test('a replica that differs from the majority is outvoted, and told where it first differed', () => {
  const verdict = judged(3, [
    [juror(2), 9, 'b'],
    [juror(2), 5, 'b'],
    [juror(3), 7, 'b'],
  ])
  assert.deepEqual(verdict, {
    kind: 'outvoted',
    difference: { index: 5, ours: digest('a'), theirs: digest('b') },
    against: ['n2', 'n3'],
  })
})

test('a replica that a majority agrees with is upheld against one that differs', () => {
  const verdict = judged(3, [
    [juror(2), 5, 'a'],
    [juror(3), 5, 'b'],
  ])
  assert.equal(verdict.kind, 'upheld')
})

test('agreement from before the difference counts for nothing', () => {
  const said: [Juror, number, string][] = [
    [juror(2), 4, 'a'],
    [juror(3), 5, 'b'],
  ]
  assert.equal(judged(3, said).kind, 'hung')
  said.push([juror(2), 5, 'a'])
  assert.equal(judged(3, said).kind, 'upheld')
})

test('without a majority for anybody, all are outvoted', () => {
  const four: [Juror, number, string][] = [
    [juror(2), 5, 'a'],
    [juror(3), 5, 'b'],
    [juror(4), 5, 'b'],
  ]
  assert.equal(judged(4, four).kind, 'outvoted')
  assert.equal(judged(2, [[juror(2), 5, 'b']]).kind, 'outvoted')
})

test('what no voter says counts for nothing, nor what one says of another disk', () => {
  const verdict = judged(3, [
    [juror(7), 5, 'b'],
    [juror(8), 5, 'b'],
    [juror(2, 99), 5, 'b'],
    [juror(3, 99), 5, 'b'],
  ])
  assert.deepEqual(verdict, { kind: 'same' })
})

test('what is said of an entry that is not known here is passed over', () => {
  const jury = new Jury()
  jury.hear(juror(2), { index: 5, digest: digest('b') }, undefined)
  assert.deepEqual(jury.judge(voters(3), self, true), { kind: 'same' })
})

test('a state that differed once stays suspect, though it became the same again', () => {
  const verdict = judged(3, [
    [juror(2), 5, 'b'],
    [juror(3), 5, 'b'],
    [juror(2), 9, 'a'],
    [juror(3), 9, 'a'],
  ])
  assert.equal(verdict.kind, 'outvoted')
})

test('a learner stops when the voters agree that it is wrong, and never by the word of one alone', () => {
  const jury = new Jury()
  const heard = (n: number, what: string) =>
    jury.hear(juror(n), { index: 5, digest: digest(what) }, digest('a'))
  const learner = 'n9' as PeerId
  heard(1, 'b')
  assert.equal(jury.judge(voters(3), learner, false).kind, 'hung')
  heard(2, 'b')
  assert.equal(jury.judge(voters(3), learner, false).kind, 'outvoted')
})

test('once all have heard all, those that go on hold the same, are a majority, and stop if there is none', () => {
  const held = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(held, (states) => {
      const all = voters(states.length)
      const goOn = all.filter((me, at) => {
        const jury = new Jury()
        for (const [i, voter] of all.entries()) {
          if (voter === me) continue
          const said = { index: 5, digest: digest(states[i] as string) }
          jury.hear(voter, said, digest(states[at] as string))
        }
        const { kind } = jury.judge(all, me.id, true)
        assert.notEqual(kind, 'hung')
        return kind !== 'outvoted'
      })
      const kinds = new Set(goOn.map((me) => states[all.indexOf(me)]))
      assert.ok(kinds.size <= 1)
      assert.ok(goOn.length === 0 || goOn.length * 2 > all.length)
    }),
  )
})
