import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timing } from '../../protocol/consensus/limits.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import { Solo } from './solo.ts'

const { electionMs } = timing
const damaged = () => new Solo({ term: 3, log: [1, 2], promised: { index: 4, term: 2 } })

test('a disk that holds less than was promised is noticed at the start', () => {
  const [event] = damaged().events.filter(({ kind }) => kind === 'recovering')
  assert.deepEqual(event, {
    kind: 'recovering',
    held: { index: 2, term: 2 },
    promised: { index: 4, term: 2 },
  })
})

test('a voter that lost entries does not stand, and asks nobody (defect 23)', () => {
  const solo = damaged()
  solo.live(20 * electionMs)
  assert.equal(solo.status.role, 'follower')
  assert.deepEqual(solo.sent, [])
  solo.append(2, { term: 3, prevIndex: 2, prevTerm: 2 })
  solo.from(2, { kind: 'timeoutNow', value: { term: 3 } })
  assert.equal(solo.status.role, 'follower')
})

test('it votes as if the entries were still there, and so spreads no truncation (defect 23)', () => {
  for (const [lastIndex, lastTerm, granted] of [
    [2, 2, false],
    [3, 2, false],
    [4, 2, true],
    [3, 3, true],
  ] as const) {
    const solo = damaged()
    solo.now = electionMs
    solo.from(2, { kind: 'voteRequest', value: { term: 4, lastIndex, lastTerm, handover: false } })
    assert.equal(solo.take('voteAnswer')[0]?.value.granted, granted, `${lastIndex}@${lastTerm}`)
  }
})

test('the promise outlives further restarts, until the disk holds as much again', () => {
  const solo = damaged()
  solo.quickDisk = false
  solo.append(2, { term: 3, prevIndex: 2, prevTerm: 2, terms: [2] })
  assert.deepEqual(solo.writes.at(-1)?.hardState.promised, { index: 4, term: 2 })
  solo.confirm()
  assert.equal(solo.status.recovering, true)
  solo.append(2, { term: 3, prevIndex: 3, prevTerm: 2, terms: [2] })
  assert.equal(solo.status.recovering, true, 'not before it is on the disk')
  solo.confirm()
  assert.equal(solo.status.recovering, false)
  assert.ok(solo.events.some(({ kind }) => kind === 'recovered'))
})

test('an end of a later term is as good as what was lost', () => {
  const solo = damaged()
  solo.append(2, { term: 3, prevIndex: 2, prevTerm: 2, terms: [3] })
  assert.equal(solo.status.recovering, false)
  assert.deepEqual(solo.status.lastIndex, 3)
})

test('the leader forgets what a peer had acknowledged, and sends it again', () => {
  const cluster = new Cluster({ seed: 1, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const leader = cluster.leader!
  for (let i = 0; i < 20; i++) cluster.propose(leader, `${i}`)
  cluster.run(200)
  const hurt = cluster.hosts.find((host) => host !== leader)!
  cluster.crash(hurt)
  hurt.disk.damageFrom(5)
  cluster.start(hurt)
  assert.equal(hurt.raft!.status().recovering, true)
  assert.ok(cluster.runUntil(() => hurt.raft!.status().recovering === false, 1_000))
  cluster.run(200)
  assert.equal(hurt.machine.digest, leader.machine.digest)
  assert.equal(cluster.leader, leader)
})

test('with the leader dead, the whole voter is elected with the help of the hurt one', () => {
  const cluster = new Cluster({ seed: 2, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const leader = cluster.leader!
  for (let i = 0; i < 20; i++) cluster.propose(leader, `${i}`)
  cluster.run(200)
  const [hurt, whole] = cluster.hosts.filter((host) => host !== leader)
  cluster.crash(leader)
  cluster.crash(hurt!)
  hurt!.disk.damageFrom(3)
  cluster.start(hurt!)
  assert.ok(cluster.runUntil(() => cluster.leader === whole, 3_000))
  assert.ok(cluster.runUntil(() => hurt!.raft!.status().recovering === false, 1_000))
})

test('when the only whole copy is away, nobody is elected, and nothing is lost', () => {
  const cluster = new Cluster({ seed: 3, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const leader = cluster.leader!
  const [hurt, behind] = cluster.hosts.filter((host) => host !== leader)
  cluster.crash(behind!)
  for (let i = 0; i < 20; i++) cluster.propose(leader, `${i}`)
  cluster.run(200)
  const { commit } = leader.raft!.status()
  cluster.crash(leader)
  cluster.crash(hurt!)
  hurt!.disk.damageFrom(3)
  cluster.start(hurt!)
  cluster.start(behind!)
  cluster.run(5_000)
  assert.equal(cluster.leader, undefined)
  cluster.start(leader)
  assert.ok(
    cluster.runUntil(() => hurt!.machine.index > commit && behind!.machine.index > commit, 5_000),
  )
})

test('the commit index never goes back below the snapshot or what was written of it (defect 25)', () => {
  const cluster = new Cluster({ seed: 4, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  for (let i = 0; i < 20; i++) cluster.propose(cluster.leader!, `${i}`)
  cluster.run(200)
  const { commit } = cluster.leader!.raft!.status()
  for (const host of cluster.hosts) {
    cluster.crash(host)
    const written = host.disk.hardState.commit
    cluster.start(host)
    assert.ok(host.raft!.status().commit >= written)
    assert.ok(written <= commit)
  }
})
