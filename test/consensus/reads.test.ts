import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timing } from '../../protocol/consensus/limits.ts'
import { Violation } from '../../simulations/consensus/checkers.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import { checksumOf } from '../../simulations/consensus/machine.ts'
import { peer, Solo } from './solo.ts'

const { electionMs, heartbeatMs, clockDriftMax } = timing

/** A leader of three whose first entry is committed, and whose outbox is empty. */
function leading(): Solo {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 1)
  solo.sent.length = 0
  return solo
}

const answered = (solo: Solo) => solo.reads.map(({ id }) => id)

test('a read is answered when a quorum has answered a heartbeat sent after it (defect 15)', () => {
  const solo = leading()
  solo.raft.read(7, 'safe', solo.now)
  solo.pump()
  const [beat] = solo.take('heartbeat')
  assert.ok(beat)
  solo.heard(2, beat.value.round - 1)
  assert.deepEqual(answered(solo), [])
  solo.heard(2, beat.value.round)
  assert.deepEqual(solo.reads, [{ id: 7, index: 1 }])
})

test('reads that come together share one round, later ones the next', () => {
  const solo = leading()
  for (const id of [1, 2, 3]) solo.raft.read(id, 'safe', solo.now)
  solo.pump()
  solo.raft.read(4, 'safe', solo.now)
  solo.pump()
  const beats = solo.take('heartbeat')
  assert.equal(beats.length, 2)
  solo.heard(2, beats[0]!.value.round)
  assert.deepEqual(answered(solo), [1, 2, 3])
  solo.heard(2, solo.take('heartbeat')[0]!.value.round)
  assert.deepEqual(answered(solo), [1, 2, 3, 4])
})

test('no read is answered before an entry of the leader’s own term is committed', () => {
  const solo = new Solo({ term: 1, log: [1, 1] })
  solo.lead()
  for (const mode of ['safe', 'lease'] as const)
    solo.raft.read(mode === 'safe' ? 1 : 2, mode, solo.now)
  solo.pump()
  solo.heard(2, 1)
  assert.deepEqual(answered(solo), [])
  solo.accepted(2, 3)
  solo.heard(2, solo.take('heartbeat').at(-1)!.value.round)
  assert.deepEqual(
    solo.reads.map(({ index }) => index),
    [3, 3],
  )
})

test('reads of a leader that is deposed are refused, not forgotten', () => {
  const solo = leading()
  solo.raft.read(1, 'safe', solo.now)
  solo.pump()
  solo.from(3, { kind: 'heartbeat', value: { term: 9, commit: 0, round: 1 } })
  assert.deepEqual(solo.refusedReads, [1])
})

test('a lease lasts from when the heartbeat was sent, shortened by what clocks may drift (defect 16)', () => {
  const solo = leading()
  solo.live(heartbeatMs)
  const sentMs = solo.now
  const { round } = solo.take('heartbeat').at(-1)!.value
  solo.now += 20
  solo.heard(2, round)
  const { leaseUntilMs } = solo.status
  assert.equal(leaseUntilMs, sentMs + (electionMs * (1 - clockDriftMax)) / (1 + clockDriftMax))
  solo.now = leaseUntilMs - 1
  solo.raft.read(1, 'lease', solo.now)
  solo.pump()
  assert.deepEqual(answered(solo), [1])
  solo.now = leaseUntilMs
  solo.raft.read(2, 'lease', solo.now)
  solo.pump()
  assert.deepEqual(answered(solo), [1])
})

test('voters in haste keep no silence, so there are no leases to read under', () => {
  const solo = new Solo({ timing: { hasteMs: 20 } })
  solo.lead()
  solo.accepted(2, 1)
  solo.heard(2, 1)
  solo.raft.read(1, 'lease', solo.now)
  solo.pump()
  assert.deepEqual(answered(solo), [])
  solo.heard(2, solo.take('heartbeat').at(-1)!.value.round)
  assert.deepEqual(answered(solo), [1])
})

