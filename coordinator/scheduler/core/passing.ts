/** Stages that come to nothing, many at once: they are one transition, whatever their number. */
import type { StagesPassed } from '../../../protocol/ledger/commands/work-transitions.ts'
import { type Core, groundOf } from './core.ts'
import { overOf } from './ends.ts'
import { schedulerLimits } from './limits.ts'
import { cut } from './rendering.ts'
import type { Run } from './run.ts'

/** Stages that come to nothing, whatever they need. */
export function passAll(
  core: Core,
  run: Run,
  stages: readonly number[],
  to: number,
  why: string,
): void {
  const at = sayPassed(core, run, stages, to, why, [])
  for (const stage of stages) overOf(core, run, stage, to, at)
}

function sayPassed(
  core: Core,
  run: Run,
  stages: readonly number[],
  to: number,
  why: string | undefined,
  after: string[],
): number {
  const { plans } = run.compiled
  const value: StagesPassed = {
    stages: stages.map((stage) => plans[stage]!.stage.name),
    to,
    after,
    ...(why === undefined ? {} : { why: cut(why) }),
  }
  const bytes = 65 * (stages.length + after.length) + 3 * (why?.length ?? 0)
  return core.outbox.push(run, { kind: 'passed', value }, bytes)
}

/**
 * Stages that come to nothing because of what they need. They are gathered, and said together: those
 * that are gathered count as over for each other, and before anything else is said, they are said.
 */
export class Passing {
  private run: Run | undefined
  private to = 0
  private why: string | undefined
  private stages = new Set<number>()
  private ground = new Set<string>()

  add(core: Core, run: Run, stage: number, to: number, why: string | undefined): void {
    const isSame = this.run === run && this.to === to && this.why === why
    if (!isSame || this.stages.size >= schedulerLimits.passedMax) this.flush(core)
    let ground = this.groundFor(core, run, stage)
    if (ground === undefined) {
      this.flush(core)
      ground = this.groundFor(core, run, stage)
    }
    if (ground === undefined) {
      run.deferred.add(stage)
      return
    }
    this.run = run
    this.to = to
    this.why = why
    this.stages.add(stage)
    for (const name of ground) this.ground.add(name)
    overOf(core, run, stage, to, Number.POSITIVE_INFINITY)
  }

  private groundFor(core: Core, run: Run, stage: number): string[] | undefined {
    const max = schedulerLimits.afterMax - this.ground.size
    return groundOf(core, run, run.compiled.plans[stage]!.needs, max, this.stages)
  }

  flush(core: Core): void {
    const { run, to, why, stages, ground } = this
    if (run === undefined) return
    this.run = undefined
    this.stages = new Set()
    this.ground = new Set()
    if (run.isFrozen) return
    const at = sayPassed(core, run, [...stages], to, why, [...ground])
    for (const stage of stages) run.overAt[stage] = at
  }
}
