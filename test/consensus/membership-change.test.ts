import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import type { Host } from '../../simulations/consensus/host.ts'

function started(nodes: number, founders: number, seed = 1): Cluster {
  const cluster = new Cluster({ seed, nodes, founders })
  cluster.startAll()
  cluster.run(1_500)
  return cluster
}

const votersOf = (host: Host) => host.raft!.status().config.voters.map(({ id }) => id)
const reasonOf = (outcome: { ok: boolean; reason?: string } | undefined) =>
  outcome?.reason ?? outcome?.ok

/** Members by number, with the disks that they have now. */
const target = (cluster: Cluster, voters: number[], learners: number[] = []) => ({
  voters: voters.map((n) => cluster.member(n)),
  learners: learners.map((n) => cluster.member(n)),
})

test('a host becomes a voter by learning first, and not before it has caught up', () => {
  const cluster = started(4, 3)
  const leader = cluster.leader!
  for (let i = 0; i < 50; i++) cluster.propose(leader, `${i}`)
  cluster.run(100)
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3, 4]))), 'notCaughtUp')
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4]))), true)
  cluster.run(300)
  assert.equal(cluster.host(4).machine.index, leader.machine.index)
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3, 4]))), true)
  cluster.run(300)
  assert.deepEqual(votersOf(cluster.host(4)), ['n1', 'n2', 'n3', 'n4'])
})

test('several voters change at once through a joint configuration, which ends by itself', () => {
  const cluster = started(5, 3)
  const leader = cluster.leader!
  cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4, 5]))
  cluster.run(300)
  const stay = leader.index + 1
  cluster.reconfigure(leader, target(cluster, [stay, 4, 5]))
  assert.equal(leader.raft!.status().config.outgoing.length, 3)
  cluster.run(500)
  for (const n of [stay, 4, 5]) {
    assert.deepEqual(cluster.host(n).raft!.status().config.outgoing, [])
    assert.deepEqual(votersOf(cluster.host(n)).sort(), [`n${stay}`, 'n4', 'n5'].sort())
  }
})

test('a joint configuration is left also when its leader dies in the middle', () => {
  for (let seed = 0; seed < 10; seed++) {
    const cluster = started(5, 3, seed)
    const leader = cluster.leader!
    cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4, 5]))
    cluster.run(300)
    cluster.reconfigure(leader, target(cluster, [leader.index + 1, 4, 5]))
    cluster.run(seed)
    cluster.crash(leader)
    cluster.run(3_000)
    cluster.start(leader)
    assert.ok(
      cluster.runUntil(() => cluster.leader?.raft?.status().config.outgoing.length === 0, 3_000),
    )
  }
})

test('one change at a time, made from the configuration that is in force', () => {
  const cluster = started(4, 3)
  const leader = cluster.leader!
  const { configIndex } = leader.raft!.status()
  cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4]))
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3]))), 'changeInFlight')
  cluster.run(300)
  const late = leader.raft!.reconfigure(
    target(cluster, [1, 2, 3]),
    configIndex,
    cluster.localNow(leader),
  )
  assert.equal(reasonOf(late), 'superseded')
})

test('no change before an entry of the leader’s own term is committed (defect 11)', () => {
  const cluster = started(4, 3)
  const before = cluster.leader!
  cluster.crash(before)
  // The new leader wins, but nothing that it appends arrives.
  cluster.intercept = (_from, _to, frame) => frame.kind !== 'append'
  assert.ok(cluster.runUntil(() => cluster.leader !== undefined, 3_000))
  const leader = cluster.leader!
  assert.equal(
    reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4]))),
    'changeInFlight',
  )
  cluster.intercept = () => true
  cluster.run(300)
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2, 3], [4]))), true)
})

test('nobody, somebody twice, or too many are refused as voters', () => {
  const cluster = started(3, 3)
  const leader = cluster.leader!
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [], [1]))), 'unsound')
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, [1, 2], [1]))), 'unsound')
  assert.equal(reasonOf(cluster.reconfigure(leader, target(cluster, Array(10).fill(1)))), 'unsound')
})

