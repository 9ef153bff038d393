/** What each route of runs does. Any agent answers: the ledger is everywhere. */
import type { Handlers } from './dispatch.ts'
import { RunDeciding } from './run-deciding.ts'
import { RunLooking } from './run-looking.ts'
import type { RunApiParts } from './run-parts.ts'
import { RunReasons } from './run-reasons.ts'

export function runHandlers(parts: RunApiParts) {
  const reasons = new RunReasons(parts)
  return {
    ...new RunDeciding(parts).handlers(),
    ...new RunLooking(parts, reasons).handlers(),
    ...reasons.handlers(),
  } satisfies Partial<Handlers>
}
