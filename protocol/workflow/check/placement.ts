/**
 * Whether there can be a host at all for what `where` asks. Only what contradicts itself, whatever
 * the mesh: what no host of this mesh offers is for the plan to say.
 */
import type { Expr, Literal } from '../expressions/ast.ts'
import { plainText, type Template } from '../expressions/template.ts'
import { type Path, quote } from '../mistake.ts'
import type { LabelRule, Stage } from '../model.ts'
import { type Draft, stagePath } from './draft.ts'
import { knownStage, type Mention } from './needs.ts'

export function checkPlacement(draft: Draft): Mention[] {
  return draft.stages.flatMap((stage) => {
    const path = [...stagePath(stage), 'where']
    const { labels, expression } = stage.where
    for (const [label, rule] of Object.entries(labels)) {
      const why = contradictionIn(label, rule)
      if (why !== undefined) draft.refuse('contradiction', [...path, 'labels', label], why)
    }
    if (expression !== undefined) checkExpressionAgainst(draft, stage, expression, path)
    return checkCompany(draft, stage, path)
  })
}

/** Values that are written out; undefined when one is computed. */
function plainValues(values: readonly Template[] | undefined): readonly string[] | undefined {
  const plain = values?.map(plainText)
  return plain?.every((value) => value !== undefined) ? (plain as string[]) : undefined
}

function contradictionIn(label: string, rule: LabelRule): string | undefined {
  const wanted = plainValues(rule.in)
  const refused = plainValues(rule.notIn)
  if (rule.exists === false && rule.in !== undefined) {
    return `${label} must not be there, and must have a value`
  }
  if (wanted && refused && wanted.every((value) => refused.includes(value))) {
    const all = wanted.map(quote).join(', ')
    return `${label} must be ${all}, and must not`
  }
  return undefined
}

interface Claim {
  /** `name`, or the name of a label. */
  readonly of: string
  readonly isLabel: boolean
  readonly value: string
  readonly equal: boolean
}

function checkExpressionAgainst(draft: Draft, stage: Stage, expression: Expr, path: Path): void {
  const at = [...path, 'expression']
  const claims: Claim[] = []
  for (const part of conjuncts(expression)) {
    if (part.kind === 'literal' && part.value === false) {
      draft.refuse('contradiction', at, 'the condition is false for every node')
    }
    const claim = claimIn(part)
    if (claim) claims.push(claim)
  }
  for (const claim of claims) {
    const what = claim.isLabel ? `the label ${claim.of}` : `node.${claim.of}`
    const other = claims.find(
      ({ of, isLabel, value, equal }) =>
        of === claim.of &&
        isLabel === claim.isLabel &&
        equal &&
        (value !== claim.value) === claim.equal,
    )
    if (other !== undefined && (!claim.equal || other.value < claim.value)) {
      const why = claim.equal
        ? `${what} cannot be ${quote(other.value)} and ${quote(claim.value)} at once`
        : `${what} cannot be ${quote(claim.value)} and not be it`
      draft.refuse('contradiction', at, why)
    }
    const why = claim.isLabel ? againstLabels(stage, claim) : againstHosts(stage, claim)
    if (why !== undefined) draft.refuse('contradiction', at, why)
  }
}

function againstLabels({ where }: Stage, { of, value, equal }: Claim): string | undefined {
  const rule = Object.hasOwn(where.labels, of) ? where.labels[of]! : undefined
  if (rule === undefined) return undefined
  const wanted = plainValues(rule.in)
  const refused = plainValues(rule.notIn)
  const told = `the expression asks for ${quote(value)} as the label ${of}, and labels`
  if (equal && rule.exists === false) return `${told} ask for none`
  if (equal && wanted && !wanted.includes(value))
    return `${told} ask for ${wanted.map(quote).join(', ')}`
  if (equal && refused?.includes(value)) return `${told} refuse it`
  if (!equal && wanted?.every((each) => each === value)) {
    return `the expression refuses ${quote(value)} as the label ${of}, and labels ask for it`
  }
  return undefined
}

