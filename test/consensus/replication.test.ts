import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryKind } from '../../protocol/consensus/messages.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import { entry, peer, Solo } from './solo.ts'

const proposals = (count: number, bytes = 1) =>
  Array.from({ length: count }, () => ({ data: new Uint8Array(bytes) }))

test('many proposals travel as one append, and one append serves all who stand at one place', () => {
  const solo = new Solo({ voters: 5 })
  solo.live(400)
  for (const n of [2, 3])
    solo.from(n, { kind: 'preVoteAnswer', value: { term: 1, storage: n, granted: true } })
  for (const n of [2, 3])
    solo.from(n, { kind: 'voteAnswer', value: { term: 1, storage: n, granted: true } })
  for (const n of [2, 3, 4, 5]) solo.accepted(n, 1)
  solo.sent.length = 0
  for (let i = 0; i < 100; i++) solo.raft.propose(proposals(1), solo.now)
  solo.pump()
  const appends = solo.sent.filter(({ frame }) => frame.kind === 'append')
  assert.equal(appends.length, 4)
  assert.equal(new Set(appends.map(({ frame }) => frame)).size, 1)
  assert.equal(solo.take('append')[0]?.value.entries.length, 100)
})

test('the leader sends while its disk writes, and counts itself only when that is done', () => {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 1)
  solo.sent.length = 0
  solo.quickDisk = false
  solo.raft.propose(proposals(1), solo.now)
  solo.pump()
  assert.equal(solo.take('append')[0]?.value.entries.length, 1)
  assert.equal(solo.writes.length, 1)
  solo.accepted(2, 2)
  assert.equal(solo.status.commit, 1)
  solo.confirm()
  assert.equal(solo.status.commit, 2)
})

test('a quorum of others commits before the leader’s disk is done; the leader applies after', () => {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 1)
  solo.quickDisk = false
  solo.raft.propose(proposals(1), solo.now)
  solo.pump()
  solo.accepted(2, 2)
  solo.accepted(3, 2)
  assert.equal(solo.status.commit, 2)
  assert.equal(solo.applied.length, 1)
  solo.confirm()
  assert.equal(solo.applied.length, 2)
})

test('an append is acknowledged when it is on the disk, not before (defect 2)', () => {
  const solo = new Solo({ term: 1 })
  solo.quickDisk = false
  solo.append(2, { term: 1, prevIndex: 0, prevTerm: 0, terms: [1, 1] })
  assert.deepEqual(solo.take('appendAnswer'), [])
  solo.confirm()
  assert.deepEqual(solo.take('appendAnswer')[0]?.value.index, 2)
})

test('an early append that arrives late truncates nothing (defect 6)', () => {
  const solo = new Solo({ term: 1 })
  solo.append(2, { term: 1, prevIndex: 0, prevTerm: 0, terms: [1, 1, 1] })
  solo.append(2, { term: 1, prevIndex: 0, prevTerm: 0, terms: [1] })
  assert.equal(solo.status.lastIndex, 3)
  assert.equal(solo.take('appendAnswer').at(-1)?.value.index, 1)
})

test('a follower believes the commit index only as far as it has verified its log (defect 9)', () => {
  const solo = new Solo({ term: 2, log: [1, 1, 1, 1] })
  solo.append(2, { term: 2, prevIndex: 2, prevTerm: 1, commit: 4 })
  assert.equal(solo.status.commit, 2)
  solo.from(2, { kind: 'heartbeat', value: { term: 2, commit: 4, round: 1 } })
  solo.from(2, { kind: 'commitNotice', value: { term: 2, commit: 4 } })
  assert.equal(solo.status.commit, 2)
  solo.append(2, { term: 2, prevIndex: 4, prevTerm: 1, commit: 4 })
  assert.equal(solo.status.commit, 4)
})

