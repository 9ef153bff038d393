/** Stops that somebody on this very host says by the letterbox, and what the letter needs to know. */
import { readWord } from '../../protocol/estop/word.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { estopDriverLimits } from './limits.ts'
import type { EmergencyStop } from './service.ts'

/** What the next word of any scope may say: read before a letter is written. */
export const EPOCH_NOTE = 'epoch'

export interface LetterAnswer {
  outcome: string
  why?: string
  killed: number
  tookMs: number
}

/** Answered when everything in scope is gone, or at once when it is not believed. */
export async function answerLetter(
  estop: EmergencyStop,
  clock: Clock,
  letter: Uint8Array,
): Promise<string> {
  const word = readWord(letter)
  const heard = word && estop.said(word)
  if (heard === undefined || heard.kind === 'refused') {
    return told({ outcome: 'refused', why: heard?.why ?? 'malformed', killed: 0, tookMs: 0 })
  }
  const untilMs = clock.now() + estopDriverLimits.letterMsMax
  for (;;) {
    const own = estop.core.own(heard.id)
    if (own === undefined || own.state === 'done' || clock.now() >= untilMs) {
      const { killed = 0, tookMs = 0 } = own ?? {}
      const outcome = own?.state === 'latched' ? 'latched' : heard.kind
      return told({ outcome, killed, tookMs })
    }
    await new Promise<void>((resolve) => clock.after(estopDriverLimits.letterLookMs, resolve))
  }
}

export function highestEpoch(estop: EmergencyStop): number {
  return Math.max(0, ...estop.core.latch.words().map(({ saying }) => saying.epoch))
}

function told(answer: LetterAnswer): string {
  return `${JSON.stringify(answer)}\n`
}
