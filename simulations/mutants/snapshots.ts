/** Defects of snapshots and compaction. */
import type { Defect } from './mutant.ts'

const receiver = 'protocol/consensus/snapshot-receiver.ts'
const sender = 'protocol/consensus/snapshot-sender.ts'
const inbox = 'protocol/consensus/inbox.ts'
const log = 'protocol/consensus/log.ts'
const store = 'agent/consensus/store.ts'
const look = 'agent/consensus/look.ts'

export const snapshots: readonly Defect[] = [
  {
    number: 17,
    title: 'A snapshot is installed over a newer log, or without its configuration',
    notByMesh: 'entries and snapshot have to overtake each other, and streams keep their order',
    mutants: [
      {
        name: '17a',
        change: 'a snapshot replaces a state that is newer',
        edits: [
          {
            file: receiver,
            find: 'if (snapshot.index <= log.commit) {',
            replace: 'if (snapshot.index <= 0) {',
          },
          {
            file: receiver,
            find: 'if (log.has(snapshot.index, snapshot.term)) {',
            replace: 'if (snapshot.index <= 0) {',
          },
          {
            file: receiver,
            find: "if (snapshot.index <= follower.verified) return node.misbehaved(from, 'divergence')\n",
            replace: '',
          },
          {
            file: log,
            find: "    assert(snapshot.index > this.commit, 'a snapshot never replaces a newer state')\n",
            replace: '',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '17b',
        change: 'a snapshot replaces entries after it that were acknowledged',
        edits: [
          {
            file: receiver,
            find: 'if (log.has(snapshot.index, snapshot.term)) {',
            replace: 'if (snapshot.index <= 0) {',
          },
          {
            file: receiver,
            find: "if (snapshot.index <= follower.verified) return node.misbehaved(from, 'divergence')\n",
            replace: '',
          },
        ],
        harness: 'voters',
      },
      {
        name: '17c',
        change: 'a snapshot is installed and its configuration is not',
        edits: [
          {
            file: receiver,
            find: '    node.configs.restore(snapshot.config, snapshot.index)\n',
            replace: '',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 18,
    title: 'The log index is off by one after compaction',
    mutants: [
      {
        name: '18a',
        change: 'compaction in memory keeps one entry more than it says',
        edits: [
          {
            file: log,
            find: '    this.entries.splice(0, base - this.base.index)',
            replace: '    this.entries.splice(0, Math.max(0, base - this.base.index - 1))',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '18b',
        change: 'the log is read from the disk one entry too early after a snapshot',
        edits: [
          {
            file: look,
            find: 'const covered = Math.max(0, snapshotIndex + 1 - name.firstIndex)',
            replace: 'const covered = Math.max(0, snapshotIndex - name.firstIndex)',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '18c',
        change: 'a snapshot takes the entry after it from the disk as well',
        edits: [
          {
            file: store,
            find: 'this.blocks.coverTo(snapshot.index)',
            replace: 'this.blocks.coverTo(snapshot.index + 1)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 26,
    title: 'An acknowledgement of a snapshot of an older term is accepted',
    mutants: [
      {
        name: '26a',
        change: 'answers to pieces of a snapshot count whatever their term, and for any snapshot',
        edits: [
          {
            file: inbox,
            find: '  if (term < node.term) {',
            replace: "  if (term < node.term && frame.kind !== 'chunkAnswer') {",
          },
          {
            file: inbox,
            find: '  if (term === node.term) return true',
            replace: '  if (term <= node.term) return true',
          },
          {
            file: sender,
            find: 'if (sending === undefined || sending.snapshot.index !== answer.snapshotIndex) return',
            replace: 'if (sending === undefined) return',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