test('what was verified for one leader is not believed of the next', () => {
  const solo = new Solo({ term: 2, log: [1, 1, 2, 2] })
  solo.append(2, { term: 2, prevIndex: 4, prevTerm: 2 })
  solo.from(3, { kind: 'heartbeat', value: { term: 3, commit: 4, round: 1 } })
  assert.equal(solo.status.commit, 0)
})

test('a refusal commits nothing and acknowledges nothing (defects 7 and 8)', () => {
  const solo = new Solo()
  solo.lead()
  const { term } = solo.status
  solo.from(2, {
    kind: 'appendAnswer',
    value: { term, storage: 2, accepted: false, index: 1, hintIndex: 0, hintTerm: 0, lost: false },
  })
  assert.equal(solo.status.commit, 0)
  assert.equal(solo.status.peers[0]?.match, 0)
})

test('an acknowledgement of what was never sent is a lie, and told as one', () => {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 50)
  assert.equal(solo.status.commit, 0)
  assert.ok(solo.events.some((e) => e.kind === 'misbehaviour' && e.what === 'impossibleAnswer'))
})

test('an acknowledgement from a disk that was never admitted counts for nothing', () => {
  const solo = new Solo()
  solo.lead()
  const { term } = solo.status
  const value = {
    term,
    storage: 77,
    accepted: true,
    index: 1,
    hintIndex: 0,
    hintTerm: 0,
    lost: false,
  }
  solo.from(2, { kind: 'appendAnswer', value })
  assert.equal(solo.status.commit, 0)
  assert.ok(solo.events.some((e) => e.kind === 'strangeStorage' && e.storage === 77))
})

test('answers and appends of an earlier term count for nothing (defect 13)', () => {
  const solo = new Solo({ term: 4 })
  solo.lead()
  solo.accepted(2, 1, 4)
  assert.equal(solo.status.commit, 0)
  const follower = new Solo({ term: 4, log: [4] })
  follower.append(2, { term: 3, prevIndex: 0, prevTerm: 0, terms: [3] })
  assert.equal(follower.status.lastTerm, 4)
  // But its sender learns that its time is over.
  assert.equal(follower.take('heartbeatAnswer')[0]?.value.term, 4)
})

test('figure 7: every kind of follower is brought to the leader’s log, in few steps', () => {
  const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  const followers = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  }
  for (const [name, log] of Object.entries(followers)) {
    const cluster = new Cluster({ seed: name, nodes: 3, founders: 3 })
    ;[leader, log, leader].forEach((terms, i) => {
      const entries = terms.map((term, at) => entry(term, `${at + 1}@${term}`))
      cluster.hosts[i]!.disk.load(entries, 7)
    })
    cluster.start(cluster.host(1))
    cluster.start(cluster.host(3))
    assert.ok(cluster.runUntil(() => cluster.leader !== undefined, 3_000))
    let refusals = 0
    cluster.intercept = (from, _to, frame) => {
      if (from === peer(2) && frame.kind === 'appendAnswer' && !frame.value.accepted) refusals++
      return true
    }
    cluster.start(cluster.host(2))
    cluster.run(1_000)
    const [, second] = cluster.hosts
    assert.equal(second!.raft!.status().lastIndex, 11, name)
    assert.equal(second!.machine.digest, cluster.leader!.machine.digest, name)
    assert.ok(refusals <= 4, `${name}: ${refusals} refusals`)
  }
})

test('figure 8: an entry of an earlier term is not committed by counting replicas (defect 3)', () => {
  // S1 leads term 4 with an entry of term 2, which it now spreads to a majority.
  const solo = new Solo({ voters: 5, term: 3, log: [1, 2], commit: 1 })
  solo.live(400)
  for (const n of [2, 3])
    solo.from(n, { kind: 'preVoteAnswer', value: { term: 4, storage: n, granted: true } })
  for (const n of [2, 3])
    solo.from(n, { kind: 'voteAnswer', value: { term: 4, storage: n, granted: true } })
  assert.equal(solo.status.role, 'leader')
  solo.accepted(2, 2)
  solo.accepted(3, 2)
  assert.equal(solo.status.commit, 1, 'S5 could still win and overwrite it')
  solo.accepted(2, 3)
  solo.accepted(3, 3)
  assert.equal(solo.status.commit, 3, 'with an entry of its own term, both are safe')
})

