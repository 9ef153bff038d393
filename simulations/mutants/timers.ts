/** Defects of patience: who stands when, and who deposes whom. */
import type { Defect } from './mutant.ts'

const node = 'protocol/consensus/node.ts'
const office = 'protocol/consensus/office.ts'

export const timers: readonly Defect[] = [
  {
    number: 20,
    title: 'No pre-vote or check-quorum: a host that returns deposes a healthy leader',
    mutants: [
      {
        name: '20a',
        change: 'no pre-vote: whoever hears no leader enters the next term at once',
        edits: [
          {
            file: office,
            find: "this.stand('preCandidate', false, 'no leader heard')",
            replace: "this.stand('candidate', false, 'no leader heard')",
          },
        ],
        harness: 'mesh',
      },
      {
        name: '20b',
        change: 'whoever has a leader votes all the same',
        edits: [
          {
            file: office,
            find: "return this.role.kind === 'leader' || this.node.isBoundToLeader",
            replace: 'return false',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '20c',
        change: 'neither pre-vote nor loyalty',
        edits: [
          {
            file: office,
            find: "this.stand('preCandidate', false, 'no leader heard')",
            replace: "this.stand('candidate', false, 'no leader heard')",
          },
          {
            file: office,
            find: "return this.role.kind === 'leader' || this.node.isBoundToLeader",
            replace: 'return false',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '20d',
        change: 'a leader that hears no quorum leads on',
        edits: [
          {
            file: 'protocol/consensus/leadership.ts',
            find: 'if (!this.heartbeats.hearsQuorum() && node.nowMs >= this.graceUntilMs)',
            replace: 'if (node.nowMs < this.graceUntilMs - 1e12)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 21,
    title: 'An election timer without randomness',
    mutants: [
      {
        name: '21',
        change: 'everybody stands after the same time',
        edits: [
          {
            file: node,
            find: 'this.electionDueMs = this.nowMs + leastMs + leastMs * this.entropy.unit()',
            replace: 'this.electionDueMs = this.nowMs + leastMs + leastMs * 0.5',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
