/** Defects of votes and terms. */
import type { Defect } from './mutant.ts'

const ballot = 'protocol/consensus/ballot.ts'
const node = 'protocol/consensus/node.ts'
const log = 'protocol/consensus/log.ts'
const inbox = 'protocol/consensus/inbox.ts'
const outbox = 'protocol/consensus/outbox.ts'
const store = 'agent/consensus/store.ts'

const granted = "node.outbox.sendAfterLog(from, { kind: 'voteAnswer', value })"
const upToDate =
  'const granted = mayVote && node.isUpToDate({ index: ask.lastIndex, term: ask.lastTerm })'

export const elections: readonly Defect[] = [
  {
    number: 1,
    title: 'A vote or a term is answered before it is persisted',
    mutants: [
      {
        name: '1a',
        change: 'a vote that is given is sent at once, not after its write',
        edits: [{ file: ballot, find: granted, replace: granted.replace('AfterLog', 'Now') }],
        harness: 'mesh',
      },
      {
        name: '1b',
        change: 'nothing waits for the write of its term or vote, requests of candidates included',
        edits: [
          {
            file: outbox,
            find: 'if (this.termWrite <= this.confirmed) this.send.push({ to, frame })',
            replace: 'if (this.termWrite <= this.nextWrite) this.send.push({ to, frame })',
          },
          {
            file: outbox,
            find: 'const after = Math.max(this.termWrite, this.logWrite)',
            replace: "const after = frame.kind === 'voteAnswer' ? this.termWrite : this.logWrite",
          },
        ],
        harness: 'mesh',
      },
      {
        name: '1c',
        change: 'a write of a term or a vote alone is not synced',
        edits: [
          {
            file: node,
            find: 'const sync = log.hasUnwritten || outbox.termIsUnwritten',
            replace: 'const sync = log.hasUnwritten',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 4,
    title: 'No up-to-date check when a vote is asked for',
    mutants: [
      {
        name: '4a',
        change: 'a vote is given whatever the log of the candidate holds, and so is a pre-vote',
        edits: [
          { file: ballot, find: upToDate, replace: 'const granted = mayVote' },
          {
            file: ballot,
            find: 'ask.term > node.term && node.isUpToDate({ index: ask.lastIndex, term: ask.lastTerm })',
            replace: 'ask.term > node.term',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '4b',
        change: 'the check compares terms and forgets lengths',
        edits: [
          {
            file: log,
            find: 'return a.term !== b.term ? a.term > b.term : a.index > b.index',
            replace: 'return a.term > b.term',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 5,
    title: 'The up-to-date check compares length before term',
    mutants: [
      {
        name: '5',
        change: 'a longer log is the further one, whatever its last term',
        edits: [
          {
            file: log,
            find: 'return a.term !== b.term ? a.term > b.term : a.index > b.index',
            replace: 'return a.index !== b.index ? a.index > b.index : a.term > b.term',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 14,
    title: 'Two votes in one term across a restart',
    mutants: [
      {
        name: '14a',
        change: 'the disk keeps the term and not the vote',
        edits: [
          {
            file: store,
            find: '...(vote === undefined ? {} : { vote }),',
            replace: '...(vote === undefined ? {} : {}),',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '14b',
        change: 'a host that starts has forgotten its vote',
        edits: [
          {
            file: node,
            find: 'this.vote = hardState.vote',
            replace: 'this.vote = undefined',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 13,
    title: 'A message of a stale term is accepted',
    mutants: [
      {
        name: '13a',
        change: 'answers of an earlier term count',
        edits: [
          {
            file: inbox,
            find: '  if (term < node.term) {',
            replace: "  if (term < node.term && !frame.kind.endsWith('Answer')) {",
          },
          {
            file: inbox,
            find: '  if (term === node.term) return true',
            replace: '  if (term <= node.term) return true',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '13b',
        change: 'what a leader of an earlier term says is heard',
        edits: [
          {
            file: inbox,
            find: '  if (term < node.term) {',
            replace:
              "  if (term < node.term && frame.kind !== 'append' && frame.kind !== 'heartbeat') {",
          },
          {
            file: inbox,
            find: '  if (term === node.term) return true',
            replace: '  if (term <= node.term) return true',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '13c',
        change: 'a vote given in an earlier term counts',
        edits: [
          {
            file: inbox,
            find: '  if (term < node.term) {',
            replace: "  if (term < node.term && frame.kind !== 'voteAnswer') {",
          },
          {
            file: inbox,
            find: '  if (term === node.term) return true',
            replace: '  if (term <= node.term) return true',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