test('logs meet in a step a term, not an entry', () => {
  const solo = new Solo({ term: 9, log: [...Array(50).fill(2), ...Array(50).fill(7)] })
  solo.append(2, { term: 9, prevIndex: 90, prevTerm: 5, terms: [9] })
  const refusal = solo.take('appendAnswer')[0]?.value
  assert.equal(refusal?.hintIndex, 50)
  assert.equal(refusal?.hintTerm, 2)
})

test('the window bounds what is on its way to a peer, and opens with its answers', () => {
  const solo = new Solo({
    limits: { inflightAppendsMax: 3, appendBytesMax: 100, inflightBytesMax: 10_000 },
  })
  solo.lead()
  solo.accepted(2, 1)
  solo.sent.length = 0
  for (let i = 0; i < 10; i++) solo.raft.propose(proposals(1, 60), solo.now)
  solo.pump()
  const toSecond = () => solo.take('append').filter(({ to }) => to === peer(2)).length
  assert.equal(toSecond(), 3)
  solo.accepted(2, 2)
  assert.equal(toSecond(), 1)
  solo.accepted(2, 5)
  assert.equal(toSecond(), 3)
})

test('a window whose appends were all lost opens again', () => {
  const cluster = new Cluster({ seed: 3, nodes: 3, limits: { inflightAppendsMax: 2 } })
  cluster.startAll()
  cluster.run(1_000)
  const leader = cluster.leader!
  const slow = cluster.hosts.find((host) => host !== leader)!
  cluster.intercept = (_from, to, frame) => !(to === slow.id && frame.kind === 'append')
  for (let i = 0; i < 20; i++) {
    cluster.propose(leader, `lost ${i}`)
    cluster.run(5)
  }
  cluster.intercept = () => true
  assert.ok(cluster.runUntil(() => slow.machine.index === leader.machine.index, 1_000))
})

test('what is on a broken link is sent again from where the peer stands', () => {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 1)
  solo.raft.propose(proposals(1), solo.now)
  solo.pump()
  solo.sent.length = 0
  solo.raft.unreachable(peer(2), solo.now)
  solo.pump()
  const [again] = solo.take('append')
  assert.deepEqual(
    [again?.to, again?.value.prevIndex, again?.value.entries.length],
    [peer(2), 1, 1],
  )
})

test('a new link is tried at once, without waiting for a heartbeat', () => {
  const solo = new Solo()
  solo.lead()
  solo.accepted(2, 1)
  solo.raft.unreachable(peer(2), solo.now)
  solo.pump()
  solo.sent.length = 0
  solo.raft.reachable(peer(2), solo.now)
  solo.pump()
  assert.deepEqual(
    solo.take('append').map(({ to }) => to),
    [peer(2)],
  )
})

test('proposals are refused with a reason that says what to do', () => {
  const solo = new Solo({
    limits: {
      backlogBytesMax: 1_000,
      logBytesSoft: 2_000,
      logBytesHard: 2_000,
      logBytesMax: 3_000,
      logTailBytes: 10,
    },
  })
  const propose = (count: number, bytes: number) => {
    const outcome = solo.raft.propose(proposals(count, bytes), solo.now)
    solo.pump()
    return outcome.ok || outcome.reason
  }
  assert.equal(propose(1, 1), 'notLeader')
  solo.lead()
  assert.equal(propose(1, 1024 * 1024), 'tooLarge')
  assert.equal(propose(1, 600), true)
  assert.equal(propose(1, 600), 'backlogFull')
  assert.equal(propose(1, 100), true)
  solo.accepted(2, 3)
  assert.equal(solo.status.backlogBytes, 0)
  assert.equal(propose(1, 900), true)
  solo.accepted(2, 4)
  assert.equal(propose(1, 1_200), 'logFull')
  assert.ok(
    solo.events.some(({ kind }) => kind === 'snapshotDue') === solo.status.logBytes >= 2_000,
  )
})