function againstHosts({ where }: Stage, { of, value, equal }: Claim): string | undefined {
  const hosts = plainValues(where.hosts)
  if (of !== 'name' || !equal || hosts === undefined || hosts.length === 0) return undefined
  // A host may be given by its id, which no name can be told from.
  if (hosts.includes(value) || hosts.some((host) => host.length > 40)) return undefined
  return `the expression asks for the host ${quote(value)}, and host is ${hosts.map(quote).join(', ')}`
}

function conjuncts(expr: Expr): Expr[] {
  if (expr.kind !== 'binary' || expr.operator !== '&&') return [expr]
  return [...conjuncts(expr.left), ...conjuncts(expr.right)]
}

/** `node.labels.os == "linux"`, either way round. */
function claimIn(expr: Expr): Claim | undefined {
  if (expr.kind !== 'binary' || (expr.operator !== '==' && expr.operator !== '!=')) return undefined
  const equal = expr.operator === '=='
  const [name, value] =
    expr.left.kind === 'literal'
      ? [expr.right, expr.left.value]
      : [expr.left, literalIn(expr.right)]
  const field = typeof value === 'string' ? fieldIn(name) : undefined
  return field === undefined ? undefined : { ...field, value: value as string, equal }
}

function literalIn(expr: Expr): Literal | undefined {
  return expr.kind === 'literal' ? expr.value : undefined
}

function fieldIn(expr: Expr): { of: string; isLabel: boolean } | undefined {
  const field =
    expr.kind === 'select' ? expr.field : expr.kind === 'index' ? literalIn(expr.key) : undefined
  if (typeof field !== 'string' || (expr.kind !== 'select' && expr.kind !== 'index'))
    return undefined
  const { of } = expr
  if (of.kind === 'name' && of.name === 'node') return { of: field, isLabel: false }
  const isLabel =
    of.kind === 'select' && of.field === 'labels' && of.of.kind === 'name' && of.of.name === 'node'
  return isLabel ? { of: field, isLabel: true } : undefined
}

/** To be near a stage it must have been placed; to be far from it, too. */
function checkCompany(draft: Draft, stage: Stage, path: Path): Mention[] {
  const { affinity, antiAffinity, hosts } = stage.where
  const mentions: Mention[] = []
  for (const [key, company] of Object.entries({ affinity, antiAffinity })) {
    company?.stages.forEach((name, i) => {
      const at = company === undefined ? path : [...path, key, ...indexIn(draft, [...path, key], i)]
      const other = knownStage(draft, name, at)
      if (other === undefined) return
      mentions.push({ by: stage, of: name, path: at, what: `the host of ${name} is asked for` })
      const own = plainValues(hosts)
      const others = plainValues(other.where.hosts)
      if (!company.required || !own?.length || !others?.length) return
      if (key === 'affinity' && !own.some((host) => others.includes(host))) {
        const why = `it must run on the host of ${name}, which is ${others.map(quote).join(', ')}, and host is ${own.map(quote).join(', ')}`
        draft.refuse('contradiction', at, why)
      }
      if (
        key === 'antiAffinity' &&
        own.length === 1 &&
        others.length === 1 &&
        own[0] === others[0]
      ) {
        const why = `it must not run on the host of ${name}, and both are bound to ${quote(own[0]!)}`
        draft.refuse('contradiction', at, why)
      }
    })
  }
  const both = affinity?.stages.find((name) => antiAffinity?.stages.includes(name))
  if (both !== undefined && affinity?.required && antiAffinity?.required) {
    const why = `it must run on the host of ${both}, and must not`
    draft.refuse('contradiction', [...path, 'antiAffinity'], why)
  }
  return mentions
}

/** The list stands there itself, or under `stages`. */
function indexIn(draft: Draft, path: Path, i: number): Path {
  return draft.keysAt(path).includes('stages') ? ['stages', i] : [i]
}
