/**
 * An expression that runs are picked by, and what it may speak of. What a run does not have
 * (`endedAt` of one that goes on, a label that it does not bear) makes it no match, not a mistake.
 */
import type { RunItem } from '../../protocol/ledger/work-view.ts'
import { checkExpression } from '../../protocol/workflow/expressions/checker.ts'
import type { ExpressionMistake } from '../../protocol/workflow/expressions/errors.ts'
import { evaluate } from '../../protocol/workflow/expressions/evaluator.ts'
import { parseExpression } from '../../protocol/workflow/expressions/parser.ts'
import {
  double,
  duration,
  mapOf,
  objectOf,
  string,
  type Type,
  timestamp,
  typeName,
} from '../../protocol/workflow/expressions/types.ts'
import { Duration, type Fields, Timestamp } from '../../protocol/workflow/expressions/values.ts'
import { whereLimits } from './limits.ts'

interface Name {
  readonly type: Type
  readonly about: string
}

export const whereNames = {
  id: { type: string, about: 'the run' },
  name: { type: string, about: 'its workflow' },
  state: { type: string, about: 'queued, running, succeeded, failed or cancelled' },
  by: { type: string, about: 'who began it' },
  startedAt: { type: timestamp, about: 'when' },
  endedAt: { type: timestamp, about: 'when it was over' },
  took: { type: duration, about: 'from its start to its end, or until now' },
  durationSeconds: { type: double, about: 'the same as a number' },
  labels: { type: mapOf(string), about: 'by name' },
  reason: { type: string, about: 'why it was stopped, or how it ended' },
  parent: { type: string, about: 'the run that has begun it, or an empty text' },
} as const satisfies Readonly<Record<string, Name>>

const scope = objectOf(
  'of a run',
  Object.fromEntries(Object.entries(whereNames).map(([name, { type }]) => [name, type])),
)

export type Where =
  | { readonly ok: true; test(item: RunItem, nowMs: number): Tested }
  | { readonly ok: false; readonly mistake: ExpressionMistake }

export type Tested = boolean | ExpressionMistake

export function whereOf(source: string): Where {
  const { sourceLengthMax } = whereLimits
  if (source.length > sourceLengthMax) {
    const why = `the expression is longer than ${sourceLengthMax} characters`
    return { ok: false, mistake: { code: 'tooLong', at: 0, why } }
  }
  const parsed = parseExpression(source)
  if (!parsed.ok) return { ok: false, mistake: parsed.mistake }
  const { type, mistakes } = checkExpression(parsed.value, scope)
  const [first] = mistakes
  if (first !== undefined) return { ok: false, mistake: first }
  if (type.kind !== 'bool' && type.kind !== 'dyn') {
    const why = `the expression gives ${typeName(type)}, and runs are picked by true or false`
    const hint = 'compare it with something'
    return { ok: false, mistake: { code: 'wrongType', at: 0, why, hint } }
  }
  return {
    ok: true,
    test: (item, nowMs) => {
      const evaluated = evaluate(parsed.value, namesOf(item, nowMs), whereLimits)
      if (evaluated.ok) return evaluated.value === true
      return isAbsence(evaluated.mistake) ? false : evaluated.mistake
    },
  }
}

/** Of one run only, whatever the others are like. */
function isAbsence({ code }: ExpressionMistake): boolean {
  return code === 'unknownName' || code === 'noSuchKey' || code === 'noSuchField'
}

function namesOf(item: RunItem, nowMs: number): Fields {
  const { run, name, state, by, startedMs, endedMs, labels, reason = '', parent = '' } = item
  const tookMs = Math.max(0, (endedMs ?? nowMs) - startedMs)
  return {
    id: run,
    name,
    state,
    by,
    startedAt: new Timestamp(startedMs),
    ...(endedMs === undefined ? {} : { endedAt: new Timestamp(endedMs) }),
    took: new Duration(tookMs),
    durationSeconds: tookMs / 1_000,
    labels,
    reason,
    parent,
  }
}
