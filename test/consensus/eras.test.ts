/** Terms of eras, and what a node does that hears of a later one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  drawEraAfter,
  eraMax,
  eraOf,
  eraStride,
  firstTermOf,
  termAfter,
  termsPerEra,
  termText,
} from '../../protocol/consensus/era.ts'
import { timing } from '../../protocol/consensus/limits.ts'
import { isFurther } from '../../protocol/consensus/log.ts'
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { entry, peer, Solo } from './solo.ts'

const later = firstTermOf(5) + 1

const saidIn = (term: number): RaftFrame[] => [
  { kind: 'preVoteRequest', value: { term, lastIndex: 1, lastTerm: 1 } },
  { kind: 'preVoteAnswer', value: { term, storage: 2, granted: false } },
  { kind: 'voteRequest', value: { term, lastIndex: 1, lastTerm: 1, handover: true } },
  { kind: 'voteAnswer', value: { term, storage: 2, granted: true } },
  { kind: 'append', value: { term, prevIndex: 0, prevTerm: 0, commit: 1, entries: [entry(term)] } },
  { kind: 'heartbeat', value: { term, commit: 1, round: 1 } },
  { kind: 'heartbeatAnswer', value: { term, storage: 2, round: 1, verified: 1 } },
  { kind: 'timeoutNow', value: { term } },
]

test('whatever is said in a later era, a node with a log takes none of it, and says that it is passed', () => {
  for (const frame of saidIn(later)) {
    const solo = new Solo({ term: 3, log: [1, 2, 3], commit: 2 })
    const { term, lastIndex, commit } = solo.status
    solo.now = timing.electionMs
    solo.from(2, frame)
    assert.deepEqual(
      solo.events.filter(({ kind }) => kind === 'eraPassed'),
      [{ kind: 'eraPassed', peer: peer(2), term: later }],
      frame.kind,
    )
    const after = solo.status
    assert.deepEqual([after.term, after.lastIndex, after.commit], [term, lastIndex, commit])
    assert.deepEqual(solo.sent, [], frame.kind)
  }
})

test('a founder that has nothing but its configuration has a history too', () => {
  const solo = new Solo({ voters: 1 })
  solo.from(2, { kind: 'heartbeat', value: { term: later, commit: 0, round: 1 } })
  assert.equal(solo.status.term, 0)
  assert.ok(solo.events.some(({ kind }) => kind === 'eraPassed'))
})

test('a node without any history follows a leader of whatever era', () => {
  const solo = new Solo({ voters: 0 })
  const entries = [entry(1), entry(firstTermOf(5))]
  const value = { term: later, prevIndex: 0, prevTerm: 0, commit: 2, entries }
  solo.from(2, { kind: 'append', value })
  assert.deepEqual([solo.status.term, solo.status.lastIndex, solo.status.commit], [later, 2, 2])
  assert.equal(solo.take('appendAnswer')[0]?.value.accepted, true)
})

test('who speaks in an earlier era is told of the later one, and moves nothing', () => {
  for (const frame of saidIn(9)) {
    const solo = new Solo({ term: later, log: [1, later], commit: 1 })
    solo.now = timing.electionMs
    solo.from(2, frame)
    assert.deepEqual([solo.status.term, solo.status.lastIndex, solo.status.commit], [later, 2, 1])
    for (const { frame: said } of solo.sent) assert.equal(said.value.term, later, frame.kind)
    const asks = ['preVoteRequest', 'voteRequest', 'append', 'heartbeat'].includes(frame.kind)
    assert.equal(solo.sent.length, asks ? 1 : 0, frame.kind)
  }
})

test('no log of an earlier era is further than one of a later, however long', () => {
  fc.assert(
    fc.property(fc.nat(eraMax - 1), fc.nat(termsPerEra - 1), fc.nat(), fc.nat(), (era, n, i, j) => {
      const before = { term: firstTermOf(era) + n, index: i }
      const after = { term: firstTermOf(era + 1), index: j }
      return isFurther(after, before) && eraOf(before.term) === era && eraOf(after.term) === era + 1
    }),
  )
})

test('the next era is later, within its stride, and a term of it is a whole number', () => {
  fc.assert(
    fc.property(fc.nat(eraMax - eraStride), fc.nat(), (era, seed) => {
      const next = drawEraAfter(era, new SeededEntropy(seed))
      return (
        next > era && next <= era + eraStride && Number.isSafeInteger(firstTermOf(next + 1) - 1)
      )
    }),
  )
})

test('an election never leads into another era', () => {
  assert.equal(termAfter(7), 8)
  assert.throws(() => termAfter(firstTermOf(1) - 1))
})

test('a term is told as it was until a mesh has been recovered', () => {
  assert.equal(termText(12), '12')
  assert.equal(termText(firstTermOf(3) + 12), '12 of era 3')
})
