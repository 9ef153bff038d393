/**
 * Control groups, version 2, where the host has them and lets this agent make some: the kernel then
 * holds a cell together, whatever its processes do, and keeps its accounts.
 *
 * A group that holds processes cannot hand limits down to groups within it. So an agent in a group
 * of its own (as systemd gives a service with `Delegate=yes`) steps down into one named `agent`
 * first, and makes the cells beside it.
 */
import {
  type Dirent,
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { CellLimits } from '../../../protocol/ports/cells.ts'
import { cellLimits } from '../limits.ts'
import { groupDirectories, parseGroupPaths } from '../telemetry/control-groups.ts'
import { parseMountinfo } from '../telemetry/mounts.ts'
import { ControlGroup, makeGroup } from './control-group.ts'
import { readText } from './process-stat.ts'

const OWN_GROUP = 'agent'
const PREFIX = 'skein-'
/** Of all cells without limits. No cell has such a name. */
const STAGES_GROUP = '.stages'
const controllers = ['memory', 'cpu', 'pids', 'io']

export class ControlGroups {
  private readonly directory: string
  private readonly controllers: ReadonlySet<string>

  private constructor(directory: string, controllers: ReadonlySet<string>) {
    this.directory = directory
    this.controllers = controllers
  }

  /** Undefined where groups cannot be made. */
  static open(owner: string): ControlGroups | undefined {
    const own = ownDirectory()
    if (own === undefined) return undefined
    try {
      const parent = basename(own) === OWN_GROUP ? dirname(own) : own
      // Groups that limit nothing would only cost.
      if (!offersLimits(parent)) return undefined
      if (parent === own && !isRoot(own)) stepDown(own)
      const directory = join(parent, `${PREFIX}${owner}`)
      makeGroup(directory)
      handDown(parent)
      handDown(directory)
      const offered = readText(join(directory, 'cgroup.subtree_control')) ?? ''
      // Without this file (before Linux 5.14) the promise that nothing is left could not be kept.
      if (readText(join(directory, 'cgroup.events')) === undefined) return undefined
      return new ControlGroups(directory, new Set(offered.trim().split(' ')))
    } catch {
      return undefined
    }
  }

  /** Whether what is in here can be given a smaller share of the cores. */
  get weighs(): boolean {
    return this.controllers.has('cpu')
  }

  /** Goes with its last group. */
  close(): void {
    new ControlGroup(this.directory).remove()
  }

  enforces(limit: keyof CellLimits): boolean {
    return this.controllers.has(controllerOf[limit])
  }

  /** Throws when the group cannot be made. */
  make(name: string, limits: CellLimits): ControlGroup {
    const directory = join(this.directory, name)
    makeGroup(directory)
    const set = (file: string, value: string): void => writeFileSync(join(directory, file), value)
    const { memoryBytes, cpuCores, processesMax } = limits
    if (memoryBytes !== undefined && this.enforces('memoryBytes')) {
      set('memory.max', String(memoryBytes))
      if (readText(join(directory, 'memory.swap.max')) !== undefined) set('memory.swap.max', '0')
    }
    if (cpuCores !== undefined && this.enforces('cpuCores')) {
      const periodUs = cellLimits.cpuPeriodUs
      const quotaUs = Math.max(cellLimits.cpuQuotaUsMin, Math.round(cpuCores * periodUs))
      set('cpu.max', `${quotaUs} ${periodUs}`)
    }
    if (processesMax !== undefined && this.enforces('processesMax')) {
      set('pids.max', String(processesMax))
    }
    return new ControlGroup(directory)
  }

  /** One that was made in an earlier life, if it is there. */
  known(name: string): ControlGroup | undefined {
    const group = new ControlGroup(join(this.directory, name))
    return group.exists() ? group : undefined
  }

  /** Those that hold somebody are killed, and go with the next call. */
  removeAllBut(keep: ReadonlySet<string>): void {
    for (const { name } of directoriesIn(this.directory)) {
      if (keep.has(name) || name === STAGES_GROUP) continue
      const group = new ControlGroup(join(this.directory, name))
      group.kill()
      group.remove()
    }
  }
}

/**
 * One group for all that has none of its own, whether or not it limits anything: whoever is in it,
 * the kernel kills at one word, and knows when nobody is left. Undefined where it cannot be made.
 */
export function stagesGroup(owner: string): ControlGroup | undefined {
  const own = ownDirectory()
  if (own === undefined) return undefined
  const parent = basename(own) === OWN_GROUP ? dirname(own) : own
  // Those of agents that are no more. One that holds somebody stays; one that an agent has just begun
  // with it makes again (`StageShare.take`), but for its limits.
  if (!offersLimits(parent))
    for (const { name } of directoriesIn(parent))
      if (name.startsWith(PREFIX)) removeEmpty(join(parent, name))
  const group = new ControlGroup(join(parent, `${PREFIX}${owner}`, STAGES_GROUP))
  if (!madeAtLast(group)) return undefined
  // An earlier life may have ended while it held all of them still.
  group.parent.freeze(false)
  return group
}

function madeAtLast(group: ControlGroup): boolean {
  const isThere = (): boolean => group.make() && existsSync(join(group.directory, 'cgroup.kill'))
  for (let left = cellLimits.groupTriesMax; left > 0; left--) if (isThere()) return true
  return false
}

function removeEmpty(directory: string): void {
  for (const each of [join(directory, STAGES_GROUP), directory]) {
    try {
      rmdirSync(each)
    } catch {
      // It holds somebody, or another group.
    }
  }
}

export const controllerOf: Readonly<Record<keyof CellLimits, string>> = {
  memoryBytes: 'memory',
  cpuCores: 'cpu',
  processesMax: 'pids',
}

function directoriesIn(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  } catch {
    return []
  }
}

function ownDirectory(): string | undefined {
  const mounts = parseMountinfo(readText('/proc/self/mountinfo') ?? '')
  const mount = mounts.find(({ type }) => type === 'cgroup2')
  const path = parseGroupPaths(readText('/proc/self/cgroup') ?? '').get('')
  return mount && path !== undefined ? groupDirectories(mount, path)[0] : undefined
}

/** The root of a hierarchy alone has no such file. */
function isRoot(directory: string): boolean {
  return readText(join(directory, 'cgroup.type')) === undefined
}

function stepDown(own: string): void {
  const members = readFileSync(join(own, 'cgroup.procs'), 'latin1').trim().split('\n')
  // Whoever else is there is not ours to move.
  if (members.some((pid) => Number(pid) !== process.pid)) return
  makeGroup(join(own, OWN_GROUP))
  writeFileSync(join(own, OWN_GROUP, 'cgroup.procs'), String(process.pid))
}

/** What is offered and cannot be handed down is found missing afterwards. */
function handDown(directory: string): void {
  const offered = offeredIn(directory)
  for (const controller of controllers) {
    if (!offered.includes(controller)) continue
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`)
    } catch {
      // Processes in this very group, or no permission.
    }
  }
}

function offersLimits(directory: string): boolean {
  return offeredIn(directory).some((name) => controllers.includes(name))
}

function offeredIn(directory: string): string[] {
  return (readText(join(directory, 'cgroup.controllers')) ?? '').trim().split(' ')
}
