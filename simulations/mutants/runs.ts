/** Defects of runs: what begins when, whose vote counts, who is tried again, and what is kept. */
import type { Defect, Mutant } from './mutant.ts'

const commands = 'protocol/ledger/commands/work-runs.ts'
const core = 'coordinator/scheduler/core'

function mutant(name: string, change: string, file: string, find: string, replace: string): Mutant {
  return { name, change, edits: [{ file, find, replace }], harness: 'work' }
}

export const runDefects: readonly Defect[] = [
  {
    number: 32,
    title: 'A stage begins before all that it needs is over',
    mutants: [
      mutant(
        '32a',
        'a stage begins when the first of its needs is over',
        `${core}/resume.ts`,
        '    for (const need of needs) if (run.over[need] === 0) left++',
        '    for (const need of needs) if (run.over[need] === 0) left = 1',
      ),
      mutant(
        '32b',
        'what cleans up begins while the last of the stages goes on',
        `${core}/phases.ts`,
        "if (run.open.stages > 0 || hasUnitsIn(run, 'stages')) return",
        'if (run.open.stages > 1) return',
      ),
    ],
  },
  {
    number: 33,
    title: 'A vote counts that should not',
    mutants: [
      mutant(
        '33a',
        'two votes of one person count',
        commands,
        '  const said = approval.votes.find((each) => each.by === by)',
        '  const said = approval.votes.find((each) => each.by === by && each.timeMs === tx.timeMs)',
      ),
      mutant(
        '33b',
        'who started a run has a vote on it',
        commands,
        "  if (spec.by === by) return refused('notAllowed')\n",
        '',
      ),
      mutant(
        '33c',
        'a vote on another plan counts',
        commands,
        'if (spec.planHash !== planHash) return',
        "if (planHash === '') return",
      ),
    ],
  },
  {
    number: 34,
    title: 'An error is tried again by the rule of another class',
    mutants: [
      mutant(
        '34',
        'whatever a stage fails of is tried again as something that passes',
        `${core}/retrying.ts`,
        'retryRule(retry, errorClass)',
        "retryRule(retry, 'transient')",
      ),
    ],
  },
  {
    number: 35,
    title: 'A concurrency group gives a place away twice',
    mutants: [
      mutant(
        '35',
        'a new leader lets in who waits before it has read who is in',
        `${core}/groups.ts`,
        'if (this.isShut || group.waiting.length === 0) return nothing',
        'if (group.waiting.length === 0) return nothing',
      ),
    ],
  },
  {
    number: 36,
    title: 'A stage is given other files than those that were committed',
    mutants: [
      mutant(
        '36',
        'a new leader forgets which files stages have handed on',
        `${core}/handed-on.ts`,
        "if (state === 'succeeded' && artifacts !== undefined) noteHandedOn",
        "if (state === 'failed' && artifacts !== undefined) noteHandedOn",
      ),
    ],
  },
  {
    number: 37,
    title: 'A run disappears, or is not told as it was',
    mutants: [
      mutant(
        '37a',
        'a run that nobody keeps leaves the ledger',
        'agent/history/keeper.ts',
        '      if (kept.length > 0) await store.write(kept)\n',
        '      if (kept.length > 99) await store.write(kept)\n',
      ),
      mutant(
        '37b',
        'a record leaves out the first attempt of each unit',
        'agent/history/record.ts',
        '    attempts: attempts.map(attemptRecord),',
        '    attempts: attempts.slice(1).map(attemptRecord),',
      ),
    ],
  },
  {
    number: 38,
    title: 'A drained host is given work',
    mutants: [
      mutant(
        '38',
        'a drain is not looked at when a host is chosen',
        'coordinator/placement/eligibility.ts',
        '  if (drained !== undefined) bits |= bitOf.drained\n',
        "  if (drained?.by === '') bits |= bitOf.drained\n",
      ),
    ],
  },
]
