/**
 * Workflows at random, of all that the language has and that ends the same however long things take;
 * with what each stage is fated to, so that an oracle can tell the end beforehand.
 */
import type { Json } from '../../protocol/workflow/shape/shape.ts'

export type Section = 'stages' | 'onFailure' | 'finally'

/** How often a unit fails in a way that may be tried again, and what it comes to then. */
export interface UnitFate {
  readonly failures: number
  readonly end: 'succeeded' | 'bug'
}

export interface Drawn {
  readonly name: string
  readonly section: Section
  readonly kind: 'run' | 'wait' | 'choose' | 'signal' | 'await' | 'approve' | 'workflow'
  readonly role: 'ordinary' | 'compensation' | 'fallback'
  needs: string[]
  readonly attempts: number
  /** Of the stage, or of each item. */
  readonly fates: readonly UnitFate[]
  readonly optional: boolean
  readonly isGated: boolean
  condition?: { readonly of: string; readonly state: string } | { readonly always: boolean }
  /** It reads `outputs.v` of this one. */
  reads?: string
  items?: {
    readonly count: number
    readonly limit: number | undefined
    readonly rule: 'failFast' | 'continue' | number
    readonly isComputed: boolean
  }
  cases?: { readonly holds: boolean; readonly targets: string[] }[]
  otherwise?: string[]
  approves?: boolean
  /** The stage whose signal it awaits. */
  awaits?: string
  sends?: boolean
  compensate?: string
  fallback?: string
  /** Of the child that it starts. */
  child?: 'good' | 'bad'
  isWaited?: boolean
}

export interface DrawnWorkflow {
  readonly stages: Drawn[]
  readonly text: string
}

type Draw = () => number

export function drawWorkflow(draw: Draw, count: number): DrawnWorkflow {
  const below = (n: number) => Math.floor(draw() * n)
  const chance = (p: number) => draw() < p
  const stages: Drawn[] = []
  const sectionOf = (i: number): Section =>
    i < count ? 'stages' : i % 2 === 0 ? 'onFailure' : 'finally'
  const extra = below(4)
  for (let i = 0; i < count + extra; i++) {
    stages.push(drawStage(i, sectionOf(i), stages, below, chance))
  }
  const called: Drawn[] = []
  for (const stage of stages) {
    if (stage.kind === 'choose') continue
    for (const key of ['compensate', 'fallback'] as const) {
      if (!chance(0.2) || (key === 'compensate' && stage.section !== 'stages')) continue
      const role = key === 'fallback' ? 'fallback' : 'compensation'
      const other: Drawn = {
        name: `${key}-${stage.name}`,
        section: stage.section,
        kind: 'run',
        role,
        needs: [],
        attempts: 1 + below(2),
        fates: [drawFate(below, chance)],
        optional: false,
        isGated: false,
      }
      called.push(other)
      stage[key] = other.name
    }
  }
  stages.push(...called)
  return { stages, text: JSON.stringify(written(stages)) }
}

function drawFate(below: (n: number) => number, chance: (p: number) => boolean): UnitFate {
  return { failures: chance(0.7) ? 0 : 1 + below(3), end: chance(0.85) ? 'succeeded' : 'bug' }
}

function drawStage(
  i: number,
  section: Section,
  before: readonly Drawn[],
  below: (n: number) => number,
  chance: (p: number) => boolean,
): Drawn {
  const known = before.filter((each) => each.section === section && each.role === 'ordinary')
  const needs = known.filter(() => chance(1.6 / Math.max(2, known.length))).map(({ name }) => name)
  const kinds = [
    'run',
    'run',
    'run',
    'run',
    'wait',
    'choose',
    'signal',
    'await',
    'approve',
    'workflow',
  ] as const
  let kind: Drawn['kind'] = kinds[below(kinds.length)]!
  const senders = ancestors(before, needs).filter((name) => find(before, name).sends === true)
  if (kind === 'await' && senders.length === 0) kind = 'signal'
  // What is chosen from is drawn after it; a choice of nothing is none.
  const attempts = 1 + below(3)
  const hasItems = kind === 'run' && chance(0.25)
  const itemCount = hasItems ? below(5) : 1
  const stage: Drawn = {
    name: `s${i}`,
    section,
    kind,
    role: 'ordinary',
    needs,
    attempts: kind === 'workflow' ? 1 + below(2) : attempts,
    fates: Array.from({ length: itemCount }, () => drawFate(below, chance)),
    optional: chance(0.15),
    isGated: chance(0.15),
  }
  const around = ancestors(before, needs)
  if (chance(0.2)) {
    const of = around[below(Math.max(1, around.length))]
    stage.condition =
      of === undefined
        ? { always: chance(0.7) }
        : { of, state: chance(0.7) ? 'succeeded' : 'skipped' }
  }
  const readable = around.filter((name) => find(before, name).items === undefined)
  if (kind === 'run' && readable.length > 0 && chance(0.25)) {
    stage.reads = readable[below(readable.length)]!
  }
  if (hasItems) {
    const rule = chance(0.4)
      ? 'failFast'
      : chance(0.5)
        ? 'continue'
        : 1 + below(Math.max(1, itemCount))
    const isComputed = chance(0.5)
    const isPossible = typeof rule !== 'number' || isComputed || rule <= itemCount
    stage.items = {
      count: itemCount,
      limit: chance(0.4) ? 1 + below(3) : undefined,
      rule: isPossible ? rule : 'continue',
      isComputed,
    }
  }
  if (kind === 'choose') {
    stage.cases = Array.from({ length: 1 + below(2) }, () => ({ holds: chance(0.5), targets: [] }))
    stage.otherwise = []
  }
  if (kind === 'approve' || (kind === 'run' && chance(0.08))) stage.approves = chance(0.8)
  if (kind === 'signal' || chance(0.1)) stage.sends = kind !== 'choose'
  if (kind === 'await') stage.awaits = senders[below(senders.length)]!
  if (kind === 'workflow') {
    stage.child = chance(0.7) ? 'good' : 'bad'
    stage.isWaited = chance(0.8)
  }
  for (const chooser of known.filter((each) => each.kind === 'choose')) {
    if (!chance(0.4)) continue
    const options = [...chooser.cases!.map(({ targets }) => targets), chooser.otherwise!]
    options[below(options.length)]!.push(stage.name)
    if (!stage.needs.includes(chooser.name)) stage.needs.push(chooser.name)
  }
  return stage
}

