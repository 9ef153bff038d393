/**
 * A plan of a workflow, made of the workflow, its inputs and the hosts as they are seen now. Pure:
 * the same three give the same plan, on any agent and in any thread.
 */
import type { TaskTimes } from '../../models/profiles/by-host.ts'
import type { Estimate } from '../../models/profiles/pooling.ts'
import { assert } from '../../protocol/assert.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import { levelsOf } from '../../protocol/workflow/graph/paths.ts'
import { stageGraph } from '../../protocol/workflow/graph/workflow-graph.ts'
import { type Section, type Stage, sections, type Workflow } from '../../protocol/workflow/model.ts'
import { type Structure, structureOf } from '../../protocol/workflow/structure.ts'
import type { HostView } from '../placement/host-view.ts'
import type { Hosts } from '../placement/hosts.ts'
import type { PlacementPolicy } from '../placement/policy.ts'
import { refusalsOf } from '../placement/refusals.ts'
import { secretsNamed } from '../secrets/missing.ts'
import { declared, expectedBy, type StageExpected, wholeExpected, withTries } from './expecting.ts'
import { planHashOf } from './hash.ts'
import { hintsOf } from './hints.ts'
import { hintsOfHistory } from './hints-of-history.ts'
import { askedKinds, type Kinds, kindsOf } from './kinds.ts'
import { durationBefore, type Inputs, itemsBefore, namesBefore, skippedBefore } from './known.ts'
import { planLimits } from './limits.ts'
import { Placing } from './placing.ts'
import type { CriticalPath, Place, PlaceKind, Plan, PlannedHost, PlannedStage } from './plan.ts'

export interface Question {
  readonly workflow: Workflow
  /** Bound: with their defaults (`bindInputs`). */
  readonly inputs: Inputs
  /** Not changed: what the plan sets aside is on a copy. */
  readonly hosts: Hosts
  readonly policy: PlacementPolicy
  /** The host that leads, where one is known. */
  readonly near?: string
  /** Of work that has been done before, where somebody knows. */
  readonly estimateOf?: (stage: Stage) => Estimate | undefined
  /** What it took on each host, likewise. */
  readonly timesOf?: (stage: Stage) => TaskTimes | undefined
}

/** What stands for a time that nobody knows: it orders, and is told to nobody. */
const UNKNOWN_MS = 1_000

export function planOf(question: Question): Plan {
  const { workflow, inputs, policy } = question
  const hosts = question.hosts.copy()
  const names = namesBefore(workflow, inputs)
  const kinds = kindsOf(askedKinds(workflow, names), hosts.all())
  const itemsOf = (stage: Stage) => itemsBefore(stage, names)
  const expected = expectationsOf(question, names)
  const expectedOf = (stage: Stage) => expected.get(stage) ?? {}
  const timeOf = timesOf(expected)
  const { structure, criticalPath } = pathOf(workflow.stages, wholeTimes(timeOf, itemsOf))
  const verdicts = verdictsOf(kinds, hosts.all())
  const [main, ...later] = sections.map((section) => orderedSection(workflow.stages, section))
  const ordinary = [main!, ...later].flatMap(({ stages }) => stages)
  const skipped = skippedBefore(ordinary, names)
  const placing = new Placing({
    kinds,
    hosts,
    policy,
    skipped,
    near: question.near,
    itemsOf,
    timesOf: (stage) => question.timesOf?.(stage),
    durationMs: (stage) => timeOf.get(stage) ?? UNKNOWN_MS,
    priorityOf: ({ priority }) => priority ?? workflow.priority,
  })
  for (const { stages } of [main!, ...later]) placing.run(stages, stageGraph(stages))
  const found = {
    kinds,
    structure,
    criticalPath,
    timeOf,
    expectedOf,
    itemsOf,
    places: placing.places,
  }
  const whole = wholeExpected({
    // Stages under `onFailure` are not expected.
    parts: [main!, later.at(-1)!].map(({ stages }) => ({
      stages,
      graph: stageGraph(stages),
      order: stages.keys(),
    })),
    expectedOf,
    itemsOf,
    isSkipped: ({ name }) => skipped.has(name),
  })
  const described = ({ stages, levels }: Ordered) =>
    stages.map((stage, i) => plannedStage(stage, levels[i], found))
  const called = workflow.stages.filter(({ role }) => role !== 'ordinary')
  const hints = [
    ...hintsOf(workflow, structure, levelsByName(main!), kinds, hosts.all()),
    ...hintsOfHistory(workflow.stages, expectedOf),
  ]
  return {
    hash: planHashOf(workflow, inputs, kinds),
    workflow: {
      name: workflow.name,
      hash: workflowHash(workflow),
      stages: workflow.stages.length,
    },
    policy: policy.name,
    stages: [
      ...described(main!),
      ...called.map((stage) => plannedStage(stage, undefined, found)),
      ...later.flatMap(described),
    ],
    widths: structure.widths,
    tracks: structure.tracks,
    criticalPath,
    expected: {
      ...whole,
      untimed: whole.untimed.slice(0, planLimits.unknownTold),
      untimedUntold: Math.max(0, whole.untimed.length - planLimits.unknownTold),
    },
    kinds: verdicts.kinds,
    kindsUntold: verdicts.untold,
    hosts: question.hosts.all().map(plannedHost),
    secrets: secretsNamed(workflow),
    hints: hints.slice(0, planLimits.hintsMax),
    hintsUntold: Math.max(0, hints.length - planLimits.hintsMax),
  }
}

