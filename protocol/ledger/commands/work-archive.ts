/**
 * Ended runs leave the state, when whoever keeps the history has them. In bounded steps: what is
 * left over is named by `more`, and the same command again goes on with it. From the first step on
 * nobody can read the run here, so that nobody takes half of it for the whole.
 */
import { message, repeated } from '../../wire/schema.ts'
import { isRunOver, runStateOf } from '../../work/states.ts'
import { stateLimits } from '../limits.ts'
import { decodeRow } from '../octets.ts'
import type { Result } from '../result.ts'
import { endOf } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, freeText, kind } from './kind.ts'
import {
  approvalsOf,
  attemptsOf,
  outputsOf,
  type RunRow,
  RunSpec,
  readRun,
  runKeyRow,
  runOrderRow,
  runRow,
  runSpecRow,
  unitsOf,
} from './work-rows.ts'
import { releaseWorkflow } from './work-workflows.ts'

const RunArchive = message('RunArchive', {
  runs: repeated(1, freeText(), stateLimits.entryBytesMax),
})

export const archiveKinds = {
  /** Runs that are not there, not over, or begun by one that is not over, are passed over. */
  runArchive: kind(25, 1, 'notInBatch', RunArchive, (tx, { runs }): Result => {
    let left = tx.limits.runRowsArchivedMax
    for (const run of runs) {
      const row = readRun(tx, run)
      if (row === undefined || !isOver(row) || isAwaited(tx, row)) continue
      left -= hideRun(tx, run, row)
      if (left > 0) left = removeParts(tx, run, left)
      if (left <= 0) return { code: 'ok', revision: tx.index, more: true }
      tx.delete(runRow(run))
      tx.tell({ kind: 'runArchived', run })
      left--
    }
    return done(tx)
  }),
}

function isOver({ state }: RunRow): boolean {
  return isRunOver(runStateOf(state)!)
}

/** How it ended may still be asked for by the run that has begun it. */
function isAwaited(tx: Transaction, { parent }: RunRow): boolean {
  const row = parent === undefined ? undefined : readRun(tx, parent)
  return row !== undefined && !isOver(row)
}

/** How many rows may still be removed; none left: there may be more to remove. */
function removeParts(tx: Transaction, run: string, rowsMax: number): number {
  let left = rowsMax
  for (const prefix of [unitsOf(run), attemptsOf(run), outputsOf(run), approvalsOf(run)]) {
    for (const [at] of tx.range(prefix, endOf(prefix), left)) {
      tx.delete(at)
      left--
    }
  }
  return left
}

/** At most: spec, place in time, key, and the text of a workflow that nobody needs now. */
const rowsOfHead = 4

/** How many rows it was. A run whose spec is gone was hidden by the step before. */
function hideRun(tx: Transaction, run: string, { startedMs }: RunRow): number {
  const spec = tx.get(runSpecRow(run))
  if (spec === undefined) return 0
  const { workflow, key } = decodeRow(RunSpec, spec)
  releaseWorkflow(tx, workflow)
  if (key !== undefined) tx.delete(runKeyRow(key))
  tx.delete(runSpecRow(run))
  tx.delete(runOrderRow(startedMs, run))
  return rowsOfHead
}
