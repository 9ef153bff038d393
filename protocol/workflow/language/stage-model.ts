/** A stage as it is written into a `Stage`, and back. */
import type { Template } from '../expressions/template.ts'
import type { Script, Section, Shell, Stage, Step } from '../model.ts'
import { anywhere, noResources, resolvedPlacement, resolvedResources } from './placement.ts'
import { resolvedRetry, writtenRetry } from './policies.ts'
import { readScript } from './script.ts'
import { type WrittenDefaults, type WrittenStage, workKinds } from './stage.ts'
import { takesDefault } from './uses.ts'

/**
 * In the place of a step that could not be read, so that all the rest of the stage can be judged.
 * Never in a `Workflow`: there is a mistake for each.
 */
export const unreadable: Step = { kind: 'signal' }

export function stageOf(
  name: string,
  section: Section,
  written: WrittenStage,
  defaults: WrittenDefaults,
): Stage {
  const step = stepOf(written, written.shell ?? defaults.shell ?? 'sh') ?? unreadable
  const known = Object.fromEntries(
    Object.entries(defaults).filter(([key]) => takesDefault(key, step.kind)),
  ) as WrittenDefaults
  return {
    name,
    section,
    role: 'ordinary',
    labels: written.labels ?? {},
    step,
    needs: written.needs ?? [],
    retry: resolvedRetry(written.retry, known.retry),
    timeouts: { ...known.timeout, ...written.timeout },
    where: resolvedPlacement(written.where, known.where),
    resources: resolvedResources(written.resources, known.resources),
    optional: written.optional ?? false,
    onLost: written.onLost ?? known.onLost ?? 'retry',
    race: written.race ?? false,
    checkpoint: written.checkpoint ?? false,
    sandbox: written.sandbox ?? false,
    artifacts: written.artifacts ?? [],
    artifactsFrom: written.artifactsFrom ?? [],
    env: written.env ?? {},
    secrets: written.secrets ?? {},
    with: written.with ?? {},
    ...given('if', written.if),
    ...given('directory', written.directory ?? known.directory),
    ...given('deadlineMs', written.deadline),
    ...given('description', written.description),
    ...given('approve', written.approve),
    ...given('signal', written.signal),
    ...given('forEach', written.forEach),
    ...given('priority', written.priority),
    ...given('concurrency', written.concurrency),
    ...given('compensate', written.compensate),
    ...given('fallback', written.fallback),
  }
}

function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: T })
}

function stepOf(written: WrittenStage, shell: Shell): Step | undefined {
  const kind = workKinds.find((each) => written[each] !== undefined)
  switch (kind) {
    case undefined:
      if (written.approve) return { kind: 'approve' }
      return written.signal ? { kind: 'signal' } : undefined
    case 'run': {
      const command = written.run!
      if ('argv' in command) return { kind, argv: command.argv }
      const read = readScript(command.script)
      return read.ok ? { kind, script: { shell, parts: read.parts } } : undefined
    }
    case 'wait': {
      const { for: length, until } = written.wait!
      if (length !== undefined) return { kind, for: length }
      return until === undefined ? undefined : { kind, until }
    }
    case 'runbook':
    case 'framework':
    case 'gate':
      return { kind, name: written[kind]! }
    default:
      return { kind, ...written[kind]! } as Step
  }
}

/** Without what would be so anyway. */
export function writtenStage(stage: Stage): WrittenStage {
  const { step, where, resources, timeouts, if: condition } = stage
  const all: { [K in keyof WrittenStage]: WrittenStage[K] | undefined } = {
    ...writtenStep(step),
    description: stage.description,
    labels: unlessEmpty(stage.labels),
    needs: stage.needs.length > 0 ? stage.needs : undefined,
    if: condition,
    approve: stage.approve,
    signal: stage.signal,
    with: unlessEmpty(stage.with),
    directory: stage.directory,
    env: unlessEmpty(stage.env),
    secrets: unlessEmpty(stage.secrets),
    artifacts: stage.artifacts.length > 0 ? stage.artifacts : undefined,
    artifactsFrom: stage.artifactsFrom.length > 0 ? stage.artifactsFrom : undefined,
    forEach: stage.forEach,
    retry: writtenRetry(stage.retry),
    timeout: unlessEmpty(timeouts),
    where: unlessSame(where, anywhere),
    resources: unlessSame(resources, noResources),
    priority: stage.priority,
    deadline: stage.deadlineMs,
    concurrency: stage.concurrency,
    compensate: stage.compensate,
    fallback: stage.fallback,
    optional: stage.optional ? true : undefined,
    onLost: stage.onLost === 'fail' ? 'fail' : undefined,
    race: stage.race ? true : undefined,
    checkpoint: stage.checkpoint ? true : undefined,
    sandbox: stage.sandbox ? true : undefined,
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as WrittenStage
}

function writtenStep(step: Step): WrittenStage {
  switch (step.kind) {
    case 'approve':
    case 'signal':
      return {}
    case 'run':
      if ('argv' in step) return { run: { argv: step.argv } }
      return { run: { script: scriptTemplate(step.script) }, shell: step.script.shell }
    case 'runbook':
    case 'framework':
    case 'gate':
      return { [step.kind]: step.name }
    default: {
      const { kind, ...rest } = step
      return { [kind]: rest } as WrittenStage
    }
  }
}

function scriptTemplate({ parts }: Script): Template {
  return parts.map((part) => (typeof part === 'string' ? part : part.expr))
}

function unlessEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length > 0 ? value : undefined
}

function unlessSame<T extends object>(value: T, nothing: T): T | undefined {
  return comparable(value) === comparable(nothing) ? undefined : value
}

/** Whole numbers of expressions are of a kind that JSON has no word for. */
function comparable(value: object): string {
  return JSON.stringify(sorted(value), (_, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : part,
  )
}

function sorted(value: object): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}
