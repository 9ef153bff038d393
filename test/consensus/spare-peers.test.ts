/** Whom entries go to at once, and whom a little later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Limits, limits } from '../../protocol/consensus/limits.ts'
import { peer, Solo } from './solo.ts'

const one = [{ data: new Uint8Array(1) }]
const { spareMs, stallMs } = limits
/** Rare enough not to come in between. */
const heartbeatMs = 10 * spareMs

/** A leader whose followers stream, with its first entry committed and told. */
function settledLeader(voters: number, also: Partial<Limits> = {}): Solo {
  const timing = { heartbeatMs, electionMs: 4 * heartbeatMs }
  const solo = new Solo({ voters, timing, limits: { spareMs, ...also } })
  solo.lead((voters - 1) / 2)
  for (let n = 2; n <= voters; n++) solo.accepted(n, 1)
  solo.live(limits.commitNoticeMs + spareMs)
  solo.sent.length = 0
  return solo
}

const appendedTo = (solo: Solo) => solo.take('append').map(({ to }) => to)

function propose(solo: Solo): void {
  solo.raft.propose(one, solo.now)
  solo.pump()
}

test('an entry goes at once to as many as it takes to commit it, and to the others a little later', () => {
  for (const [voters, atOnce] of [
    [3, 1],
    [5, 2],
  ] as const) {
    const solo = settledLeader(voters, { stallMs: 2 * spareMs })
    propose(solo)
    const first = appendedTo(solo)
    assert.equal(first.length, atOnce)
    assert.equal(solo.raft.wakeAtMs, solo.now + spareMs, 'it wakes for the others')
    solo.live(spareMs)
    const all = [...first, ...appendedTo(solo)]
    assert.deepEqual(
      all.sort(),
      Array.from({ length: voters - 1 }, (_, i) => peer(i + 2)),
    )
  }
})

test('what has gathered meanwhile goes to the others as one', () => {
  const solo = settledLeader(3)
  propose(solo)
  propose(solo)
  propose(solo)
  const first = solo.take('append')
  assert.equal(first.length, 3)
  solo.live(spareMs)
  const late = solo.take('append')
  assert.deepEqual(
    late.map(({ value }) => value.entries.length),
    [3],
  )
  assert.notEqual(late[0]?.to, first[0]?.to)
})

test('one that asks for a read is sent what it lacks at once', () => {
  const solo = settledLeader(3)
  propose(solo)
  const [needed] = appendedTo(solo)
  const spare = [2, 3].find((n) => peer(n) !== needed) as number
  solo.from(spare, { kind: 'readRequest', value: { term: solo.raft.term, id: 1 } })
  assert.deepEqual(appendedTo(solo), [peer(spare)])
})

test('whoever answers first makes the quorum', () => {
  const solo = settledLeader(3)
  propose(solo)
  const [silent] = appendedTo(solo)
  solo.live(spareMs)
  const [other] = appendedTo(solo)
  assert.notEqual(other, silent)
  solo.accepted(Number(other?.slice(1)), 2)
  assert.equal(solo.status.commit, 2)
})

test('where nothing is committed any more, nobody waits', () => {
  const solo = settledLeader(5)
  propose(solo)
  const needed = appendedTo(solo)
  assert.equal(needed.length, 2)
  solo.accepted(Number(needed[0]?.slice(1)), 2)
  solo.live(stallMs)
  assert.equal(appendedTo(solo).length, 2, 'the other one is silent, so the others are sent it')
  propose(solo)
  assert.equal(appendedTo(solo).length, 4, 'and what comes after it as well')
})

test('who has fallen behind is waited for no more', () => {
  const solo = settledLeader(3)
  propose(solo)
  const [silent] = appendedTo(solo)
  solo.live(spareMs)
  const [other] = appendedTo(solo)
  solo.accepted(Number(other?.slice(1)), 2)
  propose(solo)
  assert.deepEqual(appendedTo(solo), [other], `${silent} comes second now`)
})

test('nobody wakes for entries that wait for a peer to answer what it has', () => {
  const solo = settledLeader(3, { inflightAppendsMax: 1 })
  propose(solo)
  const [quick] = appendedTo(solo)
  solo.live(spareMs)
  const [slow] = appendedTo(solo)
  solo.accepted(Number(quick?.slice(1)), 2)
  propose(solo)
  solo.accepted(Number(quick?.slice(1)), 3)
  solo.live(limits.commitNoticeMs)
  assert.ok(solo.raft.wakeAtMs > solo.now + spareMs, 'it wakes for its next heartbeat alone')
  assert.ok(solo.raft.wakeAtMs <= solo.now + heartbeatMs)
  assert.ok(!appendedTo(solo).includes(slow as never))
  solo.accepted(Number(slow?.slice(1)), 2)
  solo.live(spareMs)
  assert.deepEqual(appendedTo(solo), [slow])
})

test('where only just enough are left, all get all at once', () => {
  const solo = settledLeader(5)
  solo.raft.unreachable(peer(2), solo.now)
  solo.raft.unreachable(peer(3), solo.now)
  solo.pump()
  solo.sent.length = 0
  propose(solo)
  assert.deepEqual(appendedTo(solo).sort(), [peer(4), peer(5)])
})
