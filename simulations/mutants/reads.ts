/** Defects of reads, and of what is applied. */
import type { Defect } from './mutant.ts'

const leaderReads = 'protocol/consensus/leader-reads.ts'
const heartbeats = 'protocol/consensus/heartbeats.ts'
const outbox = 'protocol/consensus/outbox.ts'
const sessions = 'protocol/ledger/commands/sessions.ts'

export const reads: readonly Defect[] = [
  {
    number: 15,
    title: 'A deposed leader answers a read without a quorum check or a valid lease',
    mutants: [
      {
        name: '15a',
        change: 'a leader answers without asking whether it still leads',
        edits: [
          {
            file: leaderReads,
            find: 'if (batch === undefined || this.heartbeats.roundReached() < batch.round) return',
            replace: 'if (batch === undefined) return',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '15b',
        change: 'an answer to any earlier round confirms a read',
        edits: [
          {
            file: leaderReads,
            find: 'this.heartbeats.roundReached() < batch.round',
            replace: 'this.heartbeats.roundReached() < 1',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '15c',
        change: 'a new leader answers before anything of its term is committed',
        edits: [
          {
            file: 'protocol/consensus/leadership.ts',
            find: 'if (this.hasCommittedInTerm) this.reads.begin()',
            replace: 'this.reads.begin()',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '15d',
        change: 'a read is answered before its index is applied',
        edits: [
          {
            file: outbox,
            find: `    const due = this.confirmedReads.filter(({ index }) => index <= appliedIndex)
    if (due.length > 0)
      this.confirmedReads = this.confirmedReads.filter(({ index }) => index > appliedIndex)
`,
            replace: `    const due = this.confirmedReads
    this.confirmedReads = []
`,
          },
          {
            file: 'agent/ledger/reading.ts',
            find: 'while (standing.state.index < index)',
            replace: 'while (standing.state.index < 0)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 16,
    title: 'A lease that ignores clock drift',
    notByMesh: 'agents never read under a lease',
    mutants: [
      {
        name: '16',
        change: 'a lease lasts as long as if all clocks ran alike',
        edits: [
          {
            file: heartbeats,
            find: 'return heardMs + (electionMs * (1 - clockDriftMax)) / (1 + clockDriftMax)',
            replace: 'return heardMs + electionMs * (clockDriftMax < 0 ? 0 : 1)',
          },
        ],
        harness: 'voters',
      },
    ],
  },
  {
    number: 19,
    title: 'A retried proposal is applied twice',
    mutants: [
      {
        name: '19a',
        change: 'answers are not remembered',
        edits: [
          {
            file: sessions,
            find: "if (reply !== undefined) return { kind: 'repeated', result: reply }",
            replace:
              "if (reply !== undefined && serial === 0) return { kind: 'repeated', result: reply }",
          },
        ],
        harness: 'mesh',
      },
      {
        name: '19b',
        change: 'a command that may have been proposed is proposed again by itself',
        edits: [
          {
            file: 'agent/ledger/appending.ts',
            find: "      if (appended.kind !== 'refused' || appended.why !== 'notLeader') return appended",
            replace:
              "      if (appended.kind === 'applied') return appended\n      if (appended.kind === 'refused' && appended.why !== 'notLeader') return appended\n      if (appended.kind === 'unknown') {\n        hint = undefined\n        await rest(clock, ledgerLimits.leaderRetryMs)\n        continue\n      }",
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
