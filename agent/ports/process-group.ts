/**
 * Whether anybody of a process group is alive. The kernel answers for the group as a whole, but
 * counts zombies, which a container without an init process may keep for ever; /proc tells them
 * apart. Where there is no /proc the kernel's answer stands.
 */
import { readdirSync, readFileSync } from 'node:fs'

export function groupHasLiving(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch (error) {
    // EPERM: somebody is there, though not ours. ESRCH: nobody is.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
    return true
  }
  // The leader answers for most groups, without a look at every process of the host.
  const leader = statOf(String(group))
  if (leader && leader.group === group && !leader.ended) return true
  return scan(group) ?? true
}

export function processExists(pid: number): boolean {
  return statOf(String(pid)) !== undefined
}

/** Undefined where /proc cannot be listed. */
function scan(group: number): boolean | undefined {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return undefined
  }
  for (const name of names) {
    if (name.charCodeAt(0) > 0x39) continue
    const member = statOf(name)
    if (member && member.group === group && !member.ended) return true
  }
  return false
}

function statOf(pid: string): { group: number; ended: boolean } | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** `pid (name) state ppid pgrp …`, where the name may hold spaces and brackets of its own. */
export function parseStat(text: string): { group: number; ended: boolean } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', 3)
  return { group: Number(fields[2]), ended: fields[0] === 'Z' || fields[0] === 'X' }
}
