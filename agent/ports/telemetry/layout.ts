/**
 * What of the host is worth sampling: the file systems under the data directory and the root, and
 * the interfaces that lead out of the host.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { type Mount, mountOf } from './mounts.ts'

export interface DiskTarget {
  mount: string
  /** A path on it that this process may look at. */
  path: string
  /** Its key in /proc/diskstats; undefined where no one block device stands for it. */
  device: string | undefined
}

/** The data directory's first; the root's after it, unless it is the same. */
export function diskTargets(mounts: readonly Mount[], dataDirectory: string): DiskTarget[] {
  const targets = new Map<string, DiskTarget>()
  for (const path of [dataDirectory, '/']) {
    const mount = mountOf(mounts, path)
    if (!mount || targets.has(mount.device)) continue
    targets.set(mount.device, { mount: mount.path, path, device: deviceOf(mount) })
  }
  return [...targets.values()]
}

/** Btrfs and its like have a number of their own and name the device as their source. */
function deviceOf(mount: Mount): string | undefined {
  if (!mount.device.startsWith('0:')) return mount.device
  if (!mount.source.startsWith('/dev/')) return undefined
  try {
    return basename(realpathSync(mount.source))
  } catch {
    return undefined
  }
}

/**
 * Interfaces with a device behind them. What passes a bridge, a container's end or a tunnel passes
 * one of these too, and would count twice. Inside a container no interface has a device: then all
 * but the loopback count.
 */
export function outwardInterfaces(names: Iterable<string>, sys: string): Set<string> {
  const all = [...names]
  const physical = all.filter((name) => existsSync(`${sys}/class/net/${name}/device`))
  return new Set(physical.length > 0 ? physical : all)
}
