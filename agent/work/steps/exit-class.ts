/**
 * What the end of a program says about another try. Programs speak by their exit code; the codes
 * from 64 on are those of BSD's `sysexits.h`. `README.md` shows the table to people.
 */
import type { CellExit } from '../../../protocol/ports/cells.ts'
import type { ErrorClass } from '../../../protocol/workflow/model.ts'
import type { StepEnd } from './executor.ts'

const classes: Readonly<Record<number, ErrorClass>> = {
  /** Wrong usage, wrong data, no input. */
  64: 'input',
  65: 'input',
  66: 'input',
  /** A fault of the program’s own. */
  70: 'bug',
  75: 'transient',
  /** Wrongly configured. */
  78: 'input',
  /** What a shell says of what it cannot run, or not find. */
  126: 'input',
  127: 'input',
  /** What a shell says of a child that was killed, and the kernel of one for want of memory. */
  137: 'resource',
}

const meanings: Readonly<Record<number, string>> = {
  126: ': it is not executable',
  127: ': there is no such program',
  137: ': it was killed, most often for want of memory',
}

/** Undefined for success. */
export function failureOf(exit: CellExit, outOfMemory: boolean): StepEnd | undefined {
  if (outOfMemory) {
    return {
      kind: 'failed',
      errorClass: 'resource',
      code: 'outOfMemory',
      message: 'it took more memory than was set aside; raise resources.memory of the stage',
      ...(exit.kind === 'exited' ? { exitCode: exit.code } : {}),
      ...(exit.kind === 'signalled' ? { signal: exit.signal } : {}),
    }
  }
  if (exit.kind === 'unknown') return lost('its program ended, and nobody was there to see how')
  if (exit.kind === 'signalled') {
    const { signal } = exit
    const errorClass = signal === 'SIGKILL' ? 'resource' : 'transient'
    const why = signal === 'SIGKILL' ? ', most often for want of memory on the host' : ''
    const message = `it was ended by ${signal}${why}`
    return { kind: 'failed', errorClass, code: 'signal', message, signal }
  }
  const { code } = exit
  if (code === 0) return undefined
  const errorClass = classes[code] ?? 'transient'
  const message = `it exited with code ${code}${meanings[code] ?? ''}`
  return { kind: 'failed', errorClass, code: 'exit', message, exitCode: code }
}

/** What cannot be said any more, because the agent that knew is gone. */
export function lost(why: string): StepEnd {
  return {
    kind: 'failed',
    errorClass: 'lost',
    code: 'lost',
    message: `the agent was started again meanwhile: ${why}`,
  }
}
