import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { compareDigests, DigestTrail, markOf } from '../../protocol/ledger/digest-trail.ts'
import { localLimits } from '../../protocol/ledger/limits.ts'
import type { Octets } from '../../protocol/ledger/octets.ts'
import { genesis } from '../../protocol/ledger/state.ts'
import { del, put, Replica } from './stage.ts'

const limits = { ...localLimits, digestEveryEntries: 2, digestsKeptMax: 4 }

function trailOf(commands: readonly Parameters<Replica['do']>[0][]): DigestTrail {
  const trail = new DigestTrail(limits)
  const replica = new Replica()
  for (const command of commands) {
    replica.do(command)
    trail.note(replica.state)
  }
  return trail
}

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

test('replicas at different places are compared where both have been', () => {
  const all = keys.map((key) => put(key))
  const ahead = trailOf(all)
  const behind = trailOf(all.slice(0, 7))
  assert.deepEqual(
    ahead.marks.map(({ index }) => index),
    [4, 6, 8, 10],
  )
  assert.deepEqual(compareDigests(ahead.marks, behind.marks), { kind: 'same', index: 6 })
  assert.deepEqual(compareDigests(behind.marks, ahead.marks), { kind: 'same', index: 6 })
})

test('a divergence is reported with the first index at which it shows and the last without it', () => {
  const right = keys.map((key) => put(key))
  const wrong = keys.map((key) => put(key, key === 'g' ? 'w' : 'v'))
  const [ours, theirs] = [trailOf(right).marks, trailOf(wrong).marks]
  const verdict = compareDigests(ours, theirs)
  assert.ok(verdict.kind === 'diverged')
  assert.deepEqual([verdict.index, verdict.sameAt], [8, 6])
  assert.equal(verdict.ours, ours.find(({ index }) => index === 8)?.digest)
  assert.equal(verdict.theirs, theirs.find(({ index }) => index === 8)?.digest)
})

test('replicas that share no index are not judged', () => {
  const one = trailOf(keys.slice(0, 3).map((key) => put(key)))
  const two = trailOf(keys.map((key) => put(key)))
  assert.deepEqual(compareDigests(one.marks, two.marks), { kind: 'incomparable' })
  assert.deepEqual(compareDigests([], []), { kind: 'incomparable' })
})

test('the digest does not depend on the way to a state, and has a fixed form', () => {
  assert.equal(digestOf(genesis), '22fa252cac1c34dbc27c0ccdb665cc01')
  const straight = new Replica()
  straight.do(put('a'))
  const around = new Replica()
  around.do(put('a'))
  around.do(put('b'))
  around.do(del('b'))
  assert.equal(digestOf(straight.state), '13e954c6c71d75aad665057e0e0172ba')
  assert.deepEqual({ ...markOf(around.state), index: 1 }, markOf(straight.state))
})

test('whatever part of the state differs, the digest differs', () => {
  const replica = new Replica()
  replica.do(put('a'))
  const { state } = replica
  const mark = { sequence: 1, hash: 'h'.repeat(32) as Octets }
  const parts = {
    timeMs: 1,
    version: 2,
    auditHead: mark,
    auditAnchor: mark,
    estopFloor: 1,
    rows: genesis.rows,
    sum: genesis.sum,
  }
  const { index: _, term: __, bytes: ___, ...told } = state
  assert.deepEqual(Object.keys(parts).sort(), Object.keys(told).sort())
  const digests = Object.entries(parts).map(([part, value]) =>
    digestOf({ ...state, [part]: value }),
  )
  assert.equal(new Set([digestOf(state), ...digests]).size, digests.length + 1)
  assert.equal(digestOf({ ...state, index: 9, term: 9 }), digestOf(state))
})
