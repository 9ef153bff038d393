/** Steps that do no work of their own: they wait, choose, ask, tell, and start other workflows. */
import type { Expr } from '../expressions/ast.ts'
import { bool, duration as durationType, timestamp } from '../expressions/types.ts'
import { workflowLimits as limits } from '../limits.ts'
import type { Approve, Await, Case, Signal, Subflow } from '../model.ts'
import { form, forms, list } from '../shape/collections.ts'
import { optional, record, required } from '../shape/record.ts'
import { duration, integer, toggle } from '../shape/scalars.ts'
import { named, type Shape } from '../shape/shape.ts'
import { computedOnly, expression, jsonTemplate, template } from '../shape/templates.ts'
import { stageNames, word } from './words.ts'

const DAY_MS = 86_400_000

const length = duration('a time')
const computedLength = computedOnly('a duration', durationType)

/** A time as it is written, or an expression that gives a duration. */
const lengthOrComputed: Shape<number | Expr> = {
  noun: 'a time',
  read: (node, path, reading) =>
    node.kind === 'scalar' && node.text.trimStart().startsWith('${{')
      ? computedLength.read(node, path, reading)
      : length.read(node, path, reading),
  write: (value) => (typeof value === 'number' ? length.write(value) : computedLength.write(value)),
  schema: (definitions) => ({
    anyOf: [length.schema(definitions), computedLength.schema(definitions)],
  }),
}

const waitRecord = record(
  {
    for: optional(lengthOrComputed, 'So long.'),
    until: optional(
      expression('a time', timestamp),
      'Up to this time: an expression that gives a timestamp.',
    ),
  },
  { noun: 'wait', synonyms: { duration: 'for', time: 'for', seconds: 'for' } },
)

export interface Waiting {
  readonly for?: number | Expr
  readonly until?: Expr
}

export const wait: Shape<Waiting> = forms<Waiting>({
  noun: 'wait',
  scalar: form(lengthOrComputed, (only) => ({ for: only })),
  map: form(waitRecord, (value) => value),
  write: (value) => waitRecord.write(value),
})

const caseShape: Shape<Case> = record(
  {
    when: required(
      expression('a condition', bool),
      'The first case whose condition holds is taken.',
    ),
    // biome-ignore lint/suspicious/noThenProperty: a word of the language, in plain data.
    then: required(stageNames, 'The stages that run then; those of the other cases are skipped.'),
  },
  {
    noun: 'a case',
    synonyms: { if: 'when', condition: 'when', case: 'when', stages: 'then', goto: 'then' },
  },
)

const chooseRecord = record(
  {
    cases: required(
      list(caseShape, { noun: 'a list of cases', min: 1, max: limits.casesMax }),
      'Looked at in their order.',
    ),
    otherwise: optional(stageNames, 'The stages that run when no case holds.'),
  },
  {
    noun: 'choose',
    synonyms: { else: 'otherwise', default: 'otherwise', when: 'cases', branches: 'cases' },
  },
)

export interface Choice {
  readonly cases: readonly Case[]
  readonly otherwise?: readonly string[]
}

export const choose: Shape<Choice> = chooseRecord

const workflowName = template('the name of a workflow', { empty: false })
const subflowRecord = record(
  {
    name: required(workflowName, 'The workflow.'),
    wait: optional(toggle, 'false: done as soon as it has been started.'),
  },
  {
    noun: 'workflow',
    synonyms: { file: 'name', workflow: 'name', id: 'name', detach: 'wait: false' },
  },
)

export const subflow: Shape<Subflow> = forms<Subflow>({
  noun: 'workflow',
  scalar: form(workflowName, (only) => ({ name: only, wait: true })),
  map: form(subflowRecord, ({ name, wait = true }) => ({ name, wait })),
  write: (value) => subflowRecord.write(value),
})

const words = list(word, {
  noun: 'a list',
  max: limits.approversMax,
  oneIsEnough: true,
  distinct: true,
})
const approveRecord = record(
  {
    roles: optional(words, 'Roles of people who may; approver if neither roles nor from are said.'),
    from: optional(words, 'People who may, by name.'),
    count: optional(
      integer('a number', { min: 1, max: limits.approversMax }),
      'How many of them; 1 if not said.',
    ),
    timeout: optional(duration('a time', 1), 'Then it is denied; 7d if not said.'),
    message: optional(template('a message'), 'What they are told.'),
  },
  {
    noun: 'approve',
    synonyms: {
      role: 'roles',
      approvers: 'from',
      users: 'from',
      people: 'from',
      min: 'count',
      quorum: 'count',
      expires: 'timeout',
    },
  },
)

/** Nobody approves what they have started themselves: that is not for a workflow to say. */
export const approve: Shape<Approve> = named(
  'Approve',
  forms<Approve>({
    noun: 'approve',
    map: form(approveRecord, ({ roles, from = [], count = 1, timeout = 7 * DAY_MS, message }) => ({
      roles: roles ?? (from.length > 0 ? [] : ['approver']),
      from,
      count,
      timeoutMs: timeout,
      ...(message === undefined ? {} : { message }),
    })),
    write: ({ roles, from, timeoutMs, ...rest }) =>
      approveRecord.write({
        ...rest,
        ...(roles.length > 0 ? { roles } : {}),
        ...(from.length > 0 ? { from } : {}),
        timeout: timeoutMs,
      }),
  }),
)

const event = template('the name of an event', { empty: false })
const signalRecord = record(
  {
    event: required(event, 'Its name.'),
    key: optional(template('a key', { empty: false }), 'Only those who wait for this key hear it.'),
    data: optional(jsonTemplate('data'), 'What they are given.'),
  },
  { noun: 'signal', synonyms: { name: 'event', payload: 'data', id: 'key' } },
)

export const signal: Shape<Signal> = forms<Signal>({
  noun: 'signal',
  scalar: form(event, (only) => ({ event: only })),
  map: form(signalRecord, (value) => value),
  write: (value) => signalRecord.write(value),
})

const awaitRecord = record(
  {
    event: required(event, 'Its name.'),
    key: optional(template('a key', { empty: false }), 'Only an event with this key counts.'),
    timeout: optional(duration('a time', 1), 'Then the stage fails.'),
  },
  { noun: 'await', synonyms: { name: 'event', signal: 'event', id: 'key' } },
)

export const awaited: Shape<Await> = forms<Await>({
  noun: 'await',
  scalar: form(event, (only) => ({ event: only })),
  map: form(awaitRecord, ({ timeout, ...rest }) => ({
    ...rest,
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  })),
  write: ({ timeoutMs, ...rest }) =>
    awaitRecord.write({ ...rest, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) }),
})
