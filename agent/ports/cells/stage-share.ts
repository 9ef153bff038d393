/**
 * Keeps stages from starving the agent that watches over them: all that a nursery starts, and all
 * that those start in whatever session, has one small share of the cores together. Cores that nobody
 * else wants are theirs all the same. Without it a host full of stages that spin would let its agent
 * run, and so hear that it is to stop them, once in seconds.
 *
 * By a control group where one can be made, of version 2 or of version 1, besides by a lower
 * priority, which holds where the system does not group processes by their sessions. A group of
 * version 2 is made also where it weighs nothing: by it all stages are killed at one word.
 */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { cellLimits } from '../limits.ts'
import { parseGroupPaths } from '../telemetry/control-groups.ts'
import { ControlGroup, membersOf, repeatedly } from './control-group.ts'
import { namesIn } from './pipes.ts'
import { readText } from './process-stat.ts'

const PREFIX = 'skein-stages-'

/** What the group weighs beside others, and where that is written. */
interface Weight {
  file: string
  held: number
  unheld: number
  condemned: number
}

export class StageShare {
  /** Of version 1, for its weight alone. */
  readonly #old: string | undefined
  /** By which all stages can be killed at one word. */
  readonly group: ControlGroup | undefined
  readonly #weight: Weight | undefined
  /** How many wait for somebody in it to be gone. */
  readonly #wanted = { unheld: 0, condemned: 0 }
  #how: 'held' | 'unheld' | 'condemned' = 'held'
  /** How many want it to be still. */
  #still = 0

  private constructor(
    old: string | undefined,
    group: ControlGroup | undefined,
    weight: Weight | undefined,
  ) {
    this.#old = old
    this.group = group
    this.#weight = weight
  }

  /** `group`: of version 2, for all stages; `weighs`: whether it can be given a smaller share. */
  static open(owner: string, group: ControlGroup | undefined, weighs: boolean): StageShare {
    const { stageWeight, stageShares, dyingWeight, dyingShares } = cellLimits
    const { condemnedWeight, condemnedShares } = cellLimits
    if (group !== undefined && weighs) {
      const file = join(dirname(group.directory), 'cpu.weight')
      const weight = {
        file,
        held: stageWeight,
        unheld: dyingWeight,
        condemned: condemnedWeight,
      }
      if (attempt(() => writeFileSync(file, String(stageWeight))))
        return new StageShare(undefined, group, weight)
    }
    const old = groupOfVersion1(owner)
    if (old === undefined) return new StageShare(undefined, group, undefined)
    const file = join(old, 'cpu.shares')
    return new StageShare(old, group, {
      file,
      held: stageShares,
      unheld: dyingShares,
      condemned: condemnedShares,
    })
  }

  /**
   * All that this process starts from now on. As far as it goes: without, it runs as others do.
   * Returns the group in which the kernel now holds it.
   */
  async take(pid: number): Promise<ControlGroup | undefined> {
    attempt(() => setPriority(pid, cellLimits.stagePriority))
    const old = this.#old
    const group = this.group
    // Another agent that has just begun may have cleared a group away while it was empty.
    if (old !== undefined) {
      const weighed = new ControlGroup(old)
      const isMade = (): boolean => attempt(() => prepare(old))
      await repeatedly(
        async () => (await weighed.enter(pid)) || (isMade() && (await weighed.enter(pid))),
      )
    }
    if (group === undefined) return undefined
    const isIn = await repeatedly(
      async () => (await group.enter(pid)) || (group.make() && (await group.enter(pid))),
    )
    return isIn ? group : undefined
  }

  /**
   * Who is in it: all stages without limits, as long as none has moved itself elsewhere, and whoever
   * starts them. Undefined where there is no such group.
   */
  members(): number[] | undefined {
    if (this.group !== undefined) return this.group.members()
    return this.#old === undefined ? undefined : membersOf(this.#old)
  }

  /** With all that have groups of their own, until what is returned is called. */
  still(): () => void {
    const all = this.group?.parent
    if (this.#still++ === 0) all?.freeze(true)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#still === 0) all?.freeze(false)
    }
  }

  /**
   * While those in it are killed they are not held back: to die takes a share of the cores as well,
   * and whoever waits for it has other things to do.
   */
  unheld(killing: () => Promise<void>): Promise<void> {
    return this.#weighing('unheld', killing)
  }

  /** Where the kernel has killed all of them, nobody does anything but die: before all others. */
  condemned(dying: () => Promise<void>): Promise<void> {
    return this.#weighing('condemned', dying)
  }

  async #weighing(how: 'unheld' | 'condemned', killing: () => Promise<void>): Promise<void> {
    this.#wanted[how]++
    this.#weigh()
    try {
      await killing()
    } finally {
      this.#wanted[how]--
      this.#weigh()
    }
  }

  #weigh(): void {
    const weight = this.#weight
    if (weight === undefined) return
    const { condemned, unheld } = this.#wanted
    const how = condemned > 0 ? 'condemned' : unheld > 0 ? 'unheld' : 'held'
    if (how === this.#how) return
    this.#how = how
    attempt(() => writeFileSync(weight.file, String(weight[how])))
  }

  /** Goes when nobody is in it. */
  close(): void {
    const old = this.#old
    if (old !== undefined) attempt(() => rmdirSync(old))
    const { group } = this
    if (group === undefined) return
    group.remove()
    attempt(() => rmdirSync(dirname(group.directory)))
  }
}

/** Made under the agent's own. Undefined where that cannot be. */
function groupOfVersion1(owner: string): string | undefined {
  const mount = mountOfCpu(readText('/proc/self/mountinfo') ?? '')
  const paths = parseGroupPaths(readText('/proc/self/cgroup') ?? '')
  const path = paths.get('cpu')
  if (mount === undefined || path === undefined) return undefined
  const own = mount.root === '/' ? path : path.slice(mount.root.length)
  const directory = join(mount.point, own, `${PREFIX}${owner}`)
  for (const left of namesIn(dirname(directory))) {
    // Those of agents that are no more. One that holds somebody stays.
    if (left.startsWith(PREFIX)) attempt(() => rmdirSync(join(dirname(directory), left)))
  }
  return attempt(() => prepare(directory)) ? directory : undefined
}

function prepare(directory: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'cpu.shares'), String(cellLimits.stageShares))
  // Of kernels that ration real time by group: without a ration nobody in it could die first.
  attempt(() =>
    writeFileSync(join(directory, 'cpu.rt_runtime_us'), String(cellLimits.dyingRationUs)),
  )
}

/** `… root point … - cgroup source options`, of a hierarchy of version 1 that shares out cores. */
function mountOfCpu(mountinfo: string): { root: string; point: string } | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    const [, , , root, point] = before.split(' ')
    const isCpu = type === 'cgroup' && options.split(',').includes('cpu')
    if (isCpu && root !== undefined && point !== undefined) return { root, point }
  }
  return undefined
}

/** False when it has ended meanwhile, or this host does not let us. */
function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