test('a follower names the leader to whom a proposal belongs', () => {
  const solo = new Solo({ term: 1 })
  solo.append(2, { term: 1, prevIndex: 0, prevTerm: 0 })
  const outcome = solo.raft.propose(proposals(1), solo.now)
  assert.deepEqual(outcome, { ok: false, reason: 'notLeader', leader: peer(2) })
})

test('client and serial travel with the entry, unread', () => {
  const cluster = new Cluster({ seed: 4, nodes: 3 })
  const seen: string[] = []
  cluster.observe = (_host, ready) => {
    for (const apply of ready.apply)
      if (apply.kind === 'entries')
        for (const e of apply.entries)
          if (e.kind === entryKind.normal) seen.push(`${e.client} ${e.serial}`)
  }
  cluster.startAll()
  cluster.run(1_000)
  cluster.propose(cluster.leader!, 'x', 'client 7')
  cluster.run(500)
  assert.deepEqual(seen, Array(3).fill('client 7 1'))
})

test('a late confirmation never vouches for an entry that was rewritten (defect 24)', () => {
  const solo = new Solo({ term: 1 })
  solo.quickDisk = false
  solo.append(2, { term: 1, prevIndex: 0, prevTerm: 0, terms: [1, 1, 1] })
  solo.append(3, { term: 2, prevIndex: 1, prevTerm: 1, terms: [2] })
  solo.append(2, { term: 3, prevIndex: 1, prevTerm: 1, terms: [3, 3], commit: 3 })
  const [first, ...rest] = solo.writes
  assert.equal(rest.length, 2)
  solo.raft.persisted(first!.number, solo.now)
  solo.pump()
  assert.equal(solo.status.persisted, 1)
  assert.equal(solo.applied.length, 1)
})

test('two leaders in one term, or terms that go back, are told and not followed', () => {
  const solo = new Solo({ term: 1, log: [1] })
  solo.append(2, { term: 1, prevIndex: 1, prevTerm: 1 })
  solo.append(3, { term: 1, prevIndex: 1, prevTerm: 1, terms: [1] })
  assert.equal(solo.status.lastIndex, 1)
  solo.append(2, { term: 2, prevIndex: 1, prevTerm: 1, terms: [2, 1] })
  assert.equal(solo.status.lastIndex, 1)
  const told = solo.events.flatMap((e) => (e.kind === 'misbehaviour' ? [e.what] : []))
  assert.deepEqual(told, ['twoLeaders', 'malformedAppend'])
})

test('an append that contradicts what is committed is told as divergence, and never obeyed', () => {
  const solo = new Solo({ term: 1, log: [1, 1], commit: 2 })
  solo.append(2, { term: 2, prevIndex: 0, prevTerm: 0, terms: [2, 2, 2] })
  assert.equal(solo.status.lastIndex, 2)
  assert.ok(solo.events.some((e) => e.kind === 'misbehaviour' && e.what === 'divergence'))
})

test('a follower that has fallen silent is told the commit index when it returns, without new entries', () => {
  const cluster = new Cluster({ seed: 12, nodes: 3 })
  cluster.startAll()
  cluster.run(1_000)
  const follower = cluster.hosts.find((host) => !host.leads)!
  cluster.propose(cluster.leader!, 'x')
  cluster.run(200)
  cluster.crash(follower)
  follower.disk.hardState = { ...follower.disk.hardState, commit: 0 }
  cluster.start(follower)
  assert.ok(cluster.runUntil(() => follower.machine.index === cluster.leader!.machine.index, 500))
})
