/**
 * A stop in the words that stand wherever something was ended by it: in the outcome of an attempt and
 * in the reason of a run. They are read again, so that a leader, and whoever wants to go on with what
 * was interrupted, can tell them from every other reason.
 */
import { parseScope, type StopMode, type StopScope, scopeText, stopModes } from './scope.ts'
import type { Raise } from './word.ts'

const WORDS = 'emergency stop'

export function stopText({ scope, epoch, mode, reason }: Raise): string {
  return `${WORDS} ${scopeText(scope)} #${epoch} (${mode}): ${reason}`
}

export interface ReadStop {
  scope: StopScope
  epoch: number
  mode: StopMode
}

/** Undefined for every other text. */
export function readStopText(text: string): ReadStop | undefined {
  const found = /^emergency stop (.+?) #(\d{1,16}) \((kill|drain)\): /s.exec(text)
  const scope = parseScope(found?.[1] ?? '')
  const mode = stopModes.find((known) => known === found?.[3])
  if (scope === undefined || mode === undefined) return undefined
  return { scope, epoch: Number(found?.[2]), mode }
}
