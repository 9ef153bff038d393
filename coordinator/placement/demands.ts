/**
 * What a stage says under `where`, with its values in. A part whose value is not to be had (yet)
 * comes back by its place with the reason: the scheduler takes that for a failure of the stage, a
 * plan for something that only the run will know.
 */
import {
  type EvaluationLimits,
  expressionLimits,
} from '../../protocol/workflow/expressions/limits.ts'
import { renderText, type Template } from '../../protocol/workflow/expressions/template.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import type { LabelRule, Placement, Stage, Workflow } from '../../protocol/workflow/model.ts'
import { secretsOf } from '../../protocol/workflow/secrets.ts'
import { features } from './host-view.ts'
import type { Demands, LabelDemand } from './policy.ts'

export interface RenderedDemands {
  readonly demands: Demands
  /** What is missing from it, and why. */
  readonly missing: readonly MissingDemand[]
}

export interface MissingDemand {
  /** As in `where.labels.zone`. */
  readonly where: string
  readonly why: string
}

const none: readonly string[] = []

/** What a stage needs of the agent that does it: names in `features`. */
export function featuresOf(workflow: Pick<Workflow, 'secrets'>, stage: Stage): readonly string[] {
  const needed = []
  if (stage.step.kind === 'container') needed.push(features.container)
  else if (stage.sandbox) needed.push(features.sandbox)
  const files = secretsOf(workflow, stage, 'file')
  if (Object.keys(files).length > 0) needed.push(features.secretFiles)
  return needed.length > 0 ? needed : none
}

export const noDemands: Demands = { labels: [], hosts: [], prefer: [] }

/** Whether it is the same for every run and every item, and so needs to be rendered only once. */
export function isConstant({ labels, hosts, prefer, expression }: Placement): boolean {
  const templates = [
    ...Object.values(labels).flatMap((rule) => [...(rule.in ?? []), ...(rule.notIn ?? [])]),
    ...hosts,
    ...Object.values(prefer),
  ]
  return expression === undefined && templates.every(isPlain)
}

function isPlain(template: Template): boolean {
  return template.every((part) => typeof part === 'string')
}

/** `names` holds everything but `node`. */
export function renderDemands(
  where: Placement,
  names: Fields,
  limits: EvaluationLimits = expressionLimits,
): RenderedDemands {
  const missing: MissingDemand[] = []
  const text = (template: Template, place: string): string | undefined => {
    const found = renderText(template, names, limits)
    if (found.ok) return found.value
    missing.push({ where: place, why: found.mistake.why })
    return undefined
  }
  const texts = (templates: readonly Template[] | undefined, place: string) => {
    const found = templates?.map((template) => text(template, place))
    // Half a list would be another rule.
    return found?.every((each) => each !== undefined) ? (found as string[]) : undefined
  }
  const labels = Object.entries(where.labels).map(([label, rule]) =>
    renderedRule(label, rule, (templates) => texts(templates, `where.labels.${label}`)),
  )
  const hosts = texts(where.hosts, 'where.host') ?? []
  const prefer = Object.entries(where.prefer).flatMap(([label, template]) => {
    const value = text(template, `where.prefer.${label}`)
    return value === undefined ? [] : { label, value }
  })
  const demands = {
    labels,
    hosts,
    prefer,
    ...(where.expression === undefined ? {} : { expression: { expr: where.expression, names } }),
    ...(where.spread === undefined ? {} : { spread: where.spread }),
  }
  return { demands, missing }
}

function renderedRule(
  label: string,
  rule: LabelRule,
  texts: (templates: readonly Template[] | undefined) => string[] | undefined,
): LabelDemand {
  const wanted = texts(rule.in)
  const unwanted = texts(rule.notIn)
  return {
    label,
    ...(wanted === undefined ? {} : { in: wanted }),
    ...(unwanted === undefined ? {} : { notIn: unwanted }),
    ...(rule.exists === undefined ? {} : { exists: rule.exists }),
  }
}
