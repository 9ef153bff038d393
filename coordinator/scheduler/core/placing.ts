/** From units that are ready to their assignments: rendered before, committed then, and only after that sent. */
import type { ArtifactSource, Assignment } from '../../../protocol/work/attempt.ts'
import type { Fence } from '../../../protocol/work/fence.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import type { HostView } from '../../placement/host-view.ts'
import type { PlacementRequest } from '../../placement/policy.ts'
import { watchTimes } from './attempt-times.ts'
import { lose } from './attempts.ts'
import { triesOf } from './beside.ts'
import { choiceWords } from './choices.ts'
import { attemptOf, type Core, groundOf, isClosing, named } from './core.ts'
import { fail } from './ends.ts'
import { sourcesFor } from './handed-on.ts'
import { itemOf } from './item-values.ts'
import { schedulerLimits } from './limits.ts'
import { namesFor } from './names.ts'
import { fallsOut } from './parting.ts'
import { type RenderedAs, type RenderedWork, rendered, renderWork } from './rendering.ts'
import { requestOf, withTimes } from './requests.ts'
import { giveBack, take } from './room.ts'
import type { Unit } from './run.ts'

/** As many as there are hosts and room in a turn for. */
export function place(core: Core): void {
  core.ready.begin()
  while (core.outbox.backlog < schedulerLimits.turnTransitionsMax) {
    const unit = core.ready.first()
    if (unit === undefined) return
    const shared = core.ready.requestOf(unit)
    const made = shared === undefined ? requestOf(core, unit) : { ok: true as const, value: shared }
    if (!made.ok) {
      fail(core, unit, { errorClass: 'input', why: made.why })
      continue
    }
    const request = wished(core, unit, made.value)
    const choice = core.policy.choose(request, core.open(), core.random)
    if (choice.host !== undefined) {
      noteChoice(core, unit, request, choice.host)
      assign(core, unit, choice.host.id)
    } else if (isDeclinedByAll(core, unit, made.value)) {
      const why = `no host does it: ${unit.unsupported}`
      fail(core, unit, { errorClass: 'resource', why })
    } else core.ready.block(unit)
  }
}

/** Of what takes no time nobody asks why it went where. */
function noteChoice(core: Core, unit: Unit, request: PlacementRequest, host: HostView): void {
  if (unit.plan.isInstant) return
  const attempt = triesOf(unit) + 1
  core.choices.note({ ...attemptOf(unit), attempt }, core.nowMs, () =>
    choiceWords(core.policy, request, host, core.open(), attempt),
  )
}

/**
 * By what such work took on each host; now and then as if nothing of it were known, so that a host
 * which was slow once is tried again, and what is known of all of them stays true.
 */
function wished(core: Core, unit: Unit, request: PlacementRequest): PlacementRequest {
  const timed = withTimes(core, unit, request)
  const isTrial = timed.expectedOn !== undefined && core.random.unit() < schedulerLimits.trialShare
  return isTrial ? request : timed
}

/** All that could take it, now or when they have room, have said that they cannot do it. */
function isDeclinedByAll(core: Core, unit: Unit, request: PlacementRequest): boolean {
  if (unit.unsupported === undefined || isPossible(core, request)) return false
  const { declined: _, ...rest } = request
  return core.policy.choose(rest, core.open(), core.random).host !== undefined
}

/** Some host that has not declined it could take it: now, or when what passes has passed. */
export function isPossible(core: Core, request: PlacementRequest): boolean {
  const { declined, ...rest } = request
  const all = core.hosts.all()
  const hosts = declined === undefined ? all : all.filter(({ id }) => !declined.has(id))
  const choice = core.policy.choose(rest, hosts, core.random)
  return choice.host !== undefined || choice.canPass
}

/** All that an agent is given beside who, which try, and under which fence. */
export interface Given {
  readonly work: RenderedWork
  readonly files: ArtifactSource[]
}

export function givenTo(core: Core, unit: Unit): RenderedAs<Given> {
  const { run, plan, parent, item: index } = unit
  return rendered(() => {
    const files = plan.artifactsFrom.length === 0 ? [] : sourcesFor(core, run, plan)
    if (plan.work !== undefined) return { work: plan.work, files }
    const item = parent === undefined ? undefined : itemOf(parent, index)
    const names = plan.isConstant ? {} : namesFor(run, plan, item)
    const work = renderWork(run.compiled.workflow, plan.stage, names)
    if (plan.isConstant) plan.work = work
    return { work, files }
  })
}

function assign(core: Core, unit: Unit, node: string): void {
  core.ready.remove(unit)
  const given = givenTo(core, unit)
  if (!given.ok) {
    fail(core, unit, { errorClass: 'input', why: given.why })
    return
  }
  const { run, plan, readyMs } = unit
  unit.state = unitStates.assigned
  unit.waitsFor = undefined
  unit.attempt = triesOf(unit) + 1
  unit.node = node
  unit.fence = undefined
  unit.isAccepted = false
  unit.acceptedMs = undefined
  unit.late = undefined
  unit.heardMs = core.nowMs
  unit.progress = undefined
  take(core, unit)
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const { attempt } = unit
  const value = { ...named(unit), attempt, node, readyMs, after }
  if (isClosing(unit)) Object.assign(value, { closing: true })
  const id = attemptOf(unit)
  core.emit(unit, { kind: 'assigned', value }, 128 + 66 * after.length, (fence) => {
    unit.fence = fence
    if (core.lost.has(node)) {
      lose(core, unit)
      return undefined
    }
    return { kind: 'assign', node, assignment: assignmentOf(unit, id, fence, given.value) }
  })
  watchTimes(core, unit)
}

export function assignmentOf(
  { run, plan }: Unit,
  id: Assignment['id'],
  fence: Fence,
  { work, files }: Given,
): Assignment {
  const { step, env, secrets, secretFiles, directory, with: given, timeouts, resources } = work
  return {
    id,
    fence,
    step,
    workflow: run.spec.name,
    env: env as Assignment['env'],
    secrets: secrets as Assignment['secrets'],
    secretFiles: secretFiles as Assignment['secretFiles'],
    timeouts,
    resources,
    artifacts: plan.stage.artifacts as string[],
    artifactsFrom: files,
    ...(directory === undefined ? {} : { directory }),
    ...(given === undefined ? {} : { with: given }),
    ...(plan.stage.sandbox ? { sandbox: true } : {}),
    ...(plan.fingerprint === undefined ? {} : { fingerprint: plan.fingerprint }),
  }
}

/** The same again, for an agent that does not have it. */
export function assignAgain(core: Core, unit: Unit): void {
  const given = givenTo(core, unit)
  const { node, fence, attempt } = unit
  if (fence === undefined) return
  if (!given.ok) {
    const part = { attempt, ...fence }
    giveBack(core, unit)
    if (!fallsOut(core, unit, part)) fail(core, unit, { errorClass: 'input', why: given.why }, part)
    return
  }
  const assignment = assignmentOf(unit, attemptOf(unit), fence, given.value)
  unit.heardMs = core.nowMs
  core.effect({ kind: 'assign', node, assignment })
}
