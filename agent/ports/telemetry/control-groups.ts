/** What control groups, version 1 and 2, say in their files. */

import { isWithin, type Mount } from './mounts.ts'
import { lines, number } from './scan-text.ts'

/** The group of this process in each hierarchy: by controller, and `''` for version 2. */
export type GroupPaths = ReadonlyMap<string, string>

/** `id:controllers:path`, as /proc/self/cgroup has it; version 2 names no controller. */
export function parseGroupPaths(text: string): GroupPaths {
  const paths = new Map<string, string>()
  for (const line of lines(text)) {
    const [, controllers, ...path] = line.split(':')
    if (controllers === undefined) continue
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'))
  }
  return paths
}

/**
 * The directories whose limits hold for a group, its own first. A container often sees its own
 * group as the root of the hierarchy, under a path that means nothing inside.
 */
export function groupDirectories(mount: Mount, path: string): string[] {
  const inside = isWithin(path, mount.root)
    ? path.slice(mount.root === '/' ? 0 : mount.root.length)
    : ''
  const names = inside.split('/').filter((name) => name !== '')
  if (names.includes('..')) return [mount.path]
  const directories = [mount.path]
  let directory = mount.path
  for (const name of names) {
    directory = `${directory}/${name}`
    directories.unshift(directory)
  }
  return directories
}

/** `quota period` of version 2's cpu.max, in cores; undefined for `max`. */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.split(' ')
  return quotaCores(number(quota), number(period))
}

/** Version 1 has -1 for no quota. */
export function quotaCores(
  quota: number | undefined,
  period: number | undefined,
): number | undefined {
  return quota && period && quota > 0 && period > 0 ? quota / period : undefined
}

/** A named figure of memory.stat or cpu.stat. */
export function statFigure(text: string, name: string): number | undefined {
  const line = lines(text).find((candidate) => candidate.startsWith(`${name} `))
  return number(line?.slice(name.length + 1))
}
