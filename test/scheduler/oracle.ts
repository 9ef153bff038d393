/**
 * How a drawn workflow ends, told by walking through it once: no time, no hosts, no events. It is slow
 * and plain on purpose, and shares nothing with the scheduler but the words of the language.
 */
import type { Drawn, DrawnWorkflow, Section, UnitFate } from './random-workflow.ts'

type End = 'succeeded' | 'failed' | 'skipped' | 'cancelled'

export interface Expected {
  readonly state: 'succeeded' | 'failed' | 'cancelled'
  /** Stages that nothing happens to are not in it. */
  readonly stages: Readonly<Record<string, End>>
}

interface Ended {
  readonly end: End
  /** It has an output `v`. */
  readonly hasOutput: boolean
}

export function foretell({ stages }: DrawnWorkflow): Expected {
  const ended = new Map<string, Ended>()
  const byName = new Map(stages.map((each) => [each.name, each]))
  runSection('stages')
  const bad = (section: Section, end: End) =>
    stages.some(
      (each) =>
        each.section === section &&
        each.role === 'ordinary' &&
        !each.optional &&
        ended.get(each.name)?.end === end,
    )
  let state: Expected['state'] = 'succeeded'
  if (bad('stages', 'failed')) state = 'failed'
  else if (bad('stages', 'cancelled')) state = 'cancelled'
  if (state !== 'succeeded') {
    for (const { name, compensate, section } of stages) {
      if (section !== 'stages' || compensate === undefined) continue
      if (ended.get(name)?.end === 'succeeded') call(compensate)
    }
  }
  if (state === 'failed') runSection('onFailure')
  runSection('finally')
  if (state === 'succeeded' && bad('finally', 'failed')) state = 'failed'
  return { state, stages: Object.fromEntries([...ended].map(([name, { end }]) => [name, end])) }

  function runSection(section: Section): void {
    for (const stage of stages) {
      if (stage.section !== section || stage.role !== 'ordinary') continue
      ended.set(stage.name, endOf(stage))
    }
  }

  function endOf(stage: Drawn): Ended {
    const needs = stage.needs.map((name) => ({ stage: byName.get(name)!, ...ended.get(name)! }))
    const isBad = needs.some(
      ({ end, stage: need }) => (end === 'failed' || end === 'cancelled') && !need.optional,
    )
    if (isBad) return { end: 'cancelled', hasOutput: false }
    const choosers = needs.filter(({ stage: need }) => need.kind === 'choose' && names(need, stage))
    if (
      choosers.length > 0 &&
      !choosers.some((each) => each.end === 'succeeded' && takes(each.stage, stage))
    ) {
      return { end: 'skipped', hasOutput: false }
    }
    if (needs.length > 0 && needs.every(({ end }) => end === 'skipped')) {
      return { end: 'skipped', hasOutput: false }
    }
    return begun(stage)
  }

  function begun(stage: Drawn): Ended {
    const { condition } = stage
    if (condition !== undefined) {
      const holds =
        'always' in condition ? condition.always : ended.get(condition.of)!.end === condition.state
      if (!holds) return { end: 'skipped', hasOutput: false }
    }
    // Who was denied an approval has no one to stand in.
    if (stage.approves === false) return { end: 'failed', hasOutput: false }
    const own = worked(stage)
    if (own.end !== 'failed' || stage.fallback === undefined) return own
    const help = call(stage.fallback)
    return help.end === 'succeeded' ? help : own
  }

  function call(name: string): Ended {
    const end = begun(byName.get(name)!)
    ended.set(name, end)
    return end
  }

  function worked(stage: Drawn): Ended {
    const { items, reads } = stage
    const failed: Ended = { end: 'failed', hasOutput: false }
    const done = (hasOutput = false): Ended => ({ end: 'succeeded', hasOutput })
    switch (stage.kind) {
      case 'wait':
      case 'choose':
      case 'signal':
      case 'approve':
        return done()
      case 'await':
        return ended.get(stage.awaits!)!.end === 'succeeded' ? done() : failed
      case 'workflow':
        return stage.child === 'good' || stage.isWaited === false ? done(stage.isWaited) : failed
      case 'run': {
        const isReadable = reads === undefined || ended.get(reads)!.hasOutput
        const ok = (fate: UnitFate) =>
          isReadable && fate.failures < stage.attempts && fate.end === 'succeeded'
        if (items === undefined) return ok(stage.fates[0]!) ? done(true) : failed
        const good = stage.fates.slice(0, items.count).filter(ok).length
        const enough = typeof items.rule === 'number' ? items.rule : items.count
        return good >= enough ? done() : failed
      }
    }
  }

  function names({ cases, otherwise }: Drawn, { name }: Drawn): boolean {
    return [...cases!.map(({ targets }) => targets), otherwise!].some((each) => each.includes(name))
  }

  function takes({ cases, otherwise }: Drawn, { name }: Drawn): boolean {
    const taken = cases!.find(({ holds }) => holds)?.targets ?? otherwise!
    return taken.includes(name)
  }
}
