/** Why a run and its stages are where they are, for whoever asks: made when asked for, and not kept. */
import {
  isUnitOver,
  type UnitState,
  unitStateOf,
  unitStates,
} from '../../../protocol/work/states.ts'
import { lastingRefusals } from '../../placement/eligibility.ts'
import type { PlacementRequest, Verdict } from '../../placement/policy.ts'
import { seconds } from '../../placement/words.ts'
import { triesOf, turnTo } from './beside.ts'
import { type Core, named } from './core.ts'
import { requestOf, withTimes } from './requests.ts'
import type { Late, Phase, Run, Unit } from './run.ts'

export interface Explanation {
  readonly run: string
  readonly phase: Phase
  /** Why the run as a whole does not go on; absent when it does. */
  readonly why?: string
  /** Of stages that are not over, or of the one that was asked for with its items. */
  readonly stages: readonly StageExplanation[]
  /** Stages that are not over and not told of. */
  readonly more: number
}

export interface StageExplanation {
  readonly stage: string
  readonly item?: number
  readonly state: UnitState | 'pending'
  /** In plain words: what it waits for, or where it is. */
  readonly why: string
  /** What it needs that is not over. */
  readonly needs?: readonly string[]
  readonly node?: string
  readonly attempt?: number
  readonly dueMs?: number
  /** No host could take it, whatever ends: somebody must change something. */
  readonly stuck?: true
  /** It takes far longer than such work does there. */
  readonly late?: Late
  /** 0 to 1; and what it says of itself. */
  readonly progress?: number
  readonly note?: string
  /** The policy that decides where it goes, and what it says of each host now. */
  readonly policy?: string
  readonly hosts?: readonly Verdict[]
}

/** Stages told of at once. */
const stagesToldMax = 200

export function explain(core: Core, run: Run, stage: string | undefined): Explanation {
  const { plans, indexOf } = run.compiled
  const asked = stage === undefined ? undefined : indexOf.get(stage)
  const found: StageExplanation[] = []
  let more = 0
  const add = (make: () => StageExplanation) => {
    if (found.length < stagesToldMax) found.push(make())
    else more++
  }
  for (const { index } of plans) {
    if (stage !== undefined ? index !== asked : run.over[index] !== 0) continue
    const unit = run.units.get(index)
    add(() => (unit === undefined ? idle(run, index) : ofUnit(core, unit, asked !== undefined)))
    for (const item of unit?.items?.live.values() ?? []) {
      add(() => ofUnit(core, item, asked !== undefined))
    }
  }
  const why = whyRun(core, run)
  return {
    run: run.id,
    phase: run.phase,
    stages: found,
    more,
    ...(why === undefined ? {} : { why }),
  }
}

