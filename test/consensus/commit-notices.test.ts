/** How followers come to know what is committed, and what that costs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Limits, limits } from '../../protocol/consensus/limits.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import { Solo } from './solo.ts'

const one = [{ data: new Uint8Array(1) }]

/** A leader of three whose followers stream, with its first entry committed and told. */
function settledLeader(changed: Partial<Limits> = {}): Solo {
  const solo = new Solo({ voters: 3, limits: changed })
  solo.lead()
  solo.accepted(2, 1)
  solo.accepted(3, 1)
  solo.live(limits.commitNoticeMs)
  solo.sent.length = 0
  return solo
}

test('a commit travels with the next append, and then needs no notice', () => {
  const solo = settledLeader()
  solo.raft.propose(one, solo.now)
  solo.pump()
  solo.accepted(2, 2)
  assert.equal(solo.status.commit, 2)
  assert.deepEqual(solo.take('commitNotice'), [])
  solo.take('append')
  solo.raft.propose(one, solo.now)
  solo.pump()
  assert.deepEqual(
    solo.take('append').map(({ value }) => value.commit),
    [2, 2],
  )
  solo.live(limits.commitNoticeMs)
  assert.deepEqual(solo.take('commitNotice'), [])
})

test('a commit that no append carries is told to each follower once, when its time is over', () => {
  const solo = settledLeader()
  solo.raft.propose(one, solo.now)
  solo.pump()
  solo.accepted(2, 2)
  const committedMs = solo.now
  assert.equal(solo.raft.wakeAtMs, committedMs + limits.commitNoticeMs)
  solo.live(limits.commitNoticeMs - 1)
  assert.deepEqual(solo.take('commitNotice'), [])
  solo.live(1)
  assert.deepEqual(
    solo.take('commitNotice').map(({ to, value }) => [to, value.commit]),
    [
      ['n2', 2],
      ['n3', 2],
    ],
  )
  assert.ok(solo.raft.wakeAtMs > solo.now + limits.commitNoticeMs, 'nothing more is owed')
})

test('commits in a row do not put off the notice to a follower whose window is full', () => {
  const solo = settledLeader({ inflightAppendsMax: 1 })
  let committed = 1
  for (let ms = 0; ms < limits.commitNoticeMs; ms++) {
    solo.raft.propose(one, solo.now)
    solo.pump()
    solo.accepted(2, ++committed)
    assert.deepEqual(solo.take('commitNotice'), [])
    solo.live(1)
  }
  const told = solo.take('commitNotice').filter(({ to }) => to === 'n3')
  assert.deepEqual(
    told.map(({ value }) => value.commit),
    [committed],
  )
})

test('a heartbeat that carries the commit index saves the notice', () => {
  const solo = settledLeader()
  solo.raft.propose(one, solo.now)
  solo.pump()
  solo.accepted(2, 2)
  assert.ok(solo.raft.read(1, 'safe', solo.now).ok)
  solo.pump()
  assert.deepEqual(
    solo.take('heartbeat').map(({ value }) => value.commit),
    [2, 2],
  )
  solo.live(limits.commitNoticeMs)
  assert.deepEqual(solo.take('commitNotice'), [])
})

/** Frames of each kind while one client proposes again as soon as its last entry is committed. */
function framesOf(commits: number, commitNoticeMs: number): Record<string, number> {
  // Heartbeats as rare as an agent's, so that they are not what is counted.
  const timing = { heartbeatMs: 2_000, electionMs: 6_000 }
  const cluster = new Cluster({
    seed: 'frames',
    nodes: 5,
    timing,
    limits: { commitNoticeMs, spareMs: 0 },
  })
  cluster.startAll()
  assert.ok(cluster.runUntil(() => (cluster.leader?.commit ?? 0) >= 1, 30_000))
  cluster.run(20)
  const leader = cluster.leader
  assert.ok(leader)
  const frames: Record<string, number> = {}
  cluster.intercept = (_from, _to, { kind }) => {
    frames[kind] = (frames[kind] ?? 0) + 1
    return true
  }
  for (let i = 0; i < commits; i++) {
    const proposed = cluster.propose(leader, `word ${i}`)
    assert.ok(proposed?.ok)
    while (leader.commit < proposed.index) cluster.run(0.1)
  }
  cluster.run(40)
  for (const { commit } of cluster.hosts) assert.equal(commit, leader.commit, 'all know in the end')
  return frames
}

test('a commit of five voters costs eight frames under load, and twelve when each is told alone', () => {
  const commits = 200
  const alone = framesOf(commits, 0)
  assert.equal(alone.append, 4 * commits)
  assert.equal(alone.appendAnswer, 4 * commits)
  assert.equal(alone.commitNotice, 4 * commits)
  const carried = framesOf(commits, limits.commitNoticeMs)
  assert.equal(carried.append, 4 * commits)
  assert.equal(carried.appendAnswer, 4 * commits)
  assert.equal(carried.commitNotice, 4, 'the last one only')
})
