/**
 * Workflows of the ledger, read once for all runs of them. A text that is in the ledger was checked
 * when it came in; one that cannot be read now was written by a newer agent.
 */
import { createHash } from 'node:crypto'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { wasReadFrom } from './canonical.ts'
import { runLimits } from './limits.ts'

export type Found =
  | { readonly ok: true; readonly workflow: Workflow }
  | { readonly ok: false; readonly why: string }

interface Kept {
  readonly found: Found
  readonly length: number
}

export class WorkflowLibrary {
  /** By hash of the canonical text, or of a text as it was given. What was asked for last comes last. */
  private readonly kept = new Map<string, Kept>()
  private length = 0

  /** Of the ledger. */
  find(state: LedgerState, hash: string): Found {
    const kept = this.take(hash)
    if (kept !== undefined) return kept
    const text = read(state, { kind: 'workflowGet', hash }).value?.text
    if (text === undefined) return { ok: false, why: 'the ledger does not hold its workflow' }
    return this.learn(hash, text)
  }

  /** A canonical text from elsewhere, whose hash is right. */
  learn(hash: string, text: string): Found {
    const parsed = parseWorkflow(text)
    const found: Found = parsed.ok
      ? parsed
      : {
          ok: false,
          why: `this agent cannot read its workflow: ${parsed.mistakes[0]?.message ?? 'no text'}`,
        }
    if (found.ok) wasReadFrom(found.workflow, { text, hash })
    this.keep(hash, { found, length: text.length })
    return found
  }

  /** Of a request: whoever starts a workflow often has it read once. */
  knownText(text: string): Workflow | undefined {
    const kept = this.take(nameOf(text))
    return kept?.ok ? kept.workflow : undefined
  }

  keepText(text: string, workflow: Workflow): void {
    this.keep(nameOf(text), { found: { ok: true, workflow }, length: text.length })
  }

  private take(name: string): Found | undefined {
    const kept = this.kept.get(name)
    if (kept === undefined) return undefined
    this.kept.delete(name)
    this.kept.set(name, kept)
    return kept.found
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

function nameOf(text: string): string {
  return `text/${createHash('sha256').update(text).digest('hex')}`
}
