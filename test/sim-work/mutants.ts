/** Defects that would lose work or do it twice, each put in where it would be made. */
import type { Mutant } from '../../simulations/mutants/mutant.ts'

function mutant(name: string, change: string, file: string, find: string, replace: string): Mutant {
  return { name, change, edits: [{ file, find, replace }], harness: 'mesh' }
}

export const mutants: readonly Mutant[] = [
  mutant(
    'sends-early',
    'the leader sends an assignment before it is committed',
    'coordinator/scheduler/leading.ts',
    '    this.inFlight.push(flight)\n',
    `    const next = { term: this.parts.leadership.term, index: agent.ledger.state.index + 1 }
    this.perform(this.scheduler.settled(turn, next, [], this.now()))
`,
  ),
  {
    name: 'tells-too-soon',
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
    harness: 'mesh',
  },
  mutant(
    'says-once',
    'a result is told once, and not again until it is committed',
    'agent/work/reports.ts',
    '    for (const held of this.#outbox) {\n      if (held.repeatAtMs > now) continue',
    '    for (const held of this.#outbox) {\n      if (held.repeatAtMs > now || held.told > 0) continue',
  ),
  mutant(
    'forgets-early',
    'an agent is told that a result is committed before it is',
    'agent/work/execution.ts',
    '    if (held.unwanted) this.#forget(held)\n    else this.#parts.reports.sayResult(held)',
    '    this.#parts.reports.sayResult(held)\n    this.#forget(held)',
  ),
  mutant(
    'counts-twice',
    'two votes of one person count',
    'protocol/ledger/commands/work-runs.ts',
    '  const said = approval.votes.find((each) => each.by === by)',
    '  const said = approval.votes.find((each) => each.by === by && each.timeMs === tx.timeMs)',
  ),
  mutant(
    'does-not-wait',
    'a stage begins when the first of its needs is over',
    'coordinator/scheduler/core/resume.ts',
    '    for (const need of needs) if (run.over[need] === 0) left++',
    '    for (const need of needs) if (run.over[need] === 0) left = 1',
  ),
  mutant(
    'begins-anew',
    'a new leader has done again what agents still do',
    'coordinator/scheduler/core/inventory.ts',
    '    const isWanted = unit?.fence !== undefined && sameFence(unit.fence, fence)',
    '    const isWanted = unit?.fence !== undefined && core.nowMs < 0',
  ),
]