function expectationsOf(
  { workflow, estimateOf }: Question,
  names: Fields,
): ReadonlyMap<Stage, StageExpected> {
  return new Map(
    workflow.stages.map((stage) => {
      const ms = durationBefore(stage, names)
      if (ms !== undefined) return [stage, { time: declared(ms) }]
      const estimate = estimateOf?.(stage)
      return [stage, estimate === undefined ? {} : withTries(expectedBy(estimate), stage)]
    }),
  )
}

function timesOf(expected: ReadonlyMap<Stage, StageExpected>): ReadonlyMap<Stage, number> {
  const timeOf = new Map<Stage, number>()
  for (const [stage, { time }] of expected) if (time) timeOf.set(stage, time.p50Ms)
  return timeOf
}

/** With all items of a stage, as many at a time as it allows. */
function wholeTimes(
  timeOf: ReadonlyMap<Stage, number>,
  itemsOf: (stage: Stage) => number | undefined,
): ReadonlyMap<Stage, number> {
  const whole = new Map<Stage, number>()
  for (const [stage, ms] of timeOf) {
    const items = stage.forEach === undefined ? 1 : itemsOf(stage)
    if (items === undefined) continue
    whole.set(stage, ms * Math.ceil(items / (stage.forEach?.limit ?? Math.max(1, items))))
  }
  return whole
}

/**
 * By time where it is known, and by length where none is. Beside stages with a time, one without
 * counts as next to nothing, so that it is only told from one that is not there: what is told is
 * then the least that it can be.
 */
function pathOf(
  all: readonly Stage[],
  timeOf: ReadonlyMap<Stage, number>,
): { structure: Structure; criticalPath: CriticalPath } {
  const main = all.filter(({ role, section }) => role === 'ordinary' && section === 'stages')
  const isTimed = main.some((stage) => (timeOf.get(stage) ?? 0) > 0)
  const next = isTimed ? 1 / (2 * main.length) : 1
  const structure = structureOf(all, (stage) => next + (isTimed ? (timeOf.get(stage) ?? 0) : 0))
  const stages = structure.criticalPath
  if (!isTimed) return { structure, criticalPath: { stages, basis: 'length' } }
  const basis = main.every((stage) => timeOf.has(stage)) ? 'time' : 'partly'
  const isOnPath = new Set(stages)
  const lengthMs = main
    .filter(({ name }) => isOnPath.has(name))
    .reduce((sum, stage) => sum + (timeOf.get(stage) ?? 0), 0)
  return { structure, criticalPath: { stages, basis, lengthMs } }
}

