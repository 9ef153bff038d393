import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log } from '../../protocol/consensus/log.ts'
import { type Config, entryKind, type SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { Cluster } from '../../simulations/consensus/cluster.ts'
import type { Host } from '../../simulations/consensus/host.ts'
import { checksumOf } from '../../simulations/consensus/machine.ts'
import { entry, peer, Solo } from './solo.ts'

const small = {
  logBytesSoft: 1_500,
  logBytesHard: 3_000,
  logTailBytes: 200,
  snapshotChunkBytes: 16,
  snapshotChunksInflightMax: 2,
}

/** Three voters, of which the last was away while the others worked and took snapshots. */
function behind(seed = 1, weather = {}): { cluster: Cluster; leader: Host; away: Host } {
  const cluster = new Cluster({ seed, nodes: 3, limits: small, weather })
  cluster.startAll()
  cluster.run(1_500)
  const leader = cluster.leader!
  const away = cluster.hosts.find((host) => host !== leader)!
  cluster.crash(away)
  for (let i = 0; i < 100; i++) {
    cluster.propose(leader, `${i}`)
    cluster.run(5)
  }
  return { cluster, leader, away }
}

const hasCaughtUp = (cluster: Cluster, away: Host) => () =>
  away.machine.digest === cluster.leader?.machine.digest

test('the log is compacted when it is large, and keeps a tail', () => {
  const { leader } = behind()
  const { firstIndex, snapshotIndex, logBytes } = leader.raft!.status()
  assert.ok(snapshotIndex > 50)
  assert.ok(firstIndex > 1 && firstIndex <= snapshotIndex)
  assert.ok(logBytes < 3_000)
})

test('a voter that needs what is gone gets the snapshot in chunks, then entries', () => {
  const { cluster, away } = behind()
  let chunks = 0
  cluster.intercept = (_from, _to, frame) => {
    if (frame.kind === 'snapshotChunk') chunks++
    return true
  }
  cluster.start(away)
  assert.ok(cluster.runUntil(hasCaughtUp(cluster, away), 3_000))
  assert.ok(chunks >= 2)
  assert.ok(away.disk.snapshot.index > 0)
})

test('lost chunks are sent again, doubled ones taken once', () => {
  for (let seed = 0; seed < 10; seed++) {
    const { cluster, away } = behind(seed)
    cluster.wires.weather = { ...cluster.wires.weather, loss: 0.2, doubling: 0.3, delayMaxMs: 20 }
    cluster.start(away)
    assert.ok(cluster.runUntil(hasCaughtUp(cluster, away), 10_000), `seed ${seed}`)
  }
})

test('never more chunks are on their way than the window holds', () => {
  const { cluster, away } = behind()
  let out = 0
  let most = 0
  cluster.intercept = (_from, _to, frame) => {
    if (frame.kind === 'snapshotChunk') most = Math.max(most, ++out)
    if (frame.kind === 'chunkAnswer') out--
    return true
  }
  cluster.start(away)
  cluster.runUntil(hasCaughtUp(cluster, away), 3_000)
  assert.equal(most, 2)
})

test('a transfer goes on where it stopped when the leader changes, if the snapshot is the same', () => {
  const solo = new Solo({ term: 1 })
  const data = Buffer.from('the whole state')
  const snapshot = metaOf(data, 9)
  chunk(solo, 2, 1, snapshot, 0, data.subarray(0, 5))
  assert.equal(solo.take('chunkAnswer').at(-1)?.value.nextOffset, 5)
  chunk(solo, 3, 2, snapshot, 0, data.subarray(0, 5))
  assert.equal(solo.take('chunkAnswer').at(-1)?.value.nextOffset, 5)
  chunk(solo, 3, 2, snapshot, 5, data.subarray(5))
  assert.equal(solo.take('appendAnswer').at(-1)?.value.index, 9)
  assert.equal(solo.status.commit, 9)
})

test('a newer snapshot takes the place of the one on its way', () => {
  const { cluster, leader, away } = behind()
  cluster.intercept = (_from, _to, frame) =>
    frame.kind !== 'snapshotChunk' || frame.value.offset === 0
  cluster.start(away)
  cluster.run(300)
  const before = leader.raft!.status().snapshotIndex
  for (let i = 0; i < 100; i++) {
    cluster.propose(leader, `more ${i}`)
    cluster.run(5)
  }
  assert.ok(leader.raft!.status().snapshotIndex > before)
  cluster.intercept = () => true
  assert.ok(cluster.runUntil(hasCaughtUp(cluster, away), 3_000))
})

test('a snapshot that does not match its checksum is not installed', () => {
  const solo = new Solo({ term: 1 })
  const data = Buffer.from('the whole state')
  const snapshot = { ...metaOf(data, 9), checksum: checksumOf(Buffer.from('another')) }
  chunk(solo, 2, 1, snapshot, 0, data)
  assert.equal(solo.status.commit, 0)
  assert.ok(solo.events.some(({ kind }) => kind === 'snapshotRefused'))
  assert.deepEqual(
    solo.take('chunkAnswer').map(({ value }) => [value.nextOffset, value.gap]),
    [[0, true]],
  )
})

test('a snapshot never replaces a newer state, nor entries that it only covers (defect 17)', () => {
  const data = Buffer.from('old')
  const solo = new Solo({ term: 1, log: [1, 1, 1, 1], commit: 3 })
  chunk(solo, 2, 1, metaOf(data, 2), 0, data)
  assert.equal(solo.take('appendAnswer').at(-1)?.value.index, 3)
  chunk(solo, 2, 1, metaOf(data, 4), 0, data)
  assert.equal(solo.status.lastIndex, 4)
  assert.equal(solo.status.commit, 4)
  assert.equal(solo.status.firstIndex, 1)
})

test('a snapshot brings its configuration with it (defect 17)', () => {
  const solo = new Solo({ term: 1 })
  const data = Buffer.from('state')
  const config: Config = {
    voters: [{ id: peer(8), storage: 8 }],
    outgoing: [],
    learners: [{ id: peer(1), storage: 1 }],
  }
  chunk(solo, 2, 1, { ...metaOf(data, 9), config }, 0, data)
  assert.deepEqual(solo.status.config, config)
  assert.equal(solo.status.configIndex, 9)
  assert.equal(solo.raft.wakeAtMs, Number.POSITIVE_INFINITY, 'and it is no voter any more')
})

test('an installed snapshot is acknowledged and applied when it is on the disk', () => {
  const solo = new Solo({ term: 1 })
  solo.quickDisk = false
  const data = Buffer.from('state')
  chunk(solo, 2, 1, metaOf(data, 9), 0, data)
  assert.deepEqual(solo.take('appendAnswer'), [])
  assert.equal(solo.writes[0]?.snapshot?.index, 9)
  assert.equal(solo.status.handedOut, 0)
  solo.confirm()
  assert.equal(solo.take('appendAnswer')[0]?.value.index, 9)
  assert.equal(solo.status.handedOut, 9)
})

test('a snapshot of an earlier term’s leader is not taken, nor its answer (defect 26)', () => {
  const solo = new Solo({ term: 5 })
  const data = Buffer.from('state')
  chunk(solo, 2, 4, metaOf(data, 9), 0, data)
  assert.equal(solo.status.commit, 0)
  const leader = new Solo({ term: 5 })
  leader.lead()
  leader.from(2, {
    kind: 'chunkAnswer',
    value: { term: 5, storage: 2, snapshotIndex: 0, nextOffset: 9, gap: false },
  })
  assert.equal(leader.status.peers[0]?.state, 'probe')
})

/** A leader whose second peer needs the snapshot of the first thirty entries, in four-byte chunks. */
function sending(): Solo {
  const solo = new Solo({
    limits: { ...small, logTailBytes: 1, snapshotChunkBytes: 4, snapshotChunksInflightMax: 2 },
  })
  solo.lead()
  solo.accepted(2, 1)
  for (let i = 2; i <= 30; i++) {
    solo.raft.propose([{ data: Buffer.from(`${i}`) }], solo.now)
    solo.pump()
    solo.accepted(2, i)
  }
  const data = Buffer.from('twenty bytes of state')
  const position = solo.raft.snapshotPosition(30)
  solo.raft.snapshotTaken({ ...metaOf(data, 30), ...position! })
  refuseFromStart(solo, 3)
  return solo
}

function refuseFromStart(solo: Solo, n: number): void {
  const { term } = solo.status
  solo.from(n, {
    kind: 'appendAnswer',
    value: { term, storage: n, accepted: false, index: 0, hintIndex: 0, hintTerm: 0, lost: false },
  })
  solo.heard(n, 1)
}

function chunkAnswered(
  solo: Solo,
  snapshotIndex: number,
  nextOffset: number,
  gap: boolean,
): number[] {
  const { term } = solo.status
  solo.chunks.length = 0
  const value = { term, storage: 3, snapshotIndex, nextOffset, gap }
  solo.from(3, { kind: 'chunkAnswer', value })
  return solo.chunks.map(({ offset }) => offset)
}

test('chunks follow their answers; an answer to another snapshot moves nothing (defect 26)', () => {
  const solo = sending()
  assert.equal(solo.status.peers[1]?.state, 'snapshot')
  assert.deepEqual(
    solo.chunks.map(({ offset }) => offset),
    [0, 4],
  )
  assert.deepEqual(chunkAnswered(solo, 29, 8, false), [])
  assert.deepEqual(chunkAnswered(solo, 30, 4, false), [8])
})

test('a receiver that has forgotten what it acknowledged is sent it again', () => {
  const solo = sending()
  assert.deepEqual(chunkAnswered(solo, 30, 8, false), [8, 12])
  assert.deepEqual(chunkAnswered(solo, 30, 0, true), [0, 4])
  // Every chunk that was on its way is answered so; once is enough.
  assert.deepEqual(chunkAnswered(solo, 30, 0, true), [])
})

test('indices are the same before and after compaction (defect 18)', () => {
  const none: Config = { voters: [], outgoing: [], learners: [] }
  const meta = (index: number, term: number): SnapshotMeta => ({
    index,
    term,
    config: none,
    bytes: 0,
    checksum: '',
  })
  const terms = [1, 1, 2, 2, 2, 5, 5, 6]
  for (let at = 1; at <= terms.length; at++)
    for (const tail of [0, 60, 10_000]) {
      const log = new Log(
        meta(0, 0),
        terms.map((t, i) => entry(t, `${i + 1}`)),
        terms.length,
      )
      log.compact(meta(at, terms[at - 1]!), tail)
      assert.equal(log.lastIndex, 8)
      assert.ok(log.firstIndex <= at + 1)
      for (let i = log.firstIndex - 1; i <= 8; i++)
        assert.equal(log.termAt(i), i === 0 ? 0 : terms[i - 1])
      for (let i = log.firstIndex; i <= 8; i++)
        assert.equal(Buffer.from(log.slice(i, 8, 1, 1)[0]!.data).toString(), `${i}`)
      for (let i = log.firstIndex - 1; i <= 8; i++)
        for (let term = log.termAt(log.firstIndex - 1)!; term <= 7; term++) {
          const dumb = [...terms.keys()]
            .map((k) => k + 1)
            .findLast((k) => k <= i && terms[k - 1]! <= term)
          const found = log.lastWithin(i, term).index
          assert.equal(found, Math.max(dumb ?? 0, log.firstIndex - 1), `${i} ${term}`)
        }
    }
})

test('a node that has seen no configuration describes no snapshot', () => {
  const cluster = new Cluster({ seed: 1, nodes: 2, founders: 1 })
  cluster.startAll()
  cluster.run(1_000)
  assert.equal(cluster.host(2).raft!.snapshotPosition(0), undefined)
})

test('a full log asks for a snapshot again, while the first request is let go', () => {
  const solo = new Solo({ voters: 1, limits: { ...small, logBytesMax: 100_000 } })
  solo.live(400)
  for (let i = 0; i < 100; i++) {
    solo.raft.propose([{ data: new Uint8Array(50) }], solo.now)
    solo.pump()
  }
  assert.ok(solo.events.filter(({ kind }) => kind === 'snapshotDue').length > 5)
  assert.equal(solo.applied.filter(({ kind }) => kind === entryKind.normal).length, 100)
})

function metaOf(data: Uint8Array, index: number): SnapshotMeta {
  const voters = [1, 2, 3].map((n) => ({ id: peer(n), storage: n }))
  return {
    index,
    term: 1,
    config: { voters, outgoing: [], learners: [] },
    bytes: data.length,
    checksum: checksumOf(data),
  }
}

function chunk(
  solo: Solo,
  n: number,
  term: number,
  snapshot: SnapshotMeta,
  offset: number,
  data: Uint8Array,
): void {
  solo.from(n, { kind: 'snapshotChunk', value: { term, snapshot, offset, data } })
}
