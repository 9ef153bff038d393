/**
 * The limits under which this process runs, below those of the machine: CPU quota and memory limit
 * of its control groups and of all above them, and the cores that it may run on. The tightest of
 * each holds.
 */
import {
  type GroupPaths,
  groupDirectories,
  parseCpuMax,
  parseGroupPaths,
  quotaCores,
  statFigure,
} from './control-groups.ts'
import { KeptFile } from './kept-file.ts'
import { type Mount, parseMountinfo } from './mounts.ts'
import { number, numberList } from './scan-text.ts'

/** A group with a CPU quota, and what it has used. */
export interface CpuQuota {
  cores: number
  /** CPU time used since the group began, in milliseconds. */
  usedMs(): number | undefined
}

/** A group with a memory limit, and what of it is left. */
export interface MemoryLimit {
  limitBytes: number
  availableBytes(): number | undefined
}

export interface Confinement {
  cpu: CpuQuota | undefined
  memory: MemoryLimit[]
  /** Empty when all cores are allowed. */
  allowedCores: ReadonlySet<number>
  close(): void
}

export type ReadText = (path: string) => string | undefined

/** Reads a handful of files; they stay open, where they are needed for samples, until `close`. */
export function findConfinement(read: ReadText, proc: string): Confinement {
  const mounts = parseMountinfo(read(`${proc}/self/mountinfo`) ?? '')
  const groups = parseGroupPaths(read(`${proc}/self/cgroup`) ?? '')
  const kept: KeptFile[] = []
  const keep = (path: string): KeptFile => {
    const file = new KeptFile(path)
    kept.push(file)
    return file
  }
  const quotas = [...quotasV2(read, keep, mounts, groups), ...quotasV1(read, keep, mounts, groups)]
  const memory = [...limitsV2(read, keep, mounts, groups), ...limitsV1(read, keep, mounts, groups)]
  return {
    cpu: quotas.sort((a, b) => a.cores - b.cores)[0],
    // Version 1 writes a number near 2^63 for no limit.
    memory: memory.filter((limit) => limit.limitBytes < Number.MAX_SAFE_INTEGER),
    allowedCores: parseAllowedCores(read(`${proc}/self/status`) ?? ''),
    close: () => {
      for (const file of kept) file.close()
    },
  }
}

type Keep = (path: string) => KeptFile
type Find<T> = (read: ReadText, keep: Keep, mounts: readonly Mount[], groups: GroupPaths) => T[]

const quotasV2: Find<CpuQuota> = (read, keep, mounts, groups) =>
  directoriesV2(mounts, groups).flatMap((directory) => {
    const cores = parseCpuMax(read(`${directory}/cpu.max`) ?? '')
    if (cores === undefined) return []
    const stat = keep(`${directory}/cpu.stat`)
    return [{ cores, usedMs: () => scaled(statFigure(stat.read() ?? '', 'usage_usec'), 1e-3) }]
  })

const quotasV1: Find<CpuQuota> = (read, keep, mounts, groups) => {
  const accounts = directoriesV1(mounts, groups, 'cpuacct')
  return directoriesV1(mounts, groups, 'cpu').flatMap((directory, level) => {
    const quota = number(read(`${directory}/cpu.cfs_quota_us`))
    const cores = quotaCores(quota, number(read(`${directory}/cpu.cfs_period_us`)))
    const account = accounts[level]
    if (cores === undefined || account === undefined) return []
    const usage = keep(`${account}/cpuacct.usage`)
    return [{ cores, usedMs: () => scaled(number(usage.read()), 1e-6) }]
  })
}

const limitsV2: Find<MemoryLimit> = (read, keep, mounts, groups) =>
  directoriesV2(mounts, groups).flatMap((directory) =>
    memoryLimit(read, keep, directory, ['memory.max', 'memory.current', 'inactive_file']),
  )

const limitsV1: Find<MemoryLimit> = (read, keep, mounts, groups) =>
  directoriesV1(mounts, groups, 'memory').flatMap((directory) =>
    memoryLimit(read, keep, directory, [
      'memory.limit_in_bytes',
      'memory.usage_in_bytes',
      'total_inactive_file',
    ]),
  )

/** File pages that nobody uses count as usage, and go at the first need: they are available. */
function memoryLimit(
  read: ReadText,
  keep: Keep,
  directory: string,
  [limitName, usageName, idleName]: readonly [string, string, string],
): MemoryLimit[] {
  const limitBytes = number(read(`${directory}/${limitName}`))
  if (limitBytes === undefined) return []
  const usage = keep(`${directory}/${usageName}`)
  const stat = keep(`${directory}/memory.stat`)
  const availableBytes = (): number | undefined => {
    const usedBytes = number(usage.read())
    if (usedBytes === undefined) return undefined
    const idleBytes = statFigure(stat.read() ?? '', idleName) ?? 0
    return Math.max(0, limitBytes - Math.max(0, usedBytes - idleBytes))
  }
  return [{ limitBytes, availableBytes }]
}

function directoriesV2(mounts: readonly Mount[], groups: GroupPaths): string[] {
  const mount = mounts.find(({ type }) => type === 'cgroup2')
  const path = groups.get('')
  return mount && path !== undefined ? groupDirectories(mount, path) : []
}

function directoriesV1(mounts: readonly Mount[], groups: GroupPaths, controller: string): string[] {
  const mount = mounts.find(
    ({ type, options }) => type === 'cgroup' && options.includes(controller),
  )
  const path = groups.get(controller)
  return mount && path !== undefined ? groupDirectories(mount, path) : []
}

/** Undefined where the status has no such line: an empty set, for all cores. */
function parseAllowedCores(status: string): Set<number> {
  const found = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)
  return new Set(found ? numberList(found[1] ?? '') : [])
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by
}
