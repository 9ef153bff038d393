/** Defects of the log, its copies and its commit index. */
import type { Defect } from './mutant.ts'

const follower = 'protocol/consensus/follower.ts'
const leadership = 'protocol/consensus/leadership.ts'
const replication = 'protocol/consensus/replication.ts'
const log = 'protocol/consensus/log.ts'
const store = 'agent/consensus/store.ts'

const accepted = `    this.node.outbox.sendAfterLog(from, {
      kind: 'appendAnswer',`
const cutsShort = '    if (known === entries.length) return true'

export const replicationDefects: readonly Defect[] = [
  {
    number: 2,
    title: 'A log entry is acknowledged before it is synced',
    mutants: [
      {
        name: '2a',
        change: 'a follower acknowledges what it has in memory',
        edits: [{ file: follower, find: accepted, replace: accepted.replace('AfterLog', 'Now') }],
        harness: 'mesh',
      },
      {
        name: '2b',
        change: 'a leader counts its own entries before they are on its disk',
        edits: [
          {
            file: leadership,
            find: 'voter === id ? log.persisted :',
            replace: 'voter === id ? log.lastIndex :',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '2c',
        change: 'writes are confirmed when they are written, and never synced',
        edits: [
          {
            file: store,
            find: '    await this.disk.write(ops, { durable: write.sync })',
            replace: '    await this.disk.write(ops, { durable: false })',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 3,
    title: 'A leader commits an entry of an earlier term by counting replicas (figure 8)',
    mutants: [
      {
        name: '3',
        change: 'the term of the entry that a quorum holds is not asked for',
        edits: [
          {
            file: leadership,
            find: 'if (index > log.commit && log.termAt(index) === term)',
            replace: 'if (index > log.commit)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 6,
    title: 'A follower truncates on every append, not only on conflict',
    mutants: [
      {
        name: '6a',
        change: 'what follows the entries of an append is cut off, though it may be newer',
        edits: [
          {
            file: follower,
            find: cutsShort,
            replace: `    if (known === entries.length) {
      if (prevIndex + known < log.lastIndex) node.truncateFrom(prevIndex + known + 1)
      return true
    }`,
          },
        ],
        harness: 'mesh',
      },
      {
        name: '6b',
        change: 'the same, but for what is known to be committed',
        edits: [
          {
            file: follower,
            find: cutsShort,
            replace: `    if (known === entries.length) {
      const end = Math.max(prevIndex + known, log.commit)
      if (end < log.lastIndex) node.truncateFrom(end + 1)
      return true
    }`,
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 7,
    title: 'matchIndex is raised from what was sent, not from what was acknowledged',
    mutants: [
      {
        name: '7',
        change: 'a peer is taken to hold what has just been sent to it',
        edits: [
          {
            file: replication,
            find: '      peer.next += made.count',
            replace: '      peer.next += made.count\n      peer.match = peer.next - 1',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 8,
    title: 'The commit index advances on a rejection',
    mutants: [
      {
        name: '8',
        change: 'a refused append counts as acknowledged up to where it was to begin',
        edits: [
          {
            file: replication,
            find: '      this.refused(peer, answer)',
            replace: '      this.refused(peer, answer)\n      peer.acknowledged(answer.index)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 9,
    title: "The follower's commit index is not capped at the last entry it verified",
    mutants: [
      {
        name: '9',
        change: 'what the leader has committed is believed as far as the own log reaches',
        edits: [
          {
            file: follower,
            find: 'const known = Math.min(commit, this.verified)',
            replace: 'const known = Math.min(commit, log.lastIndex)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 24,
    title: 'An old acknowledgement counts for a rewritten entry (ABA)',
    mutants: [
      {
        name: '24a',
        change: 'a write confirms entries that were truncated and rewritten since',
        edits: [
          {
            file: log,
            find: '    for (const write of this.writes) write.upTo = Math.min(write.upTo, index - 1)\n',
            replace: '',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '24b',
        change: 'what was persisted is not taken back when it is truncated',
        edits: [
          {
            file: log,
            find: '    this.persisted = Math.min(this.persisted, index - 1)\n',
            replace: '',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 25,
    title: 'The commit index goes backwards after a restart',
    mutants: [
      {
        name: '25',
        change: 'a host that starts does not believe the commit index on its disk',
        edits: [
          {
            file: log,
            find: 'this.commitTo(Math.min(Math.max(commit, snapshot.index), this.lastIndex))',
            replace: 'this.commitTo(Math.min(snapshot.index, commit, this.lastIndex))',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
