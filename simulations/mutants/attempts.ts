/** Defects of attempts: what is sent, begun, told and forgotten, and whose word counts. */
import type { Defect } from './mutant.ts'

const endings = 'protocol/ledger/commands/work-endings.ts'
const attempts = 'coordinator/scheduler/core/attempts.ts'
const execution = 'agent/work/execution.ts'

export const attemptDefects: readonly Defect[] = [
  {
    number: 27,
    title: 'An assignment is sent before it is committed',
    mutants: [
      {
        name: '27',
        change: 'the leader sends an assignment before it is committed',
        edits: [
          {
            file: 'coordinator/scheduler/leading.ts',
            find: '    this.inFlight.push(flight)\n',
            replace: `    this.inFlight.push(flight)
    const next = { term: this.parts.leadership.term, index: agent.ledger.state.index + 1 }
    this.perform(this.scheduler.settled(turn, next, [], this.now()))
`,
          },
          {
            file: 'coordinator/scheduler/leading.ts',
            find: '      this.perform(this.scheduler.settled(turn, fence, dropped, this.now()))\n',
            replace:
              '      if (turn.items.length < dropped.length) return this.broken(String(fence))\n',
          },
        ],
        harness: 'work',
      },
    ],
  },
  {
    number: 28,
    title: 'The word of an attempt whose fence has passed is taken',
    mutants: [
      {
        name: '28',
        change: 'leader and ledger look at the unit of a report, and not at its fence',
        edits: [
          {
            file: attempts,
            find: "  if (order !== 0) return order < 0 ? 'stale' : 'later'\n",
            replace: "  if (order > 0) return 'later'\n",
          },
          {
            file: 'coordinator/scheduler/core/scheduler.ts',
            find: 'if (unit?.state === unitStates.assigned && unit.node === node) {',
            replace: 'if (unit?.state === unitStates.assigned) {',
          },
          {
            file: endings,
            find: 'if (held.attempt !== attempt || held.fence?.term !== term || held.fence.index !== index) {',
            replace: 'if (held.attempt < attempt || term + index < 0) {',
          },
        ],
        harness: 'work',
      },
    ],
  },
  {
    number: 29,
    title: 'A result is forgotten before it is committed',
    mutants: [
      {
        name: '29a',
        change: 'a result is told once, and not again until it is committed',
        edits: [
          {
            file: 'agent/work/reports.ts',
            find: '    for (const held of this.#outbox) {\n      if (held.repeatAtMs > now) continue',
            replace:
              '    for (const held of this.#outbox) {\n      if (held.repeatAtMs > now || held.told > 0) continue',
          },
        ],
        harness: 'work',
      },
      {
        name: '29b',
        change: 'an agent forgets a result when it has told it',
        edits: [
          {
            file: execution,
            find: '    if (held.unwanted) this.#forget(held)\n    else this.#parts.reports.sayResult(held)',
            replace: '    this.#parts.reports.sayResult(held)\n    this.#forget(held)',
          },
        ],
        harness: 'work',
      },
      {
        name: '29c',
        change: 'results of an earlier life are known, and not told after a restart',
        edits: [
          {
            file: execution,
            find: '        this.#parts.register.add(held)\n        this.#parts.reports.sayResult(held)\n        continue',
            replace: '        this.#parts.register.add(held)\n        continue',
          },
        ],
        harness: 'work',
      },
    ],
  },
  {
    number: 30,
    title: 'Two attempts of one stage are alive',
    mutants: [
      {
        name: '30a',
        change: 'a new leader has done again what agents still do',
        edits: [
          {
            file: 'coordinator/scheduler/core/inventory.ts',
            find: '    const isWanted = unit?.fence !== undefined && sameFence(unit.fence, fence)',
            replace: '    const isWanted = unit?.fence !== undefined && core.nowMs < 0',
          },
        ],
        harness: 'work',
      },
      {
        name: '30b',
        change: 'an agent begins again what an earlier life had begun',
        edits: [
          {
            file: 'agent/work/life.ts',
            find: "    else this.#end(lost('what it had started is gone'))\n",
            replace: '    else await this.start()\n',
          },
        ],
        harness: 'work',
      },
    ],
  },
  {
    number: 31,
    title: 'A stage is told as stopped while something of it is alive',
    mutants: [
      {
        name: '31',
        change: 'a stage is told as stopped as soon as it was asked to stop',
        edits: [
          {
            file: 'agent/work/life.ts',
            find: '    step.askToEnd()\n',
            replace: '    step.askToEnd()\n    this.#end(givenUp)\n',
          },
          {
            file: 'agent/work/life.ts',
            find: '  #end(end: StepEnd): void {\n',
            replace: '  #end(end: StepEnd): void {\n    if (this.#stop && !this.#step) return\n',
          },
        ],
        harness: 'work',
      },
    ],
  },
]
