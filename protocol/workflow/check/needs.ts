/** Whether what a stage names is there, may be named so, and does not come round to it. */
import { nearest } from '../../nearest.ts'
import { areAncestors } from '../graph/ancestry.ts'
import { topologicalOrder } from '../graph/order.ts'
import { quote } from '../mistake.ts'
import type { Stage } from '../model.ts'
import { type Draft, stagePath } from './draft.ts'

export function checkNeeds(draft: Draft): void {
  for (const stage of draft.stages) {
    stage.needs.forEach((name, i) => {
      checkNeed(draft, stage, name, i)
    })
    checkCalled(draft, stage)
  }
  checkCycles(draft)
}

export function knownStage(
  draft: Draft,
  name: string,
  path: readonly (string | number)[],
): Stage | undefined {
  if (!draft.hasName(name)) {
    const hint = () => {
      const guess = nearest(name, draft.names())
      return guess === undefined ? undefined : `did you mean ${guess}?`
    }
    draft.refuse('unknownStage', path, `there is no stage ${quote(name)}`, hint)
  }
  return draft.stage(name)
}

function checkNeed(draft: Draft, stage: Stage, name: string, i: number): void {
  const path = [...stagePath(stage), 'needs', i]
  if (name === stage.name) return
  const need = knownStage(draft, name, path)
  if (need === undefined) return
  if (need.section !== stage.section) {
    const why = `${name} stands under ${need.section}, and stages under ${stage.section} need only their like`
    const hint =
      stage.section === 'stages'
        ? undefined
        : `all of stages is over before ${stage.section} begins`
    draft.refuse('badNeed', path, why, hint)
  }
  if (need.role !== 'ordinary') {
    const why = `${name} is a ${need.role}: it runs only when it is called`
    const hint = need.role === 'fallback' ? 'need the stage that it stands in for' : undefined
    draft.refuse('badNeed', path, why, hint)
  }
}

/** What stands in for a stage or undoes it is called by it, and by nothing else. */
function checkCalled(draft: Draft, stage: Stage): void {
  for (const key of ['compensate', 'fallback'] as const) {
    const name = stage[key]
    if (name === undefined) continue
    const path = [...stagePath(stage), key]
    if (name === stage.name) {
      draft.refuse('cycle', path, `${name} names itself as its ${key}`)
      return
    }
    const called = knownStage(draft, name, path)
    if (called === undefined) continue
    if (called.section !== stage.section) {
      draft.refuse('badNeed', path, `${name} stands under ${called.section}, not ${stage.section}`)
    }
  }
  if (stage.role === 'ordinary') return
  for (const key of ['needs', 'compensate', 'fallback', 'forEach', 'optional'] as const) {
    if (!draft.keysAt(stagePath(stage)).includes(key)) continue
    const why = `${stage.name} is a ${stage.role} and runs when it is called, so ${key} means nothing here`
    draft.refuse('meaningless', [...stagePath(stage), key], why, `leave ${key} out`)
  }
  if (stage.step.kind === 'choose') {
    draft.refuse('meaningless', stagePath(stage), `a ${stage.role} chooses no stages`)
  }
}

function checkCycles(draft: Draft): void {
  const result = topologicalOrder(draft.graph)
  if (result.ok) return
  for (const cycle of result.cycles) {
    const names = cycle.map((i) => draft.stages[i]!.name)
    const first = draft.stages[cycle[0]!]!
    const next = names[1] ?? names[0]!
    const way = [...shortened(names), names[0]!].join(' → ')
    const why =
      names.length === 1
        ? `${first.name} needs itself`
        : `the needs go round: ${way}${names.length > SHOWN ? ` (${names.length} stages)` : ''}`
    const at = first.needs.indexOf(next)
    draft.refuse('cycle', [...stagePath(first), 'needs', at], why, 'take one of these needs away')
  }
}

/** Names of a cycle that are shown. */
const SHOWN = 12

function shortened(names: readonly string[]): readonly string[] {
  if (names.length <= SHOWN) return names
  return [...names.slice(0, SHOWN / 2), '…', ...names.slice(-SHOWN / 2)]
}

/** Stages whose outputs, files or hosts are spoken of must be done before. */
export interface Mention {
  readonly by: Stage
  readonly of: string
  readonly path: readonly (string | number)[]
  /** What is read of it: "its outputs are read". */
  readonly what: string
  /** Where to point, when not at the path. */
  readonly at?: () => number
}

export function checkMentions(draft: Draft, mentions: readonly Mention[]): void {
  if (draft.order === undefined) return
  const pairs: { ancestor: number; node: number; mention: Mention }[] = []
  for (const mention of mentions) {
    const ancestor = draft.indexOf(mention.of)
    const node = draft.indexOf(mention.by.name)
    if (ancestor === undefined || node === undefined) continue
    // With a need that is not there, it is not known what comes before: that is told already.
    if (!mention.by.needs.every((name) => draft.hasName(name))) continue
    if (!isBetweenSections(mention.by, draft.stages[ancestor]!))
      pairs.push({ ancestor, node, mention })
  }
  const holds = areAncestors(draft.graph, draft.order, pairs)
  pairs.forEach(({ mention }, i) => {
    if (holds[i]) return
    const { by, of, path, what } = mention
    const why =
      of === by.name
        ? `${what}, but it is this stage itself`
        : `${what}, but ${of} need not be done by then`
    const hint = of === by.name ? undefined : `add ${of} to the needs of ${by.name}`
    if (mention.at) draft.mistakes.add('notBefore', mention.at, path, why, hint)
    else draft.refuse('notBefore', path, why, hint)
  })
}

/** All stages are over before `onFailure` and `finally` begin; what is called comes at any time. */
function isBetweenSections(by: Stage, of: Stage): boolean {
  if (by.role !== 'ordinary') return of.section === 'stages'
  return by.section !== 'stages' && of.section === 'stages'
}
