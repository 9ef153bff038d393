/** Whether expressions speak of what there is, and of stages that are done by then. */
import { startOf } from '../expressions/ast.ts'
import { checkExpression } from '../expressions/checker.ts'
import { referencesOf } from '../expressions/references.ts'
import { fits, type Type, typeName } from '../expressions/types.ts'
import type { Path } from '../mistake.ts'
import type { Section, Stage } from '../model.ts'
import type { ExpressionSite } from '../shape/shape.ts'
import { offsetInFile } from '../source/position.ts'
import type { Draft } from './draft.ts'
import type { Mention } from './needs.ts'
import { type ScopeKind, Scopes } from './scope.ts'

/** And which stages they mention, for whoever looks at the order. */
export function checkExpressions(draft: Draft): Mention[] {
  const scopes = new Scopes(draft.keysAt(['inputs']), draft.written.inputs ?? {}, draft.stages)
  const mentions: Mention[] = []
  for (const site of draft.sites) {
    // What an expression might have meant is looked for among all stages.
    if (draft.mistakes.isFull) break
    const stage = stageAt(draft, site.path)
    const kind = scopeKindOf(site.path, stage)
    const { type, mistakes } = checkExpression(site.expr, scopes.of(kind))
    for (const { at, why, hint } of mistakes) {
      draft.mistakes.add('badExpression', () => placeIn(draft, site, at), site.path, why, hint)
    }
    if (mistakes.length === 0) expect(draft, site, type)
    if (stage !== undefined) mentions.push(...mentionsIn(draft, site, stage))
    else if (site.path[0] === 'outputs') checkCalledOutputs(draft, site)
  }
  return mentions
}

function placeIn(draft: Draft, { scalar }: ExpressionSite, at: number): number {
  return offsetInFile(scalar, at, draft.text)
}

function stageAt(draft: Draft, [section, name]: Path): Stage | undefined {
  const isStage = section === 'stages' || section === 'onFailure' || section === 'finally'
  const stage = isStage ? draft.stage(String(name)) : undefined
  return stage?.section === (section as Section) ? stage : undefined
}

function scopeKindOf(path: Path, stage: Stage | undefined): ScopeKind {
  const [top, , key] = path
  if (top === 'defaults') return 'defaults'
  if (top === 'concurrency' || top === 'env') return 'run'
  if (top === 'outputs') return 'stage'
  const isEnded = top === 'onFailure' || top === 'finally'
  // Whether it runs, and over what, is decided before there are items.
  const isBefore = key === 'if' || key === 'forEach' || key === 'approve' || key === 'signal'
  const hasItem = stage?.forEach !== undefined && !isBefore
  if (key === 'where') return hasItem ? 'itemPlacement' : 'placement'
  if (isEnded) return hasItem ? 'endedItem' : 'ended'
  return hasItem ? 'item' : 'stage'
}

function expect(draft: Draft, site: ExpressionSite, type: Type): void {
  const { wanted } = site
  if (wanted === undefined || fits(type, wanted)) return
  const why = `${typeName(wanted)} is needed, and this is ${typeName(type)}`
  draft.mistakes.add(
    'badExpression',
    () => placeIn(draft, site, startOf(site.expr)),
    site.path,
    why,
    wanted.kind === 'bool' ? 'compare it with something' : undefined,
  )
}

function mentionsIn(draft: Draft, site: ExpressionSite, by: Stage): Mention[] {
  return referencesOf(site.expr).flatMap(({ name, field, at }) => {
    if (name !== 'stages' || field === undefined) return []
    const what = `stages.${field} is read here`
    return [{ by, of: field, path: site.path, what, at: () => placeIn(draft, site, at) }]
  })
}

/** A compensation runs only when there will be no outputs. */
function checkCalledOutputs(draft: Draft, site: ExpressionSite): void {
  for (const { name, field, at } of referencesOf(site.expr)) {
    if (name !== 'stages' || field === undefined) continue
    const stage = draft.stage(field)
    if (stage === undefined || (stage.role === 'ordinary' && stage.section === 'stages')) continue
    const what = stage.role === 'ordinary' ? `a stage of ${stage.section}` : `a ${stage.role}`
    const why = `${field} is ${what}, and no output of a run comes from one`
    draft.mistakes.add('notBefore', () => placeIn(draft, site, at), site.path, why)
  }
}
