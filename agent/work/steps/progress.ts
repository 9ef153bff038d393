/** What a stage says of its progress: lines such as `0.4 compiling`, `40% compiling` or `compiling`. */
import { workLimits } from '../../../protocol/work/limits.ts'
import { fitting } from '../texts.ts'
import type { StepProgress } from './executor.ts'

/** The last line counts. */
export function progressIn(bytes: Uint8Array): StepProgress {
  const text = new TextDecoder().decode(bytes).replaceAll('\0', '')
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? ''
  const match = /^(\d+(?:\.\d+)?)(%?)(?:\s+(.*))?$/.exec(line)
  const number = match ? Number(match[1]) / (match[2] === '%' ? 100 : 1) : Number.NaN
  if (!(number >= 0 && number <= 1)) return noted(line)
  return { progress: number, ...noted(match?.[3] ?? '') }
}

function noted(text: string): StepProgress {
  return text === '' ? {} : { note: fitting(text, workLimits.progressNoteBytesMax) }
}
