/** What a program finds of the files of others, against what the ledger has of those who made them. */

import { viewUnit } from '../../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../../protocol/ledger/state.ts'
import type { Stage } from '../../../protocol/workflow/model.ts'
import type { Host } from '../../world/host.ts'
import { fileOf } from './sketch.ts'

/** A line for each file that is not what was committed, or is missing. */
export function wrongFiles(
  state: LedgerState,
  run: string,
  { artifactsFrom }: Stage,
  look: () => ReadonlyMap<string, string>,
): string[] {
  if (artifactsFrom.length === 0) return []
  const files = look()
  const wrong: string[] = []
  for (const stage of artifactsFrom) {
    const unit = viewUnit(state, { run, stage })
    if (unit === undefined) continue
    // Whoever did not succeed hands nothing on, what some of its items have made included.
    const isHandedOn = unit.state === 'succeeded'
    if (unit.items !== undefined) {
      for (let item = 0; item < unit.items; item++) {
        const one = viewUnit(state, { run, stage, item })
        const hasMade = isHandedOn && one?.state === 'succeeded'
        const made = hasMade ? markOf(stage, one.outputs) : undefined
        compare(fileOf(stage, item), made, files, wrong)
      }
      continue
    }
    const made = isHandedOn ? markOf(stage, unit.outputs) : undefined
    compare(fileOf(stage), made, files, wrong)
  }
  return wrong
}

function compare(
  name: string,
  made: string | undefined,
  files: ReadonlyMap<string, string>,
  wrong: string[],
): void {
  const found = files.get(name)
  if (found !== made) wrong.push(`${name} is of ${found}, and committed is ${made}`)
}

/** Of a start of this very stage: what stands in for it has files of its own, or hands on none. */
function markOf(stage: string, outputs: string | undefined): string | undefined {
  const v: unknown = outputs === undefined ? undefined : JSON.parse(outputs).v
  if (typeof v !== 'string') return undefined
  return new RegExp(`/${stage}(/\\d+)?#\\d+ n`).test(v) ? v : undefined
}

/** In a directory of an attempt. */
export function filesIn({ processTable }: Host, directory: string): Map<string, string> {
  const found = processTable.files.get(directory) ?? new Map<string, Uint8Array>()
  return new Map([...found].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]))
}
