/**
 * What can be read of a process at any moment, by whoever must not stand still: `/proc/PID/status`.
 *
 * Its neighbours (`stat`, `environ`, `io`, `maps`, its links) the kernel keeps locked while the process
 * becomes another program, which takes as long as it is kept from its cores: seen, 16 s. They are
 * read by other threads (`cells/read-apart.ts`, `cells/environments.ts`).
 */
import { readFileSync } from 'node:fs'

export interface ProcessStatus {
  /** Undefined where the kernel does not tell it here. */
  group: number | undefined
  /** Dead, and not waited for yet. */
  ended: boolean
  /** It runs, or waits for a core. */
  wantsCore: boolean
  /** False for one of the kernel's own, and one that is dying. */
  hasMemory: boolean
  residentBytes: number
  /** The most that it ever held. */
  peakBytes: number
}

/** Undefined where there is no such process, or no /proc. */
export function processStatus(pid: number | string): ProcessStatus | undefined {
  try {
    return parseStatus(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return undefined
  }
}

/** Lines of `Name:\tvalue`; the first holds the program's name, in which a line cannot end. */
export function parseStatus(text: string): ProcessStatus {
  const lineOf = (name: string): string | undefined => {
    const at = text.indexOf(`\n${name}:\t`)
    if (at === -1) return undefined
    const from = at + name.length + 3
    return text.slice(from, text.indexOf('\n', from)).trim()
  }
  const bytesOf = (name: string): number => Number.parseInt(lineOf(name) ?? '0', 10) * 1024
  const state = lineOf('State')?.[0]
  // In each namespace of processes that it is in, this one's first.
  const group = lineOf('NSpgid')?.split('\t', 1)[0]
  return {
    group: group === undefined ? undefined : Number(group),
    ended: state === 'Z' || state === 'X',
    wantsCore: state === 'R',
    hasMemory: bytesOf('VmSize') > 0,
    residentBytes: bytesOf('VmRSS'),
    peakBytes: bytesOf('VmHWM'),
  }
}
