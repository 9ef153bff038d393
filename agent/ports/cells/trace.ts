/** What finds a cell again, as text for the agent to keep. */
import type { CellLimits } from '../../../protocol/ports/cells.ts'
import { bootId } from './process-stat.ts'

export interface Trace {
  pid: number | undefined
  /** With the pid, one process; undefined where it was over, or asked for, before that was known. */
  started: string | undefined
  pipes: readonly string[]
  unenforced: readonly (keyof CellLimits)[]
}

const boot = bootId()

export function traceText(trace: Trace): string {
  return JSON.stringify({ boot, ...trace })
}

/** Undefined when it is of an earlier boot: nobody of that time is alive. */
export function parseTrace(text: string): Trace | undefined {
  const trace = JSON.parse(text) as Trace & { boot: string }
  return trace.boot === boot ? trace : undefined
}
