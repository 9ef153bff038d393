/**
 * Workflows of the ledger, read once for all runs of them. A text that is in the ledger was checked
 * when it came in; one that cannot be read now was written by a newer agent.
 */
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { runLimits } from './limits.ts'

export type Found =
  | { readonly ok: true; readonly workflow: Workflow }
  | { readonly ok: false; readonly why: string }

interface Kept {
  readonly found: Found
  readonly length: number
}

export class WorkflowLibrary {
  /** The one that was asked for last comes last. */
  private readonly kept = new Map<string, Kept>()
  private length = 0

  find(state: LedgerState, hash: string): Found {
    const kept = this.kept.get(hash)
    if (kept !== undefined) {
      this.kept.delete(hash)
      this.kept.set(hash, kept)
      return kept.found
    }
    const text = read(state, { kind: 'workflowGet', hash }).value?.text
    if (text === undefined) return { ok: false, why: 'the ledger does not hold its workflow' }
    const found = readFrom(text)
    this.keep(hash, { found, length: text.length })
    return found
  }

  private keep(hash: string, kept: Kept): void {
    this.kept.set(hash, kept)
    this.length += kept.length
    for (const [oldest, { length }] of this.kept) {
      if (this.length <= runLimits.libraryLengthMax || oldest === hash) return
      this.kept.delete(oldest)
      this.length -= length
    }
  }
}

function readFrom(text: string): Found {
  const parsed = parseWorkflow(text)
  if (parsed.ok) return { ok: true, workflow: parsed.workflow }
  const [first] = parsed.mistakes
  return { ok: false, why: `this agent cannot read its workflow: ${first?.message ?? 'no text'}` }
}
