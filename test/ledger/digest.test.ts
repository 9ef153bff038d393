import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { DigestTrail, markOf } from '../../protocol/ledger/digest-trail.ts'
import { localLimits } from '../../protocol/ledger/limits.ts'
import type { Octets } from '../../protocol/ledger/octets.ts'
import { genesis } from '../../protocol/ledger/state.ts'
import { del, put, Replica } from './stage.ts'

const limits = { ...localLimits, digestEveryEntries: 2, digestsKeptMax: 4, recentDigestsMax: 2 }

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

test('a digest is known at marks for long, and for the last entries at each of them', () => {
  const trail = trailOf(keys.map((key) => put(key)))
  const known = Array.from({ length: 12 }, (_, index) => index).filter(
    (index) => trail.digestAt(index) !== undefined,
  )
  assert.deepEqual(known, [4, 6, 8, 9, 10])
  assert.equal(trail.newest?.index, 10)
  assert.equal(trail.newest?.digest, trail.digestAt(10))
})

test('replicas that did the same have the same digests, and not after they did not', () => {
  const one = trailOf(keys.map((key) => put(key)))
  const same = trailOf(keys.map((key) => put(key)))
  const other = trailOf(keys.map((key) => put(key, key === 'g' ? 'w' : 'v')))
  for (const index of [4, 6, 8, 9, 10]) {
    assert.equal(one.digestAt(index), same.digestAt(index))
    assert.equal(one.digestAt(index) === other.digestAt(index), index < 7)
  }
})

test('the digest does not depend on the way to a state, and has a fixed form', () => {
  assert.equal(digestOf(genesis), '22fa252cac1c34dbc27c0ccdb665cc01')
  const straight = new Replica()
  straight.do(put('a'))
  const around = new Replica()
  around.do(put('a'))
  around.do(put('b'))
  around.do(del('b'))
  assert.equal(digestOf(straight.state), '959cdad7e0872da759c696adcb182040')
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
  const elsewhere = { ...state, index: 9, term: 9 }
  assert.equal(digestOf(elsewhere), digestOf(state))
})
