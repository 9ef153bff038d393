/**
 * That no program in a cell gains privileges that the agent has not: set-user-id programs and file
 * capabilities then give nothing (`no_new_privs`, prctl(2)). It is set once, on the nursery, by the
 * program that becomes it, and inherited by all that it starts: it costs no start anything.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { programOnPath } from '../program-on-path.ts'

/** Of util-linux, which belongs to almost every system. */
const HOLDER = 'setpriv'
const places = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']

/** Words to put before those of a program; none where this host has not what it takes. */
export function holdingWords(): readonly string[] {
  const place = places.find((each) => programOnPath([HOLDER], each) !== undefined)
  return place === undefined ? [] : [join(place, HOLDER), '--no-new-privs', '--']
}

/** Whether the agent itself is held already, and so is all that it starts. */
export function isHeld(): boolean {
  try {
    return /^NoNewPrivs:\t1$/m.test(readFileSync('/proc/self/status', 'utf8'))
  } catch {
    return false
  }
}

export function whyNotHeld(words: readonly string[]): string | undefined {
  if (words.length > 0 || isHeld()) return undefined
  return `there is no ${HOLDER} (util-linux)`
}
