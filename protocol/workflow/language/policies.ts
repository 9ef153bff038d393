/** How often a stage is tried, how long it may take, and how many of a kind may run at once. */
import { workflowLimits as limits } from '../limits.ts'
import {
  type Concurrency,
  concurrencyPolicies,
  type ErrorClass,
  errorClasses,
  type Retry,
  type RetryRule,
  type Timeouts,
} from '../model.ts'
import { form, forms } from '../shape/collections.ts'
import { optional, type RecordOf, record, required } from '../shape/record.ts'
import { choice, duration, integer } from '../shape/scalars.ts'
import { named, type Shape } from '../shape/shape.ts'
import { template } from '../shape/templates.ts'

const rule = {
  attempts: optional(
    integer('a number of attempts', { min: 1, max: limits.attemptsMax }),
    'How often it is tried in all, the first time included.',
  ),
  backoff: optional(
    choice('a kind of backoff', ['exponential', 'constant']),
    'How the delay before the next attempt grows: it doubles, or stays.',
  ),
  initial: optional(duration('a delay'), 'The delay after the first failure.'),
  max: optional(duration('a delay'), 'The longest delay.'),
  jitter: optional(
    choice('a kind of jitter', ['full', 'none']),
    'full: a random time up to the delay, so that not all come back at once.',
  ),
}

type WrittenRule = RecordOf<typeof rule>

const ruleShape = record(rule, { noun: 'a retry rule' })

const per = record(
  Object.fromEntries(
    errorClasses.map((each) => [
      each,
      optional(ruleShape, `What is different after a ${each} error.`),
    ]),
  ) as Record<ErrorClass, ReturnType<typeof optional<WrittenRule>>>,
  { noun: 'the classes of errors' },
)

const retryRecord = record(
  {
    ...rule,
    per: optional(per, 'What is different for a class of errors.'),
  },
  {
    noun: 'retry',
    synonyms: {
      retries: 'attempts',
      limit: 'attempts',
      times: 'attempts',
      delay: 'initial',
      interval: 'initial',
    },
  },
)

export type WrittenRetry = RecordOf<typeof rule> & {
  readonly per?: RecordOf<Record<ErrorClass, ReturnType<typeof optional<WrittenRule>>>>
}

export const retry: Shape<WrittenRetry> = named(
  'Retry',
  forms<WrittenRetry>({
    noun: 'retry',
    scalar: form(
      integer('a number of attempts', { min: 1, max: limits.attemptsMax }),
      (attempts) => ({
        attempts,
      }),
    ),
    map: form(retryRecord, (value) => value),
    write: (value) => retryRecord.write(value),
  }),
)

/** Without a word about it, only what is nobody's fault is tried again. */
const untold: Retry = {
  attempts: 1,
  backoff: 'exponential',
  initialMs: 1_000,
  maxMs: 60_000,
  jitter: 'full',
  per: {},
}

/** More attempts help against neither; a lost agent is no fault of the stage. */
const byClass: Readonly<Partial<Record<ErrorClass, Partial<RetryRule>>>> = {
  input: { attempts: 1 },
  bug: { attempts: 1 },
  lost: { attempts: 10, initialMs: 0 },
}

/** How failures of one class are met: a stage's own word on the class, then what the class is. */
export function retryRule({ per: own, ...common }: Retry, errorClass: ErrorClass): RetryRule {
  const { attempts = common.attempts, ...rest } = byClass[errorClass] ?? {}
  const lost = errorClass === 'lost' ? Math.max(attempts, common.attempts) : attempts
  return { ...common, ...rest, attempts: lost, ...own[errorClass] }
}

/** What a stage says goes before what the defaults say, key by key. */
export function resolvedRetry(own: WrittenRetry = {}, defaults: WrittenRetry = {}): Retry {
  const classes: Partial<Record<ErrorClass, Partial<RetryRule>>> = {}
  for (const each of errorClasses) {
    const merged = { ...defaults.per?.[each], ...own.per?.[each] }
    if (Object.keys(merged).length > 0) classes[each] = ruleOf(merged)
  }
  return { ...untold, ...ruleOf({ ...defaults, ...own }), per: classes }
}

