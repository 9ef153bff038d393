/**
 * Whom stages run as, where that is not the agent's own user, and what the system would let them do.
 * An agent that is root handles files for its stages, and must not do for them what they may not.
 */
import type { Stats } from 'node:fs'

export interface Identity {
  uid: number
  gid: number
  /** All groups, with the first. */
  groups: readonly number[]
}

/** A user of this host. */
export interface StageUser extends Identity {
  name: string
  home: string
}

/** Bits of a mode, as the system has them for others. */
const bits = { read: 4, write: 2, enter: 1 } as const
const STICKY = 0o1000

/**
 * Whether the mode of a file lets somebody do this. Access lists are not looked at: they can only
 * give more than what is taken here for granted, but for users whom one names to give them less.
 */
export function permits(
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
  who: Identity,
  what: keyof typeof bits,
): boolean {
  const shift = uid === who.uid ? 6 : gid === who.gid || who.groups.includes(gid) ? 3 : 0
  return ((mode >> shift) & bits[what]) !== 0
}

/** Whether somebody may put a file in the place of another (or of none) in this directory. */
export function mayReplace(directory: Stats, there: Stats | undefined, who: Identity): boolean {
  if (!(permits(directory, who, 'write') && permits(directory, who, 'enter'))) return false
  if (there === undefined || (directory.mode & STICKY) === 0) return true
  return directory.uid === who.uid || there.uid === who.uid
}
