/**
 * What programs in cells may: no more than the user whom they run as, where one is named, and none
 * of them gains privileges (`no_new_privs`, prctl(2)), so that set-user-id programs and file
 * capabilities give nothing. Both are set once, on the nursery, by the program that becomes it, and
 * inherited by all that it starts: they cost no start anything.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CellRule } from '../../../protocol/ports/cells.ts'
import type { StageUser } from '../identity.ts'
import { programOnPath } from '../program-on-path.ts'

/** Of util-linux, which belongs to almost every system. */
const HOLDER = 'setpriv'
const places = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']

/** What is put before the words of a program, to hold it to something. */
export interface Holding {
  /** For all: none where this host has not what it takes. */
  held: readonly string[]
  /** For those that may gain privileges. */
  free: readonly string[]
}

export function holdingOf(user: StageUser | undefined): Holding {
  const place = places.find((each) => programOnPath([HOLDER], each) !== undefined)
  if (place === undefined) return { held: [], free: [] }
  const holder = join(place, HOLDER)
  const asUser =
    user === undefined
      ? []
      : [
          ...['--reuid', String(user.uid), '--regid', String(user.gid)],
          ...['--groups', user.groups.join(','), '--inh-caps=-all'],
        ]
  return {
    held: [holder, ...asUser, '--no-new-privs', '--'],
    free: user === undefined ? [] : [holder, ...asUser, '--'],
  }
}

/** Whether the agent itself is held already, and so is all that it starts. */
export function isHeld(): boolean {
  try {
    return /^NoNewPrivs:\t1$/m.test(readFileSync('/proc/self/status', 'utf8'))
  } catch {
    return false
  }
}

export function privilegeRules({ held }: Holding, user: StageUser | undefined): CellRule[] {
  const isTold = held.length > 0 || isHeld()
  const why = isTold ? undefined : `there is no ${HOLDER} (util-linux)`
  return [{ name: 'noNewPrivileges', missing: why }, userRule(user)]
}

function userRule(user: StageUser | undefined): CellRule {
  const name = 'ownUser'
  if (user !== undefined) return { name, missing: undefined }
  if (process.getuid?.() === 0) {
    const missing = 'stages run as root and can read the agent’s keys; set work.user'
    return { name, missing, isWarning: true }
  }
  const missing =
    'stages run as the agent’s user and can read its keys; run it as root, with work.user'
  return { name, missing }
}
