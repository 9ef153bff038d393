import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timing } from '../../protocol/consensus/limits.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import { peer, Solo } from './solo.ts'

const { electionMs, heartbeatMs } = timing

test('voters that start together soon have one leader, whose term began with an entry of its own', () => {
  for (let seed = 0; seed < 20; seed++) {
    const cluster = new Cluster({ seed, nodes: 5 })
    cluster.startAll()
    assert.ok(cluster.runUntil(() => (cluster.leader?.raft?.status().commit ?? 0) > 0, 3_000))
    const leaders = cluster.hosts.filter(({ leads }) => leads)
    assert.equal(leaders.length, 1)
    const { lastTerm, term } = leaders[0]!.raft!.status()
    assert.equal(lastTerm, term)
  }
})

test('a single voter elects itself, once its own vote is on its disk', () => {
  const solo = new Solo({ voters: 1 })
  solo.quickDisk = false
  solo.live(2 * electionMs)
  assert.equal(solo.status.role, 'candidate')
  solo.confirm()
  assert.equal(solo.status.role, 'leader')
  assert.equal(solo.status.commit, 0)
  solo.confirm()
  assert.equal(solo.status.commit, 1)
})

test('no vote leaves before term and vote are on the disk (defect 1)', () => {
  const solo = new Solo()
  solo.now = electionMs
  solo.quickDisk = false
  const value = { term: 1, lastIndex: 0, lastTerm: 0, handover: false }
  solo.from(2, { kind: 'voteRequest', value })
  assert.deepEqual(solo.take('voteAnswer'), [])
  assert.equal(solo.writes[0]?.hardState.vote, peer(2))
  solo.confirm()
  assert.equal(solo.take('voteAnswer')[0]?.value.granted, true)
})

test('no request for votes leaves before the candidate’s own is on the disk', () => {
  const solo = new Solo()
  solo.live(2 * electionMs)
  solo.quickDisk = false
  solo.from(2, { kind: 'preVoteAnswer', value: { term: 1, storage: 2, granted: true } })
  assert.equal(solo.status.role, 'candidate')
  assert.deepEqual(solo.take('voteRequest'), [])
  solo.confirm()
  assert.equal(solo.take('voteRequest').length, 2)
})

test('a voter votes once in a term, also across a restart (defect 14)', () => {
  const solo = new Solo({ term: 3, vote: peer(2) })
  solo.now = electionMs
  const value = { term: 3, lastIndex: 9, lastTerm: 2, handover: false }
  solo.from(3, { kind: 'voteRequest', value })
  assert.equal(solo.take('voteAnswer')[0]?.value.granted, false)
  solo.from(2, { kind: 'voteRequest', value })
  assert.equal(solo.take('voteAnswer')[0]?.value.granted, true)
})

test('a vote is for a log at least as far: by last term, then by length (defects 4 and 5)', () => {
  const cases: [lastIndex: number, lastTerm: number, granted: boolean][] = [
    [9, 1, false],
    [2, 2, false],
    [3, 2, true],
    [1, 3, true],
  ]
  for (const [lastIndex, lastTerm, granted] of cases) {
    const solo = new Solo({ term: 3, log: [1, 1, 2] })
    solo.now = electionMs
    const position = { lastIndex, lastTerm }
    solo.from(2, { kind: 'preVoteRequest', value: { term: 4, ...position } })
    assert.equal(solo.take('preVoteAnswer')[0]?.value.granted, granted)
    solo.from(2, { kind: 'voteRequest', value: { term: 4, ...position, handover: false } })
    assert.equal(solo.take('voteAnswer')[0]?.value.granted, granted)
  }
})

test('whoever hears a leader helps nobody to depose it, whatever the term (defect 20)', () => {
  const solo = new Solo({ term: 1 })
  solo.now = electionMs
  solo.from(2, { kind: 'heartbeat', value: { term: 1, commit: 0, round: 1 } })
  const position = { lastIndex: 9, lastTerm: 1 }
  solo.from(3, { kind: 'preVoteRequest', value: { term: 2, ...position } })
  solo.from(3, { kind: 'voteRequest', value: { term: 7, ...position, handover: false } })
  assert.deepEqual(solo.take('preVoteAnswer'), [])
  assert.deepEqual(solo.take('voteAnswer'), [])
  assert.equal(solo.status.term, 1)
  // Not even when it has learnt of a later term in the meantime: the lease of the first still runs.
  solo.from(3, { kind: 'preVoteAnswer', value: { term: 7, storage: 3, granted: false } })
  solo.from(3, { kind: 'voteRequest', value: { term: 7, ...position, handover: false } })
  assert.deepEqual(solo.take('voteAnswer'), [])
  solo.now += electionMs
  solo.from(3, { kind: 'voteRequest', value: { term: 7, ...position, handover: false } })
  assert.equal(solo.take('voteAnswer')[0]?.value.granted, true)
})

test('a voter that has just started is as silent as if it had heard a leader just before', () => {
  const solo = new Solo({ term: 1 })
  const value = { term: 2, lastIndex: 9, lastTerm: 1, handover: false }
  solo.from(2, { kind: 'voteRequest', value })
  assert.deepEqual(solo.take('voteAnswer'), [])
  solo.now = electionMs
  solo.from(2, { kind: 'voteRequest', value })
  assert.equal(solo.take('voteAnswer').length, 1)
})

test('a host that returns from a partition deposes nobody (defect 20)', () => {
  for (let seed = 0; seed < 10; seed++) {
    const cluster = new Cluster({ seed, nodes: 3 })
    cluster.startAll()
    cluster.run(1_000)
    const before = cluster.leader!
    const { term } = before.raft!.status()
    const lost = cluster.hosts.find((host) => host !== before)!
    cluster.isolate(lost.index + 1)
    cluster.run(3_000)
    cluster.heal()
    cluster.run(1_000)
    assert.equal(cluster.leader, before)
    assert.equal(before.raft!.status().term, term)
  }
})

