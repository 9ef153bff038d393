/** Defects of changes of who decides. */
import type { Defect } from './mutant.ts'

const config = 'protocol/consensus/config.ts'
const quorum = 'protocol/consensus/quorum.ts'
const leadership = 'protocol/consensus/leadership.ts'
const proposing = 'protocol/consensus/proposing.ts'

export const configurations: readonly Defect[] = [
  {
    number: 10,
    title: 'The wrong quorum during a configuration change',
    mutants: [
      {
        name: '10a',
        change: 'in a joint configuration the voters to be decide alone',
        edits: [
          {
            file: quorum,
            find: 'return this.outgoing.size === 0 ? now : Math.min(now, this.reachedBy(this.outgoing, reachedOf))',
            replace: 'return now',
          },
          {
            file: quorum,
            find: "if (this.outgoing.size === 0 || now === 'lost') return now",
            replace: 'return now',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '10b',
        change: 'several voters change at once, without a joint configuration in between',
        edits: [
          {
            file: config,
            find: 'return { voters, outgoing: moved <= 1 ? [] : current.voters, learners }',
            replace: 'return { voters, outgoing: [], learners }',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '10c',
        change: 'half of an even number is taken for a majority',
        edits: [
          {
            file: quorum,
            find: 'return Math.floor(size / 2) + 1',
            replace: 'return Math.ceil(size / 2)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 11,
    title: "A second change before an entry of the leader's own term is committed",
    mutants: [
      {
        name: '11a',
        change: 'a leader changes the configuration before it has committed in its term',
        edits: [
          {
            file: proposing,
            find: 'if (config.joint || log.commit < config.index || !leadership.hasCommittedInTerm)',
            replace: 'if (config.joint || log.commit < config.index)',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '11b',
        change: 'a change is begun while the one before is not committed',
        edits: [
          {
            file: proposing,
            find: 'if (config.joint || log.commit < config.index || !leadership.hasCommittedInTerm)',
            replace: 'if (config.joint || !leadership.hasCommittedInTerm)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 12,
    title: 'A removed node is still counted, or a node retires before its removal is committed',
    mutants: [
      {
        name: '12a',
        change: 'the leader counts everybody to whom it speaks, voter or not, towards a majority',
        edits: [
          {
            file: leadership,
            find: '    const index = config.quorum.reached(this.heldBy)\n',
            replace: `    const held = [log.persisted, ...[...this.peers.values()].map(({ match }) => match)]
    held.sort((a, b) => b - a)
    const index = held[Math.floor(config.quorum.voters.size / 2)] ?? 0
`,
          },
        ],
        harness: 'mesh',
      },
      {
        name: '12b',
        change: 'a leader that removes itself leaves before that is committed',
        edits: [
          {
            file: leadership,
            find: '    if (log.commit < config.index || !this.hasCommittedInTerm) return\n',
            replace:
              "    if (!config.isStayingVoter(node.id)) this.over = 'removed'\n    if (log.commit < config.index || !this.hasCommittedInTerm) return\n",
          },
        ],
        harness: 'mesh',
      },
      {
        name: '12c',
        change: 'a voter retires as soon as the latest configuration in its log lacks it',
        edits: [
          {
            file: config,
            find: '    const from = this.held.indexOf(this.at(commit))\n    for (let i = this.held.length - 1; i >= from; i--) {',
            replace:
              '    const from = Math.max(this.held.length - 1, this.held.indexOf(this.at(commit)))\n    for (let i = this.held.length - 1; i >= from; i--) {',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '12d',
        change: 'votes of everybody count, those of the removed included',
        edits: [
          {
            file: quorum,
            find: '  for (const id of half.ids) {\n    const vote = votes.get(id)',
            replace:
              '  for (const id of new Set([...half.ids, ...votes.keys()])) {\n    const vote = votes.get(id)',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