function find(stages: readonly Drawn[], name: string): Drawn {
  return stages.find((each) => each.name === name)!
}

function ancestors(stages: readonly Drawn[], needs: readonly string[]): string[] {
  const all = new Set<string>()
  const visit = (name: string) => {
    if (all.has(name)) return
    all.add(name)
    find(stages, name).needs.forEach(visit)
  }
  needs.forEach(visit)
  return [...all]
}

const expression = (text: string) => `\${{ ${text} }}`

function written(stages: readonly Drawn[]): Json {
  const of = (section: Section) =>
    Object.fromEntries(
      stages
        .filter((each) => each.section === section)
        .map((each) => [each.name, writtenStage(each)]),
    )
  const sections = { onFailure: of('onFailure'), finally: of('finally') }
  return {
    apiVersion: 'skein/v1',
    kind: 'Workflow',
    name: 'drawn',
    stages: of('stages'),
    ...(Object.keys(sections.onFailure).length > 0 ? { onFailure: sections.onFailure } : {}),
    ...(Object.keys(sections.finally).length > 0 ? { finally: sections.finally } : {}),
  }
}

function writtenStage(stage: Drawn): Json {
  const { needs, condition, attempts, items, reads, optional, isGated, compensate, fallback } =
    stage
  const isAttempted = stage.kind === 'run' || stage.kind === 'workflow'
  return {
    ...step(stage),
    ...(needs.length > 0 ? { needs } : {}),
    ...(condition === undefined
      ? {}
      : {
          if:
            'always' in condition
              ? String(condition.always)
              : `stages["${condition.of}"].state == "${condition.state}"`,
        }),
    ...(isAttempted && attempts > 1 ? { retry: { attempts, initial: '100ms' } } : {}),
    ...(items === undefined
      ? {}
      : {
          forEach: {
            items: items.isComputed
              ? expression(`[${Array.from({ length: items.count }, (_, i) => i).join(', ')}]`)
              : Array.from({ length: items.count }, (_, i) => i),
            ...(items.limit === undefined ? {} : { limit: items.limit }),
            onFailure: typeof items.rule === 'number' ? `quorum ${items.rule}` : items.rule,
          },
        }),
    ...(reads === undefined ? {} : { env: { READ: expression(`stages["${reads}"].outputs.v`) } }),
    ...(optional && stage.role === 'ordinary' ? { optional } : {}),
    ...(mayRace(stage) ? { race: true } : {}),
    ...(isGated ? { concurrency: { key: 'gate', limit: 2 } } : {}),
    ...(compensate === undefined ? {} : { compensate }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(stage.sends === true && stage.kind !== 'signal'
      ? { signal: { event: `e-${stage.name}`, key: expression('run.id') } }
      : {}),
    ...(stage.approves !== undefined && stage.kind !== 'approve'
      ? { approve: { timeout: '1d' } }
      : {}),
  }
}

function mayRace({ kind, isGated, compensate, items }: Drawn): boolean {
  return kind === 'run' && !isGated && compensate === undefined && items?.limit === undefined
}

function step(stage: Drawn): Record<string, Json> {
  switch (stage.kind) {
    case 'run':
      return { run: ['work', stage.name] }
    case 'wait':
      return { wait: '2s' }
    case 'choose':
      return {
        choose: {
          cases: stage.cases!.map(({ holds, targets }) =>
            Object.fromEntries([
              ['when', String(holds)],
              ['then', targets],
            ]),
          ),
          otherwise: stage.otherwise!,
        },
      }
    case 'signal':
      return { signal: { event: `e-${stage.name}`, key: expression('run.id') } }
    case 'await':
      return { await: { event: `e-${stage.awaits}`, key: expression('run.id'), timeout: '30s' } }
    case 'approve':
      return { approve: { timeout: '1d' } }
    case 'workflow':
      return {
        workflow: { name: 'child', wait: stage.isWaited! },
        with: { mode: stage.child! },
      }
  }
}

export const childText = JSON.stringify({
  apiVersion: 'skein/v1',
  kind: 'Workflow',
  name: 'child',
  inputs: { mode: 'string' },
  outputs: { v: expression('inputs.mode') },
  stages: { work: { run: ['child', expression('inputs.mode')] } },
})
