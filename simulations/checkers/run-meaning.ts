/**
 * Whether a run came out as its workflow says, given what its steps came to: told by walking through
 * it once, without time, hosts or events. Slow and plain on purpose; it shares nothing with the
 * scheduler but the words of the language. Of conditions it understands `true`, `false`, whether a
 * stage has a state and an input a value, which is all that drawn workflows ask.
 */
import type { RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { Finished } from '../../protocol/work/attempt.ts'
import { isRunOver, type UnitState } from '../../protocol/work/states.ts'
import type { Expr } from '../../protocol/workflow/expressions/ast.ts'
import { retryRule } from '../../protocol/workflow/language/policies.ts'
import type { ErrorClass, ForEach, Stage, Workflow } from '../../protocol/workflow/model.ts'

/** What is wrong with it, a line each. `childState`: of a run that a stage has started. */
export function complaintsAbout(
  workflow: Workflow,
  view: RunView,
  childState: (run: string) => string | undefined,
): string[] {
  return new Reading(workflow, view, childState).complaints()
}

class Reading {
  private readonly workflow: Workflow
  private readonly view: RunView
  private readonly childState: (run: string) => string | undefined
  private readonly wholes = new Map<string, UnitView>()
  private readonly items = new Map<string, UnitView[]>()
  private readonly inputs: Readonly<Record<string, unknown>>
  private readonly said: string[] = []

  constructor(workflow: Workflow, view: RunView, childState: (run: string) => string | undefined) {
    this.workflow = workflow
    this.view = view
    this.childState = childState
    this.inputs = JSON.parse(view.spec.inputs) as Record<string, unknown>
    for (const unit of view.units) {
      if (unit.item === undefined) this.wholes.set(unit.stage, unit)
      else this.items.set(unit.stage, [...(this.items.get(unit.stage) ?? []), unit])
    }
  }

  complaints(): string[] {
    const { head, units } = this.view
    if (!isRunOver(head.state)) return [`it is ${head.state}`]
    for (const { stage, item, state } of units) {
      if (state === 'assigned') this.say(stage, item, 'is an agent’s when its run is over')
    }
    // A kill may come when another end is on its way already: then that has to be right.
    if (head.stop === 'kill' && head.state === 'cancelled') return this.said
    const wasAdmitted = units.length > 0 || head.stop === 'none'
    if (!wasAdmitted) return head.state === 'cancelled' ? [] : [`it is ${head.state} unbegun`]
    for (const stage of this.ordinary('stages')) this.judge(stage)
    this.judgeClosing()
    return this.said
  }

  // ── The run ───────────────────────────────────────────────────────────────────────────────────

  private judgeClosing(): void {
    const { head } = this.view
    const came = this.came('stages')
    if (came === 'succeeded') {
      for (const { name, role, section } of this.workflow.stages) {
        if (role === 'compensation' && section === 'stages' && this.wholes.has(name)) {
          this.say(name, undefined, 'undoes what succeeded')
        }
      }
    } else {
      for (const { name, compensate } of this.ordinary('stages')) {
        if (compensate === undefined || this.stateOf(name) !== 'succeeded') continue
        if (!this.isOver(compensate)) this.say(name, undefined, 'is not undone')
      }
    }
    for (const stage of this.ordinary('onFailure')) {
      if (head.stop !== 'none') continue
      if (came === 'failed') this.judge(stage)
      else if (this.wholes.has(stage.name))
        this.say(stage.name, undefined, 'runs without a failure')
    }
    for (const stage of this.ordinary('finally')) this.judge(stage)
    const isCleanupBad = this.isBad('finally', 'failed')
    const expected = came === 'succeeded' && isCleanupBad ? 'failed' : came
    // A stop may come when the end is on its way already.
    const isOvertaken = head.stop !== 'none' && this.isBad('stages', 'failed')
    if (head.state !== expected && !(isOvertaken && head.state === 'failed')) {
      this.said.push(`it is ${head.state} (${head.reason ?? ''}); its stages make it ${expected}`)
    }
  }

  private came(section: Stage['section']): 'succeeded' | 'failed' | 'cancelled' {
    const hasFailed = this.isBad(section, 'failed')
    if (!hasFailed && !this.isBad(section, 'cancelled')) return 'succeeded'
    return hasFailed && this.view.head.stop === 'none' ? 'failed' : 'cancelled'
  }

  private isBad(section: Stage['section'], state: UnitState): boolean {
    return this.ordinary(section).some(
      ({ name, optional }) => !optional && this.stateOf(name) === state,
    )
  }

  private ordinary(section: Stage['section']): Stage[] {
    return this.workflow.stages.filter(
      (stage) => stage.section === section && stage.role === 'ordinary',
    )
  }

  // ── A stage ───────────────────────────────────────────────────────────────────────────────────

  private judge(stage: Stage): void {
    const { name } = stage
    const unit = this.wholes.get(name)
    if (unit === undefined || !this.isOver(name)) return this.say(name, undefined, 'did not end')
    // It ended so in the run that this one does again.
    if (unit.adopted) return
    const mayBeCancelled = this.view.head.stop !== 'none'
    if (unit.state === 'cancelled' && mayBeCancelled) return
    const decided = this.decided(stage)
    if (decided !== undefined) {
      if (unit.state !== decided) this.say(name, undefined, `is ${unit.state}, not ${decided}`)
      return
    }
    if (unit.state === 'skipped') return this.say(name, undefined, 'is skipped for no reason')
    if (unit.state === 'cancelled') {
      // Whoever shares its group may push it out, by a policy of their own.
      if (!stage.concurrency) this.say(name, undefined, `is cancelled for no reason: ${unit.why}`)
      return
    }
    // The last vote may be in the ledger when the leader says that it is too late for it.
    const isLate = unit.changedMs - unit.readyMs >= (stage.approve?.timeoutMs ?? Infinity)
    if (unit.approval !== undefined && isLate && unit.state === 'failed') return
    const isDenied = unit.approval?.approved === false
    if (isDenied) {
      const isLawful = unit.state === 'failed'
      if (!isLawful) this.say(name, undefined, `is ${unit.state} without its approval`)
      return
    }
    const own = stage.forEach
      ? this.endOfItems(stage, stage.forEach, unit)
      : this.endOf(stage, unit)
    const help = stage.fallback === undefined ? undefined : this.stateOf(stage.fallback)
    const expected = own === 'failed' && help === 'succeeded' ? 'succeeded' : own
    if (unit.state !== expected) {
      this.say(name, undefined, `is ${unit.state} (${unit.why ?? ''}), not ${expected}`)
    }
    const isHelpDue = own === 'failed' && stage.fallback !== undefined && !mayBeCancelled
    if (isHelpDue && !this.isOver(stage.fallback!)) this.say(name, undefined, 'is not stood in for')
  }

  /** What it comes to before it begins. */
  private decided(stage: Stage): UnitState | undefined {
    const needs = stage.needs.map((name) => this.workflow.stages.find((it) => it.name === name)!)
    const isBad = needs.some(({ name, optional }) => {
      const state = this.stateOf(name)
      return !optional && (state === 'failed' || state === 'cancelled')
    })
    if (isBad) return 'cancelled'
    const choosers = needs.filter((need) => branchesOf(need).some((it) => it.includes(stage.name)))
    if (choosers.length > 0 && !choosers.some((need) => this.takes(need, stage.name))) {
      return 'skipped'
    }
    if (needs.length > 0 && needs.every(({ name }) => this.stateOf(name) === 'skipped')) {
      return 'skipped'
    }
    return stage.if !== undefined && !this.holds(stage.if) ? 'skipped' : undefined
  }

  private takes({ name, step }: Stage, target: string): boolean {
    if (step.kind !== 'choose' || this.stateOf(name) !== 'succeeded') return false
    const { adopted, outputs = '{}' } = this.wholes.get(name)!
    // With the inputs of the run before, perhaps.
    const taken = adopted
      ? step.cases[Number(JSON.parse(outputs).case)]
      : step.cases.find(({ when }) => this.holds(when))
    return (taken?.then ?? step.otherwise ?? []).includes(target)
  }

  private endOf(stage: Stage, unit: UnitView): UnitState {
    const { step } = stage
    switch (step.kind) {
      case 'wait':
      case 'choose':
      case 'approve':
      case 'signal':
        return 'succeeded'
      case 'await':
        return unit.state
      case 'workflow':
        return this.endOfChild(step.wait, unit)
      default:
        return this.endOfAttempts(stage, unit)
    }
  }

  private endOfChild(isWaited: boolean, { detail, state }: UnitView): UnitState {
    // There may be no workflow of that name.
    if (!isWaited) return detail === undefined ? state : 'succeeded'
    const child = detail === undefined ? undefined : this.childState(detail)
    if (child === undefined) return state
    return child === 'succeeded' ? 'succeeded' : 'failed'
  }

  /** By its last attempt, and by how many it had. */
  private endOfAttempts(stage: Stage, unit: UnitView): UnitState {
    const last = unit.attempts?.find(({ attempt }) => attempt === unit.attempt)
    if (last === undefined) {
      // Values that it needs are not there, or it has waited too long. It may be stood in for.
      const isHelped = stage.fallback !== undefined && this.stateOf(stage.fallback) === 'succeeded'
      if (unit.state !== 'failed' && !isHelped) {
        this.say(stage.name, unit.item, `is ${unit.state} untried`)
      }
      return 'failed'
    }
    const read = last.record === undefined ? undefined : decode(Finished, last.record)
    if (read?.ok === true && read.value.outcome.kind === 'succeeded') return 'succeeded'
    this.judgeTries(stage, unit)
    return 'failed'
  }

  private judgeTries(stage: Stage, { item, failures }: UnitView): void {
    const { queueMs, totalMs } = stage.timeouts
    let isUsedUp = queueMs !== undefined || totalMs !== undefined
    for (const [errorClass, count] of Object.entries(failures) as [ErrorClass, number][]) {
      const { attempts } = retryRule(stage.retry, errorClass)
      const most = errorClass === 'lost' && stage.onLost === 'fail' ? 1 : attempts
      if (count > most) {
        this.say(stage.name, item, `has failed ${count} times (${errorClass}) of at most ${most}`)
      }
      isUsedUp ||= count >= most
    }
    const isWaited = this.view.head.stop === 'none' && stage.forEach === undefined
    if (!isUsedUp && isWaited) {
      this.say(stage.name, item, `had tries left: ${JSON.stringify(failures)}`)
    }
  }

  private endOfItems(
    stage: Stage,
    { onFailure }: ForEach,
    { items = 0, state }: UnitView,
  ): UnitState {
    const units = this.items.get(stage.name) ?? []
    for (const unit of units) this.judgeItem(stage, unit)
    const good = units.filter((unit) => unit.state === 'succeeded').length
    const needed = onFailure.rule === 'quorum' ? onFailure.count : items
    // A list that could not be computed, or a quorum of more than there are.
    if (items === 0 && state === 'failed' && units.length === 0) return 'failed'
    return good >= needed ? 'succeeded' : 'failed'
  }

  private judgeItem(stage: Stage, unit: UnitView): void {
    if (unit.state === 'cancelled') return
    const own = this.endOfAttempts(stage, unit)
    if (unit.state !== own) this.say(stage.name, unit.item, `is ${unit.state}, not ${own}`)
  }

  // ── Words ─────────────────────────────────────────────────────────────────────────────────────

  private holds(expression: Expr): boolean {
    if (expression.kind === 'literal') return expression.value === true
    if (expression.kind !== 'binary' || expression.operator !== '==') return false
    const { left, right } = expression
    if (left.kind !== 'select' || right.kind !== 'literal') return false
    if (left.of.kind === 'name') return this.inputs[left.field] === right.value
    return left.of.kind === 'select' && this.stateOf(left.of.field) === right.value
  }

  private stateOf(stage: string): UnitState | undefined {
    return this.wholes.get(stage)?.state
  }

  private isOver(stage: string): boolean {
    const state = this.stateOf(stage)
    return state !== undefined && ['succeeded', 'failed', 'skipped', 'cancelled'].includes(state)
  }

  private say(stage: string, item: number | undefined, text: string): void {
    this.said.push(`${stage}${item === undefined ? '' : `/${item}`} ${text}`)
  }
}

function branchesOf({ step }: Stage): (readonly string[])[] {
  if (step.kind !== 'choose') return []
  return [...step.cases.map(({ then }) => then), ...(step.otherwise ? [step.otherwise] : [])]
}