function ruleOf({ attempts, backoff, initial, max, jitter }: WrittenRule): Partial<RetryRule> {
  return {
    ...(attempts === undefined ? {} : { attempts }),
    ...(backoff === undefined ? {} : { backoff }),
    ...(initial === undefined ? {} : { initialMs: initial }),
    ...(max === undefined ? {} : { maxMs: max }),
    ...(jitter === undefined ? {} : { jitter }),
  }
}

/** The reverse, without what would be so anyway. */
export function writtenRetry(resolved: Retry): WrittenRetry | undefined {
  const classes: Partial<Record<ErrorClass, WrittenRule>> = {}
  for (const each of errorClasses) {
    const own = resolved.per[each]
    if (own) classes[each] = writtenRule(own, {})
  }
  const common = writtenRule(resolved, untold)
  const hasClasses = Object.keys(classes).length > 0
  if (Object.keys(common).length === 0 && !hasClasses) return undefined
  return hasClasses ? { ...common, per: classes } : common
}

function writtenRule(own: Partial<RetryRule>, known: Partial<RetryRule>): WrittenRule {
  const told = <T>(value: T | undefined, other: T | undefined) =>
    value === undefined || value === other ? undefined : value
  const all = {
    attempts: told(own.attempts, known.attempts),
    backoff: told(own.backoff, known.backoff),
    initial: told(own.initialMs, known.initialMs),
    max: told(own.maxMs, known.maxMs),
    jitter: told(own.jitter, known.jitter),
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as WrittenRule
}

const timeoutRecord = record(
  {
    queue: optional(duration('a time', 1), 'From ready to accepted by an agent.'),
    startToClose: optional(duration('a time', 1), 'One attempt, from its start to its end.'),
    total: optional(duration('a time', 1), 'All attempts, and the waits between them.'),
    heartbeat: optional(duration('a time', 1), 'Between two signs of progress.'),
  },
  {
    noun: 'timeout',
    synonyms: {
      attempt: 'startToClose',
      run: 'startToClose',
      execution: 'startToClose',
      overall: 'total',
    },
  },
)

export const timeouts: Shape<Timeouts> = named(
  'Timeout',
  forms<Timeouts>({
    noun: 'timeout',
    scalar: form(duration('a time', 1), (startToCloseMs) => ({ startToCloseMs })),
    map: form(timeoutRecord, ({ queue, startToClose, total, heartbeat }) => ({
      ...(queue === undefined ? {} : { queueMs: queue }),
      ...(startToClose === undefined ? {} : { startToCloseMs: startToClose }),
      ...(total === undefined ? {} : { totalMs: total }),
      ...(heartbeat === undefined ? {} : { heartbeatMs: heartbeat }),
    })),
    write: ({ queueMs, startToCloseMs, totalMs, heartbeatMs }) =>
      timeoutRecord.write({
        ...(queueMs === undefined ? {} : { queue: queueMs }),
        ...(startToCloseMs === undefined ? {} : { startToClose: startToCloseMs }),
        ...(totalMs === undefined ? {} : { total: totalMs }),
        ...(heartbeatMs === undefined ? {} : { heartbeat: heartbeatMs }),
      }),
  }),
)

const key = template('a key', { empty: false })

const concurrencyRecord = record(
  {
    key: required(key, 'Those with the same key share the limit.'),
    limit: optional(
      integer('a limit', { min: 1, max: 10_000 }),
      'How many may run at once; 1 if not said.',
    ),
    policy: optional(
      choice('a policy', concurrencyPolicies),
      'What happens when the limit is reached: wait (queue, which is so if not said), end the oldest that runs, refuse the newest, or take turns among keys.',
    ),
  },
  {
    noun: 'concurrency',
    synonyms: { group: 'key', max: 'limit', strategy: 'policy', onlimit: 'policy' },
  },
)

export const concurrency: Shape<Concurrency> = named(
  'Concurrency',
  forms<Concurrency>({
    noun: 'concurrency',
    scalar: form(key, (only) => ({ key: only, limit: 1, policy: 'queue' as const })),
    map: form(concurrencyRecord, ({ key, limit = 1, policy = 'queue' }) => ({
      key,
      limit,
      policy,
    })),
    write: (value) => concurrencyRecord.write(value),
  }),
)
