/** How a program ended, as a nursery says it and writes it down. */
import { closeSync, constants as files, fstatSync, openSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import type { CellExit, CellUsage } from '../../../protocol/ports/cells.ts'

export interface Ended {
  exit: CellExit
  /** What it and those that it waited for took. */
  usage: CellUsage
  /** Its parent has seen that nobody of its group was left; otherwise that is to be looked for. */
  groupEmpty: boolean
}

export const unknownEnd: Ended = { exit: { kind: 'unknown' }, usage: {}, groupEmpty: false }

/** Whoever would have told of it was killed with it. */
export const killedEnd: Ended = { ...unknownEnd, exit: { kind: 'signalled', signal: 'SIGKILL' } }

/** What was written down, once it is there: `ended 3` or `killed 9`. */
export function recordedEnd(path: string): Ended | undefined {
  const text = recordIn(path)
  // Without the end of the line it may be half of a number.
  const found = /^(ended|killed) (\d+)\n/.exec(text)
  if (found === null) return undefined
  const exit = exitOf(found[1] as 'ended' | 'killed', Number(found[2]))
  return { ...unknownEnd, exit }
}

/** Where stages have a user of their own it is his, and what is there may be no file. */
function recordIn(path: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = files
  try {
    const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      if (!fstatSync(file).isFile()) return ''
      const bytes = Buffer.alloc(RECORD_BYTES_MAX)
      return bytes.toString('latin1', 0, readSync(file, bytes))
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}

const RECORD_BYTES_MAX = 64

export function exitOf(how: 'ended' | 'killed', figure: number): CellExit {
  if (how === 'ended') return { kind: 'exited', code: figure }
  return { kind: 'signalled', signal: signalNames.get(figure) ?? `SIG${figure}` }
}

const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, figure]) => [figure, name]),
)
