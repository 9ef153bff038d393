/** A text of people, read, checked and written out: what runs in a thread of its own. */
import { canonicalWorkflow } from '../../protocol/workflow/canonical.ts'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'

/** JSON, as what is asked. */
export type WrittenOut =
  | { readonly ok: true; readonly canonical: string }
  | { readonly ok: false; readonly mistakes: readonly Mistake[]; readonly more: number }

export function writtenOut({ text }: { readonly text: string }): WrittenOut {
  const parsed = parseWorkflow(text)
  if (!parsed.ok) return parsed
  return { ok: true, canonical: canonicalWorkflow(parsed.workflow) }
}
