import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Holder, nextChore } from '../../coordinator/autopilot/chores.ts'
import { genesis } from '../../protocol/ledger/state.ts'
import { Replica } from '../ledger/stage.ts'

const holder = (supports: number | undefined, change: Partial<Holder> = {}): Holder => {
  return { name: 'n', votes: true, alive: true, supports, ...change }
}

const raisedTo = (holders: readonly Holder[]) => {
  const chore = nextChore(genesis, holders, 0)
  return chore?.command.kind === 'versionRaise' ? chore.command.value.to : undefined
}

test('the version that everybody understands is agreed on', () => {
  assert.equal(raisedTo([holder(3), holder(2), holder(4)]), 2)
})

test('a version is not raised to the one that is agreed on, nor for nobody', () => {
  assert.equal(raisedTo([holder(1), holder(2)]), undefined)
  assert.equal(raisedTo([]), undefined)
})

test('one voter that has not said what it understands holds the version back, dead or alive', () => {
  for (const alive of [true, false]) {
    assert.equal(raisedTo([holder(2), holder(undefined, { alive })]), undefined)
    assert.equal(raisedTo([holder(2), holder(1, { alive })]), undefined)
  }
})

test('a learner holds the version back while it is there, and no longer', () => {
  assert.equal(raisedTo([holder(2), holder(1, { votes: false })]), undefined)
  assert.equal(raisedTo([holder(2), holder(1, { votes: false, alive: false })]), 2)
})

test('sessions are ended when one is idle by the time of the leader, and not a moment earlier', () => {
  const replica = new Replica()
  replica.do({ kind: 'sessionOpen', value: { ttlMs: 60_000 } }, 1_000_000)
  assert.equal(nextChore(replica.state, [], 1_060_000), undefined)
  const chore = nextChore(replica.state, [], 1_060_001)
  assert.equal(chore?.command.kind, 'sessionsExpire')
  replica.do({ kind: 'sessionsExpire', value: {} }, 1_060_001)
  assert.equal(nextChore(replica.state, [], 2_000_000), undefined, 'and then there is none')
})