test('a leader that removes itself leads until that is committed, and hands over (defect 12)', () => {
  for (let seed = 0; seed < 10; seed++) {
    const cluster = started(3, 3, seed)
    const leader = cluster.leader!
    const stay = [1, 2, 3].filter((n) => n !== leader.index + 1)
    cluster.reconfigure(leader, target(cluster, stay))
    assert.equal(leader.leads, true)
    assert.ok(
      cluster.runUntil(() => cluster.leader !== undefined && cluster.leader !== leader, 150),
    )
    const { term } = cluster.leader!.raft!.status()
    cluster.run(3_000)
    assert.equal(leader.raft!.status().role, 'follower')
    assert.equal(cluster.leader!.raft!.status().term, term, 'and is quiet afterwards')
  }
})

test('a removed voter is told so, and disturbs nobody', () => {
  const cluster = started(5, 5)
  const leader = cluster.leader!
  const gone = cluster.hosts.find((host) => host !== leader)!
  const stay = [1, 2, 3, 4, 5].filter((n) => n !== gone.index + 1)
  cluster.reconfigure(leader, target(cluster, stay))
  cluster.run(100)
  assert.ok(!votersOf(gone).includes(gone.id))
  cluster.run(5_000)
  assert.equal(cluster.leader, leader)
  assert.equal(leader.raft!.status().peers.length, 3)
})

test('a removed voter that was never told asks in vain', () => {
  const cluster = started(5, 5)
  const leader = cluster.leader!
  const gone = cluster.hosts.find((host) => host !== leader)!
  const { term } = leader.raft!.status()
  cluster.isolate(gone.index + 1)
  cluster.reconfigure(
    leader,
    target(
      cluster,
      [1, 2, 3, 4, 5].filter((n) => n !== gone.index + 1),
    ),
  )
  cluster.run(5_000)
  cluster.heal()
  cluster.run(3_000)
  assert.equal(cluster.leader, leader)
  assert.equal(leader.raft!.status().term, term)
})

test('a leader that began to remove itself and fell stands again when only it can be elected', () => {
  const cluster = started(2, 2)
  const leader = cluster.leader!
  const other = cluster.hosts.find((host) => host !== leader)!
  cluster.propose(leader, 'before')
  cluster.run(100)
  cluster.cut(1, 2)
  cluster.propose(leader, 'only here')
  cluster.reconfigure(leader, target(cluster, [other.index + 1]))
  cluster.run(2_000)
  cluster.heal()
  assert.ok(cluster.runUntil(() => cluster.leader === other, 5_000))
  cluster.run(200)
  // It holds what only the old leader held, and both changes are done.
  assert.ok(other.raft!.status().lastIndex > 4)
  assert.deepEqual(votersOf(leader), [other.id])
})

test('a voter whose disk was lost is nobody until it is admitted anew', () => {
  const cluster = started(3, 3)
  const leader = cluster.leader!
  const wiped = cluster.hosts.find((host) => host !== leader)!
  const third = cluster.hosts.find((host) => host !== leader && host !== wiped)!
  for (let i = 0; i < 5; i++) cluster.propose(leader, `${i}`)
  cluster.run(100)
  cluster.wipe(wiped)
  cluster.start(wiped)
  cluster.crash(third)
  const { commit } = leader.raft!.status()
  cluster.propose(leader, 'not by two of three')
  cluster.run(150)
  assert.equal(leader.raft!.status().commit, commit)
  cluster.start(third)
  cluster.run(1_500)
  const now = cluster.leader!
  const others = [1, 2, 3].filter((n) => n !== wiped.index + 1)
  cluster.reconfigure(now, target(cluster, others, [wiped.index + 1]))
  cluster.run(500)
  assert.equal(reasonOf(cluster.reconfigure(now, target(cluster, [1, 2, 3]))), true)
  cluster.run(500)
  assert.equal(wiped.machine.digest, now.machine.digest)
})