test('a voter that hears its peers but not the leader deposes nobody', () => {
  const cluster = new Cluster({ seed: 5, nodes: 5 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  const deaf = cluster.hosts.find((host) => host !== before)!
  cluster.cut(before.index + 1, deaf.index + 1)
  cluster.run(3_000)
  assert.equal(cluster.leader, before)
})

test('a leader that hears no quorum steps down, and says so', () => {
  const cluster = new Cluster({ seed: 6, nodes: 5 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  cluster.isolate(before.index + 1)
  cluster.run(2 * electionMs)
  assert.equal(before.leads, false)
  assert.deepEqual(cluster.propose(before, 'lost')?.ok, false)
})

test('a node whose term has run ahead is taken back in, by a new election', () => {
  const cluster = new Cluster({ seed: 7, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  const ahead = cluster.hosts.find((host) => host !== before)!
  cluster.crash(ahead)
  ahead.disk.hardState = { ...ahead.disk.hardState, term: 40, vote: undefined }
  cluster.start(ahead)
  cluster.run(3_000)
  assert.ok((cluster.leader?.raft?.status().term ?? 0) > 40)
  assert.equal(ahead.machine.index, cluster.leader?.machine.index)
})

test('election times are drawn anew each time, within bounds, and differ (defect 21)', () => {
  const solo = new Solo()
  const drawn: number[] = []
  for (let i = 0; i < 100; i++) {
    const before = solo.now
    solo.now = solo.raft.wakeAtMs
    drawn.push(solo.now - before)
    solo.raft.tick(solo.now)
    solo.pump()
  }
  assert.ok(drawn.every((ms) => ms >= electionMs && ms <= 2 * electionMs))
  assert.ok(new Set(drawn).size > 90)
  assert.ok(Math.max(...drawn) - Math.min(...drawn) > electionMs / 2)
})

test('an answer from another disk than the one admitted is no vote', () => {
  const solo = new Solo()
  solo.live(2 * electionMs)
  solo.from(2, { kind: 'preVoteAnswer', value: { term: 1, storage: 77, granted: true } })
  assert.equal(solo.status.role, 'preCandidate')
  assert.ok(solo.events.some((e) => e.kind === 'strangeStorage' && e.storage === 77))
  solo.from(3, { kind: 'preVoteAnswer', value: { term: 1, storage: 3, granted: true } })
  assert.equal(solo.status.role, 'candidate')
})

test('an answer to an earlier candidacy is no vote in a later one', () => {
  const solo = new Solo({ voters: 5 })
  solo.live(2 * electionMs)
  for (const n of [2, 3])
    solo.from(n, { kind: 'preVoteAnswer', value: { term: 1, storage: n, granted: true } })
  assert.equal(solo.status.term, 1)
  solo.from(2, { kind: 'voteAnswer', value: { term: 1, storage: 2, granted: true } })
  solo.live(2 * electionMs)
  for (const n of [2, 3])
    solo.from(n, { kind: 'preVoteAnswer', value: { term: 2, storage: n, granted: true } })
  assert.equal(solo.status.term, 2)
  for (const n of [3, 4])
    solo.from(n, { kind: 'voteAnswer', value: { term: 1, storage: n, granted: true } })
  assert.equal(solo.status.role, 'candidate')
})

test('a host that slept gives what waits in its sockets a moment before it stands', () => {
  const solo = new Solo({ term: 1 })
  solo.from(2, { kind: 'heartbeat', value: { term: 1, commit: 0, round: 1 } })
  solo.wait(10 * electionMs)
  assert.equal(solo.status.role, 'follower')
  assert.ok(solo.events.some(({ kind }) => kind === 'slept'))
  solo.from(2, { kind: 'heartbeat', value: { term: 1, commit: 0, round: 9 } })
  solo.live(electionMs)
  assert.equal(solo.status.role, 'follower')
  solo.wait(10 * electionMs)
  solo.live(2 * heartbeatMs)
  assert.equal(solo.status.role, 'preCandidate')
})

test('the lead is handed over at once, and the lease with it', () => {
  const cluster = new Cluster({ seed: 8, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  const heir = cluster.hosts.find((host) => host !== before)!
  cluster.propose(before, 'x')
  assert.deepEqual(cluster.transfer(before, heir.id), { ok: true })
  assert.ok(cluster.runUntil(() => cluster.leader === heir, electionMs / 2))
})

test('while the lead is handed over nothing is proposed; when it fails, work goes on', () => {
  const cluster = new Cluster({ seed: 9, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const before = cluster.leader!
  const heir = cluster.hosts.find((host) => host !== before)!
  cluster.crash(heir)
  assert.deepEqual(cluster.transfer(before, heir.id), { ok: true })
  const refused = cluster.propose(before, 'x')
  assert.ok(refused && !refused.ok && refused.reason === 'transferring')
  cluster.run(2 * electionMs)
  assert.equal(cluster.leader, before)
  assert.equal(cluster.propose(before, 'x')?.ok, true)
  assert.equal(before.raft!.status().leaseUntilMs, Number.NEGATIVE_INFINITY)
})

test('the lead is not handed to one who is no voter, or not heard, or to oneself', () => {
  const solo = new Solo()
  solo.lead()
  const ask = (n: number) => {
    const outcome = solo.raft.transfer(peer(n), solo.now)
    return outcome.ok || outcome.reason
  }
  assert.equal(ask(9), 'notVoter')
  assert.equal(ask(1), 'notVoter')
  solo.now += electionMs + 1
  assert.equal(ask(3), 'unreachable')
})
