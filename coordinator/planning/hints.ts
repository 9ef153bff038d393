/**
 * What is worth knowing about the structure of a workflow, and where it meets this mesh. A hint is
 * never a guess: what it says holds, and what it advises changes nothing of what the workflow means.
 */
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import type { Structure } from '../../protocol/workflow/structure.ts'
import type { HostView } from '../placement/host-view.ts'
import { isUnknownStep, unknownStepWords } from '../placement/unknown-steps.ts'
import { count } from '../placement/words.ts'
import type { Kinds } from './kinds.ts'
import { planLimits } from './limits.ts'
import type { Hint } from './plan.ts'

export function hintsOf(
  workflow: Workflow,
  structure: Structure,
  levelOf: ReadonlyMap<string, number>,
  kinds: Kinds,
  hosts: readonly HostView[],
): Hint[] {
  const narrow = structure.bottlenecks.filter((name) => isNarrow(levelOf.get(name)!, structure))
  return [
    ...unknownSteps(workflow.stages),
    ...impossible(kinds, hosts),
    ...singleHosts(kinds, hosts),
    ...narrow.map((stage) => bottleneck(stage, structure)),
    ...needlessNeeds(workflow.stages, structure),
    ...unreadArtifacts(workflow.stages),
  ]
}

/** Whatever calls or needs them, such stages fail as soon as it is their turn. */
function unknownSteps(stages: readonly Stage[]): Hint[] {
  return stages
    .filter(({ step }) => isUnknownStep(step.kind))
    .map(({ name, step }) => {
      const message = `it fails when it is its turn: ${unknownStepWords(step.kind)}`
      return { code: 'impossible', stage: name, message }
    })
}

function impossible({ all }: Kinds, hosts: readonly HostView[]): Hint[] {
  return all
    .filter(({ eligible }) => eligible.length === 0)
    .flatMap(({ stages }) =>
      stages.map(({ name }): Hint => {
        const message =
          hosts.length === 0
            ? 'no host is known that could run it'
            : `none of ${count(hosts.length, 'host')} could run it, whatever ends there`
        return { code: 'impossible', stage: name, message }
      }),
    )
}

/** Of those that do not ask for it themselves, in a mesh that has others. */
function singleHosts({ all }: Kinds, hosts: readonly HostView[]): Hint[] {
  if (hosts.filter(({ state }) => state === 'alive').length < 2) return []
  return all.flatMap(({ request, eligible, stages }) => {
    const [only] = eligible
    if (only === undefined || eligible.length > 1 || request.demands.hosts.length > 0) return []
    return stages.map(({ name }): Hint => {
      const message = `${only.name} is the only host that could run it; without that, it waits`
      return { code: 'singleHost', stage: name, message }
    })
  })
}

/** Where several stages come together and several begin: in a chain, nothing is held up. */
function isNarrow(level: number, { widths }: Structure): boolean {
  return (widths[level - 1] ?? 0) > 1 && (widths[level + 1] ?? 0) > 1
}

function bottleneck(stage: string, { order }: Structure): Hint {
  const place = order.indexOf(stage)
  const after = order.length - place - 1
  const message = `everything goes through it: ${count(place, 'stage')} before, ${count(after, 'stage')} after, and nothing beside`
  return { code: 'bottleneck', stage, message }
}

/**
 * Needs that say nothing new. Reaching it another way is not enough: a stage between that may be
 * skipped, or whose failure counts for nothing, would let the need mean something of its own.
 */
function needlessNeeds(stages: readonly Stage[], { redundant }: Structure): Hint[] {
  const byName = new Map(stages.map((stage) => [stage.name, stage]))
  const maySkip = skippable(stages)
  const isSure = (name: string) => !maySkip.has(name) && byName.get(name)?.optional === false
  const visits = { left: planLimits.hintVisitsMax }
  return redundant.flatMap(({ stage: name, need }): Hint[] => {
    const stage = byName.get(name)!
    if (targetsOf(byName.get(need)!).includes(name)) return []
    const by = surelyBy(stage, need, byName, isSure, visits)
    if (by === undefined) return []
    return [
      {
        code: 'needlessNeed',
        stage: name,
        message: `it need not name ${need}: ${by}, which it needs, comes after that`,
      },
    ]
  })
}

/** The need of `stage` by which it comes after `need` anyway, over sure stages only. */
function surelyBy(
  stage: Stage,
  need: string,
  byName: ReadonlyMap<string, Stage>,
  isSure: (name: string) => boolean,
  visits: { left: number },
): string | undefined {
  const seen = new Set<string>()
  for (const first of stage.needs) {
    if (first === need || !isSure(first)) continue
    const waiting = [first]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const next of byName.get(at)?.needs ?? []) {
        if (--visits.left < 0) return undefined
        if (next === need) return first
        if (seen.has(next) || !isSure(next)) continue
        seen.add(next)
        waiting.push(next)
      }
    }
  }
  return undefined
}

/** Those that a condition, a choice, an empty list or the skipping of all before may leave out. */
function skippable(stages: readonly Stage[]): ReadonlySet<string> {
  const chosen = new Set(stages.flatMap(targetsOf))
  const byName = new Map(stages.map((stage) => [stage.name, stage]))
  const found = new Map<string, boolean>()
  // Needs are over before whoever needs them: each is decided after all of its own.
  for (const root of stages) {
    const way = [root]
    for (let stage = way.at(-1); stage !== undefined; stage = way.at(-1)) {
      const needs = stage.needs.flatMap((name) => byName.get(name) ?? [])
      const open = found.has(stage.name) ? undefined : needs.find(({ name }) => !found.has(name))
      if (open !== undefined) {
        way.push(open)
        continue
      }
      way.pop()
      const isCut = needs.length > 0 && needs.every(({ name }) => found.get(name) === true)
      const mayBeEmpty = stage.forEach !== undefined && 'kind' in stage.forEach.items
      const mayBeLeft = stage.if !== undefined || chosen.has(stage.name) || mayBeEmpty
      found.set(stage.name, mayBeLeft || isCut)
    }
  }
  return new Set([...found].filter(([, may]) => may).map(([name]) => name))
}

function targetsOf({ step }: Stage): readonly string[] {
  if (step.kind !== 'choose') return []
  return [...step.cases.flatMap(({ then }) => then), ...(step.otherwise ?? [])]
}

function unreadArtifacts(stages: readonly Stage[]): Hint[] {
  const read = new Set(stages.flatMap(({ artifactsFrom }) => artifactsFrom))
  return stages
    .filter(({ name, artifacts }) => artifacts.length > 0 && !read.has(name))
    .map(({ name }) => ({
      code: 'unreadArtifacts',
      stage: name,
      message: 'no stage fetches its artifacts; they are kept for people only',
    }))
}