function whyRun(core: Core, run: Run): string | undefined {
  if (run.isFrozen) return 'the ledger saw it otherwise than the leader: it is being read anew'
  if (run.phase === 'queued') {
    const names = core.runGroups.holders(run).map(({ id }) => id)
    return `its concurrency group ${run.spec.group?.key} is full with ${listed(names)}`
  }
  if (run.phase === 'admitted') return 'it is let in, and begins when the ledger has that'
  return run.stop > 0 ? `it is being stopped: ${run.stopReason}` : undefined
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${some} and ${names.length - 5} more` : some
}

function idle(run: Run, index: number): StageExplanation {
  const { plans } = run.compiled
  const { stage, needs } = plans[index]!
  const over = unitStateOf(run.over[index]!)
  if (isUnitOver(over)) return { stage: stage.name, state: over, why: 'it is over' }
  const missing = [...needs]
    .filter((need) => run.over[need] === 0)
    .map((need) => plans[need]!.stage.name)
  const told = { stage: stage.name, state: 'pending' as const }
  if (stage.role !== 'ordinary') {
    return { ...told, why: `it is a ${stage.role}, and runs when it is called` }
  }
  if (missing.length > 0) {
    return { ...told, why: `it needs ${listed(missing)}`, needs: missing }
  }
  const isBefore = run.phase === 'queued' || run.phase === 'admitted'
  if (isBefore) return { ...told, why: 'its run has not begun yet' }
  if (stage.section !== run.phase) {
    return { ...told, why: `${stage.section} comes after what is going on now` }
  }
  return { ...told, why: 'its turn is next' }
}

function ofUnit(core: Core, unit: Unit, withHosts: boolean): StageExplanation {
  // Of two at work, it is told of the earlier one.
  if (unit.beside !== undefined && unit.beside.attempt < unit.attempt) {
    turnTo(unit, unit.beside.node)
  }
  const { node, dueMs } = unit
  const attempt = triesOf(unit)
  const state = unitStateOf(unit.state) ?? 'pending'
  const told: StageExplanation = {
    ...named(unit),
    state,
    why: whyUnit(core, unit),
    ...(attempt === 0 ? {} : { attempt }),
    ...(node === '' ? {} : { node }),
    ...(dueMs === undefined || unit.waitsFor === undefined ? {} : { dueMs }),
    ...(unit.late === undefined ? {} : { late: unit.late }),
    ...(unit.progress?.share === undefined ? {} : { progress: unit.progress.share }),
    ...(unit.progress?.note === undefined ? {} : { note: unit.progress.note }),
  }
  const isReady = core.ready.isIn(unit)
  if (!isReady && (!withHosts || unit.state !== unitStates.assigned)) return told
  const request = requestOf(core, unit)
  if (!request.ok) return told
  if (isReady && isStuck(core, request.value)) Object.assign(told, { stuck: true })
  if (!withHosts) return told
  const hosts = core.policy.explain(withTimes(core, unit, request.value), core.hosts.all())
  return { ...told, policy: core.policy.name, hosts }
}

function isStuck(core: Core, request: PlacementRequest): boolean {
  return core.hosts.all().every((host) => lastingRefusals(request, host) !== 0)
}

function whyUnit(core: Core, unit: Unit): string {
  const { node, isAccepted, progress, approval, detail, key, cancelling, run, plan } = unit
  if (cancelling !== undefined) return `it is being stopped: ${cancelling.why}`
  if (unit.state === unitStates.assigned) {
    const name = core.hosts.get(node)?.name ?? node
    if (core.awaited.has(node)) return `it is on ${name}, which the new leader waits to hear from`
    if (!isAccepted) return `it is assigned to ${name}, which has not said yet that it takes it`
    const note = progress?.note === undefined ? '' : `: ${progress.note}`
    const share =
      progress?.share === undefined ? '' : `, ${Math.round(progress.share * 100)} % done`
    return `it runs on ${name}${share}${note}${lateWords(unit)}${raceWords(core, unit)}`
  }
  if (core.ready.isIn(unit)) return whyReady(core, unit)
  switch (unit.waitsFor) {
    case 'time':
      return 'it waits for its time'
    case 'approval':
      return `${approval?.by.size ?? 0} of ${approval?.count ?? 1} have approved; skein approve ${run.id} ${plan.stage.name} says yes`
    case 'signal':
      return `it waits for the event ${detail}${key === undefined ? '' : ` with the key ${key}`}`
    case 'subflow':
      return `it waits for the run ${detail}, which it has started`
    case 'retry':
      return `it is tried again, after: ${unit.lastError?.why ?? 'an attempt that came to nothing'}`
    case 'fallback':
      return `it has failed, and ${plan.stage.fallback} stands in for it`
  }
  if (unit.items !== undefined) {
    const { count, succeeded, failed, live } = unit.items
    return `of its ${count} items ${succeeded} succeeded, ${failed} failed, and ${live.size} go on`
  }
  if (core.unitGroups.isIn(unit) && !unit.isHolding) {
    const names = core.unitGroups
      .holders(unit)
      .map((each) => `${each.run.id}/${each.plan.stage.name}`)
    return `its concurrency group ${unit.groupKey} is full with ${listed(names)}`
  }
  if (unit.isLooking) return 'the workflow that it starts is being looked up'
  return run.isFrozen ? 'its run is being read anew' : 'its turn is next'
}

function lateWords({ late }: Unit): string {
  if (late === undefined) return ''
  return `; that takes far longer than it should: such work takes ${seconds(late.usualMs)} there, and 99 of a hundred are done after ${seconds(late.farMs)} (n=${late.n})`
}

function raceWords(core: Core, { plan, late, raced, beside, attempt }: Unit): string {
  if (beside !== undefined) {
    const name = core.hosts.get(beside.node)?.name ?? beside.node
    return `; attempt ${beside.attempt} runs beside it on ${name}, and the first to succeed counts`
  }
  if (!plan.stage.race) return ''
  if (raced !== undefined) {
    // A later try was never raced.
    if (attempt > raced) return ''
    const other = raced === attempt ? 'the one before it' : `attempt ${raced}, beside it,`
    return `; it goes on alone, for ${other} came to nothing`
  }
  if (late === undefined || !core.knowsRaces) return ''
  return '; a second attempt begins when another host has room for it and nothing waits for one'
}

function whyReady(core: Core, unit: Unit): string {
  if (core.outbox.isFull) return 'it is ready, and waits for the ledger'
  const made = requestOf(core, unit)
  if (!made.ok) return made.why
  const verdicts = core.policy.explain(made.value, core.hosts.all())
  const could = verdicts.filter(({ refusals }) => refusals.length === 0)
  if (could.some(({ host }) => core.isOpen(host.id))) return 'it is ready, and others come first'
  if (could.length > 0) {
    return 'it is ready; the hosts that could take it have not been heard from, or have just declined'
  }
  const [first] = verdicts
  const against = first?.refusals[0]?.message
  if (first === undefined || against === undefined) return 'it is ready, and there is no host'
  const no = isStuck(core, made.value)
    ? 'no host can take it as they are'
    : 'it is ready, and no host takes it now'
  return `${no}: ${first.host.name}: ${against}`
}
