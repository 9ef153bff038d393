/** Defects of races: who is raced, where, how often, and what becomes of two attempts when one ends. */
import type { Defect, Edit, Mutant } from './mutant.ts'

const core = 'coordinator/scheduler/core'
const ledger = 'protocol/ledger/commands'

function mutant(name: string, change: string, ...edits: [string, string, string][]): Mutant {
  const all = edits.map(([file, find, replace]): Edit => ({ file, find, replace }))
  return { name, change, edits: all, harness: 'work' }
}

export const raceDefects: readonly Defect[] = [
  {
    number: 39,
    title: 'A stage has two attempts where it may not',
    mutants: [
      mutant('39a', 'a stage that does not ask for it is raced', [
        `${core}/beside.ts`,
        '    plan.stage.race &&\n',
        '    plan.isWork &&\n',
      ]),
      mutant(
        '39b',
        'the second attempt may go to the host of the first',
        [`${core}/racing.ts`, '.add(unit.node)\n', ".add('')\n"],
        [`${ledger}/work-race.ts`, "  if (node === held.node) return 'stale'\n", ''],
      ),
      mutant(
        '39c',
        'a stage is raced again when it is late again',
        [`${core}/beside.ts`, '    raced === undefined &&\n', ''],
        [
          `${core}/racing.ts`,
          '  const attempt = unit.attempt + 1\n',
          '  const attempt = triesOf(unit) + 1\n',
        ],
        [`${core}/racing.ts`, 'import { atWorkAs,', 'import { triesOf, atWorkAs,'],
        [
          `${ledger}/work-race.ts`,
          'held.rest?.raced !== undefined || attempt !== held.attempt + 1',
          'attempt !== triesOf(held) + 1',
        ],
      ),
    ],
  },
  {
    number: 40,
    title: 'A failure ends a stage while another attempt of it is at work',
    mutants: [
      mutant(
        '40',
        'of two attempts the first to end decides, whatever it came to',
        [
          `${core}/parting.ts`,
          '  if (other === undefined) return false\n',
          '  if (other === undefined || other.attempt > 0) return false\n',
        ],
        [
          `${ledger}/work-endings.ts`,
          "  if (other !== undefined && state !== 'succeeded') return 'stale'\n",
          "  if (state === 'skipped') return 'stale'\n",
        ],
      ),
    ],
  },
]