interface Ordered {
  /** Each after all that it needs; level by level, and within one as in the file. */
  readonly stages: readonly Stage[]
  readonly levels: readonly number[]
}

function orderedSection(all: readonly Stage[], section: Section): Ordered {
  const stages = all.filter((stage) => stage.section === section && stage.role === 'ordinary')
  const graph = stageGraph(stages)
  const sorted = topologicalOrder(graph)
  assert(sorted.ok, 'a parsed workflow has no cycle')
  const { of } = levelsOf(graph, sorted.order)
  const nodes = [...stages.keys()].sort((a, b) => of[a]! - of[b]! || a - b)
  return { stages: nodes.map((node) => stages[node]!), levels: nodes.map((node) => of[node]!) }
}

function levelsByName({ stages, levels }: Ordered): ReadonlyMap<string, number> {
  return new Map(stages.map(({ name }, i) => [name, levels[i]!]))
}

interface Findings {
  readonly kinds: Kinds
  readonly structure: Structure
  readonly criticalPath: CriticalPath
  readonly timeOf: ReadonlyMap<Stage, number>
  readonly expectedOf: (stage: Stage) => StageExpected
  readonly itemsOf: (stage: Stage) => number | undefined
  readonly places: ReadonlyMap<string, Place>
}

function plannedStage(stage: Stage, level: number | undefined, found: Findings): PlannedStage {
  const { name, section, role, step, needs, forEach, resources } = stage
  const { kinds, structure, criticalPath, timeOf, expectedOf, itemsOf, places } = found
  const kind = kinds.of.get(stage)
  const ms = timeOf.get(stage)
  const slack = criticalPath.basis === 'time' ? structure.slackMs.get(name) : undefined
  const items = itemsOf(stage)
  const limit = forEach?.limit
  return {
    name,
    section,
    role,
    step: step.kind,
    needs,
    ...(level === undefined ? {} : { level }),
    isCritical: structure.slackMs.has(name) && criticalPath.stages.includes(name),
    ...(ms === undefined ? {} : { expectedMs: ms }),
    ...(resources.memoryBytes === undefined ? {} : { asksMemoryBytes: resources.memoryBytes }),
    expected: expectedOf(stage),
    ...(slack === undefined ? {} : { slackMs: Math.round(slack) }),
    ...(stage.race ? { race: true as const } : {}),
    ...(forEach === undefined
      ? {}
      : {
          forEach: {
            ...(items === undefined ? {} : { items }),
            ...(limit === undefined ? {} : { limit }),
          },
        }),
    place: places.get(name) ?? { by: 'call' },
    ...(kind === undefined ? {} : { kind }),
    unknown: kinds.missing.get(stage) ?? [],
  }
}

/** As hosts are now, before anything of this plan is set aside. */
function verdictsOf(
  { all }: Kinds,
  hosts: readonly HostView[],
): { kinds: PlaceKind[]; untold: number } {
  let left: number = planLimits.verdictsMax
  let untold = 0
  const kinds = all.map(({ request, stages, eligible }): PlaceKind => {
    const common = {
      stages: stages.map(({ name }) => name),
      eligible: eligible.map(({ id }) => id),
    }
    left -= hosts.length
    if (left < 0) {
      untold++
      return common
    }
    const verdicts = hosts.map((host) => {
      return { node: host.id, name: host.name, refusals: refusalsOf(request, host) }
    })
    return { ...common, verdicts }
  })
  return { kinds, untold }
}

function plannedHost(host: HostView): PlannedHost {
  const { id, name, state, cores, memoryBytes, drained, setAside } = host
  const { attempts } = setAside
  return { id, name, state, cores, memoryBytes, drained: drained !== undefined, attempts }
}