test('a leader that was paused answers nothing under the lease that it had', () => {
  const cluster = new Cluster({ seed: 1, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  cluster.isolate(before.index + 1)
  const silent = before.raft!
  before.raft = undefined
  cluster.run(2_000)
  before.raft = silent
  cluster.propose(cluster.leader!, 'newer')
  cluster.run(200)
  const answeredBefore = cluster.answeredReads
  cluster.read(before, 'lease')
  assert.equal(cluster.answeredReads, answeredBefore)
})

/** The old leader is cut off with a lease, its successor commits, and the old one is read all along. */
function readUnderOldLease(seed: number, drift: number, promised: number): void {
  const cluster = new Cluster({
    seed,
    nodes: 3,
    timing: { clockDriftMax: promised },
    weather: { delayMinMs: 0.1, delayMaxMs: 0.3, diskMinMs: 0.1, diskMaxMs: 0.2 },
    sabotage: { drift },
  })
  // The leader's clock is slow, everybody else's fast.
  for (const host of cluster.hosts) host.rate = host.index === 0 ? 1 - drift : 1 + drift
  cluster.startAll()
  cluster.run(2_000)
  if (cluster.leader !== cluster.host(1)) {
    cluster.transfer(cluster.leader!, cluster.host(1).id)
    cluster.run(500)
  }
  const before = cluster.leader!
  if (before !== cluster.host(1)) return
  cluster.isolate(1)
  for (let i = 0; i < 600; i++) {
    cluster.run(1)
    cluster.read(before, 'lease')
    const { leader } = cluster
    if (leader && leader !== before) cluster.propose(leader, `${i}`)
  }
}

test('a lease holds while clocks drift as much as was promised, and not when they drift more', () => {
  for (let seed = 0; seed < 20; seed++) readUnderOldLease(seed, 0.2, 0.2)
  assert.throws(() => {
    for (let seed = 0; seed < 20; seed++) readUnderOldLease(seed, 0.2, 0)
  }, Violation)
})

test('a follower’s read is answered from its own state, as new as the leader’s', () => {
  const cluster = new Cluster({ seed: 2, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const follower = cluster.hosts.find((host) => !host.leads)!
  cluster.propose(cluster.leader!, 'x')
  cluster.run(4)
  assert.deepEqual(cluster.read(follower, 'safe'), { ok: true })
  assert.ok(cluster.runUntil(() => cluster.answeredReads === 1, 100))
})

test('a read waits until the snapshot that it needs is applied, not only until it has come', () => {
  const solo = new Solo({ term: 1 })
  solo.from(2, { kind: 'heartbeat', value: { term: 1, commit: 0, round: 1 } })
  solo.raft.read(1, 'safe', solo.now)
  solo.pump()
  const [request] = solo.take('readRequest')
  solo.from(2, { kind: 'readAnswer', value: { term: 1, id: request!.value.id, index: 9 } })
  solo.quickDisk = false
  const data = Buffer.from('state')
  const voters = [1, 2, 3].map((n) => ({ id: peer(n), storage: n }))
  const config = { voters, outgoing: [], learners: [] }
  const snapshot = { index: 9, term: 1, config, bytes: data.length, checksum: checksumOf(data) }
  solo.from(2, { kind: 'snapshotChunk', value: { term: 1, snapshot, offset: 0, data } })
  assert.equal(solo.status.commit, 9)
  assert.deepEqual(answered(solo), [])
  solo.confirm()
  assert.deepEqual(answered(solo), [1])
})

test('a follower’s read is refused when its leader changes or does not answer', () => {
  const solo = new Solo({ term: 1 })
  const beat = (n: number, term: number) =>
    solo.from(n, { kind: 'heartbeat', value: { term, commit: 0, round: 1 } })
  assert.equal(solo.raft.read(1, 'safe', solo.now).ok, false)
  beat(2, 1)
  solo.raft.read(1, 'safe', solo.now)
  solo.pump()
  assert.equal(solo.take('readRequest').length, 1)
  beat(3, 2)
  assert.deepEqual(solo.refusedReads, [1])
  solo.raft.read(2, 'safe', solo.now)
  for (let i = 0; i < 10; i++) {
    solo.live(heartbeatMs)
    beat(3, 2)
  }
  assert.deepEqual(solo.refusedReads, [1, 2])
})

test('an answer to a read of an earlier life answers nothing', () => {
  const first = new Solo({ term: 1, seed: 1 })
  const second = new Solo({ term: 1, seed: 2 })
  const wireId = (solo: Solo) => {
    solo.from(2, { kind: 'heartbeat', value: { term: 1, commit: 0, round: 1 } })
    solo.raft.read(1, 'safe', solo.now)
    solo.pump()
    return solo.take('readRequest')[0]!.value.id
  }
  const old = wireId(first)
  wireId(second)
  second.from(2, { kind: 'readAnswer', value: { term: 1, id: old, index: 0 } })
  assert.deepEqual(second.reads, [])
})

test('reads that nobody confirms stay within their limit', () => {
  const solo = new Solo({ limits: { readsPendingMax: 3 } })
  solo.lead()
  const outcomes = [1, 2, 3, 4].map((id) => solo.raft.read(id, 'safe', solo.now))
  assert.deepEqual(
    outcomes.map(({ ok }) => ok),
    [true, true, true, false],
  )
  solo.from(2, { kind: 'readRequest', value: { term: solo.status.term, id: 9 } })
  assert.deepEqual(solo.take('readAnswer')[0], { to: peer(2), value: { term: 1, id: 9 } })
})
