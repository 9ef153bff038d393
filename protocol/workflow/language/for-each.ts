/** One stage for each element of a list, and what the failure of one means for the others. */
import type { Expr } from '../expressions/ast.ts'
import { anyList } from '../expressions/types.ts'
import { workflowLimits as limits } from '../limits.ts'
import type { FailureRule, ForEach } from '../model.ts'
import { form, forms, list } from '../shape/collections.ts'
import { optional, record, required } from '../shape/record.ts'
import { integer, text } from '../shape/scalars.ts'
import { named, type Shape } from '../shape/shape.ts'
import { computedOnly, type JsonTemplate, jsonTemplate } from '../shape/templates.ts'

const written = list(jsonTemplate('an element'), { noun: 'a list', max: limits.itemsMax })
const computed = computedOnly('an expression that gives a list', anyList)

type Items = readonly JsonTemplate[] | Expr

const items: Shape<Items> = forms<Items>({
  noun: 'a list, or an expression that gives one',
  scalar: form(computed, (expr) => expr),
  list: form(written, (all) => all),
  write: (value) => ('kind' in value ? computed.write(value) : written.write(value)),
})

const ruleText = text({
  noun: 'failFast, continue or quorum N',
  lengthMax: 32,
  pattern: {
    regex: /^(failFast|continue|quorum [1-9]\d{0,4})$/,
    says: 'write failFast, continue, or quorum and how many must succeed: quorum 3',
  },
})

const failureRule: Shape<FailureRule> = forms<FailureRule>({
  noun: 'failFast, continue or quorum N',
  scalar: form(ruleText, (rule): FailureRule => {
    if (rule === 'failFast' || rule === 'continue') return { rule }
    return { rule: 'quorum', count: Number(rule.slice('quorum '.length)) }
  }),
  write: (rule) => (rule.rule === 'quorum' ? `quorum ${rule.count}` : rule.rule),
})

const forEachRecord = record(
  {
    items: required(items, 'What to go over; item and index stand for each in expressions.'),
    limit: optional(
      integer('a limit', { min: 1, max: limits.itemsMax }),
      'How many run at once; as many as find room if not said.',
    ),
    onFailure: optional(
      failureRule,
      'failFast (if not said) cancels the rest, continue runs all and fails if one has, quorum N needs N successes.',
    ),
  },
  {
    noun: 'forEach',
    synonyms: {
      in: 'items',
      list: 'items',
      values: 'items',
      maxparallel: 'limit',
      parallelism: 'limit',
      concurrency: 'limit',
      failfast: 'onFailure: failFast',
    },
  },
)

const ends: FailureRule = { rule: 'failFast' }

export const forEach: Shape<ForEach> = named(
  'ForEach',
  forms<ForEach>({
    noun: 'forEach',
    scalar: form(computed, (expr) => ({ items: expr, onFailure: ends })),
    list: form(written, (all) => ({ items: all, onFailure: ends })),
    map: form(forEachRecord, ({ onFailure = ends, ...rest }) => ({ ...rest, onFailure })),
    write: (value) => forEachRecord.write(value),
  }),
)
