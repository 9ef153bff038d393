/** Whether a stage is tried again, and when: by class of error, with exponential backoff and full jitter. */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { retryRule } from '../../../protocol/workflow/language/policies.ts'
import type { ErrorClass, Stage } from '../../../protocol/workflow/model.ts'

/** Undefined: it has failed for good. `count` failures of this class, this one included. */
export function nextTryMs(
  { retry, onLost }: Pick<Stage, 'retry' | 'onLost'>,
  errorClass: ErrorClass,
  count: number,
  random: Pick<Entropy, 'unit'>,
  nowMs: number,
): number | undefined {
  if (errorClass === 'lost' && onLost === 'fail') return undefined
  const { attempts, backoff, initialMs, maxMs, jitter } = retryRule(retry, errorClass)
  if (count >= attempts) return undefined
  const growth = backoff === 'exponential' ? 2 ** Math.min(count - 1, 52) : 1
  const delayMs = Math.min(initialMs * growth, maxMs)
  return nowMs + Math.round(jitter === 'full' ? delayMs * random.unit() : delayMs)
}
