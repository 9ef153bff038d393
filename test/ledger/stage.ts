/** A replica to command, with limits small enough to be reached, and commands by the handful. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Command, catalogue } from '../../protocol/ledger/catalogue.ts'
import type { Numbered } from '../../protocol/ledger/commands/sessions.ts'
import type { LedgerEvent } from '../../protocol/ledger/events.ts'
import { type StateLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import { type Applied, Machine } from '../../protocol/ledger/machine.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import { genesis, LEDGER_VERSION, type LedgerState } from '../../protocol/ledger/state.ts'

export const smallLimits: StateLimits = {
  ...stateLimits,
  configKeysMax: 3,
  nodesMax: 3,
  labelsPerNodeMax: 2,
  estopScopesMax: 2,
  auditEntriesMax: 3,
  sessionsMax: 3,
  sessionWindow: 4,
  sessionTrimStep: 32,
  batchCommandsMax: 4,
}

export class Replica {
  state: LedgerState
  readonly events: LedgerEvent[] = []
  readonly payloads: Uint8Array[] = []
  private readonly machine: Machine

  constructor(limits: StateLimits = stateLimits, state: LedgerState = genesis) {
    this.machine = new Machine(catalogue, LEDGER_VERSION, limits)
    this.state = state
  }

  seal(command: Command, timeMs = 0, numbered?: Numbered): Uint8Array {
    const sealed = this.machine.seal(command, numbered ? { timeMs, numbered } : { timeMs })
    assert.ok(sealed.ok, 'the command can be sealed')
    return sealed.payload
  }

  apply(payload: Uint8Array, term = this.state.term): Extract<Applied, { kind: 'applied' }> {
    const applied = this.machine.apply(this.state, {
      index: this.state.index + 1,
      term,
      payload,
    })
    assert.equal(applied.kind, 'applied')
    assert.ok(applied.kind === 'applied')
    this.state = applied.state
    this.events.push(...applied.events)
    this.payloads.push(payload)
    return applied
  }

  do(command: Command, timeMs = 0, numbered?: Numbered): Result {
    return this.apply(this.seal(command, timeMs, numbered)).result
  }
}

export const bytesOf = (text: string) => new TextEncoder().encode(text)

export const put = (key: string, value = 'v', expect?: number): Command => ({
  kind: 'kvPut',
  value: {
    namespace: 'test',
    key,
    value: bytesOf(value),
    ...(expect === undefined ? {} : { expect }),
  },
})

export const del = (key: string, expect?: number): Command => ({
  kind: 'kvDelete',
  value: { namespace: 'test', key, ...(expect === undefined ? {} : { expect }) },
})

/** All of the state but its place in the log: what the digest speaks for. */
export function contentOf(state: LedgerState): unknown {
  const { index: _, term: __, rows, ...rest } = state
  return { ...rest, rows: [...rows.entries()] }
}

const name = fc.constantFrom('a', 'b', 'c', '')
const word = fc.constantFrom('x', 'yy', 'ä€')
const expect = fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined })

function optionally<T extends object>(value: T, wanted: number | undefined) {
  return wanted === undefined ? value : { ...value, expect: wanted }
}

const simple = fc.oneof(
  fc
    .tuple(name, fc.uint8Array({ maxLength: 300 }), expect)
    .map(
      ([key, value, e]) =>
        ({ kind: 'kvPut', value: optionally({ namespace: 'test', key, value }, e) }) as const,
    ),
  fc
    .tuple(name, expect)
    .map(
      ([key, e]) =>
        ({ kind: 'kvDelete', value: optionally({ namespace: 'test', key }, e) }) as const,
    ),
  fc
    .tuple(name, word, expect)
    .map(
      ([key, value, e]) => ({ kind: 'configSet', value: optionally({ key, value }, e) }) as const,
    ),
  fc
    .tuple(name, expect)
    .map(([key, e]) => ({ kind: 'configUnset', value: optionally({ key }, e) }) as const),
  fc.record({
    kind: fc.constant('nodeLabelSet' as const),
    value: fc.record({ node: name, name, value: word }),
  }),
  fc.record({
    kind: fc.constant('nodeLabelUnset' as const),
    value: fc.record({ node: name, name }),
  }),
  fc.record({
    kind: fc.constant('nodeDrain' as const),
    value: fc.record({ node: name, by: word, reason: word }),
  }),
  fc.record({
    kind: fc.constantFrom('nodeUndrain' as const, 'nodeForget' as const),
    value: fc.record({ node: name }),
  }),
  fc.record({
    kind: fc.constant('estopRaise' as const),
    value: fc.record({
      scope: name,
      epoch: fc.integer({ min: 0, max: 9 }),
      mode: fc.constantFrom('kill', 'drain', 'dance'),
      by: word,
      reason: word,
    }),
  }),
  fc.record({
    kind: fc.constant('estopReset' as const),
    value: fc.record({
      scope: name,
      epoch: fc.integer({ min: 0, max: 9 }),
      by: word,
      reason: word,
    }),
  }),
  fc.record({
    kind: fc.constant('auditAppend' as const),
    value: fc.record({ actor: word, verb: word, object: word, outcome: word }),
  }),
)

const lone = fc.oneof(
  fc.record({
    kind: fc.constant('sessionOpen' as const),
    value: fc.record({ ttlMs: fc.constantFrom(10, 1_000, 60_000) }),
  }),
  fc.record({
    kind: fc.constant('sessionClose' as const),
    value: fc.record({ session: fc.integer({ min: 1, max: 10 }) }),
  }),
  fc.constant({ kind: 'sessionsExpire' as const, value: {} }),
)

const batch = fc.record({
  kind: fc.constant('batch' as const),
  value: fc.record(
    {
      commands: fc.array(simple, { maxLength: 5 }),
      audit: fc.record({ actor: word, verb: word, object: word }),
    },
    { requiredKeys: ['commands'] },
  ),
})

export interface Step {
  command: Command
  timeMs: number
  numbered: Numbered | undefined
}

/** Anything a leader may propose, with names few enough that steps meet on them. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc
    .oneof(
      { weight: 6, arbitrary: fc.tuple(simple, fc.boolean()) },
      { weight: 2, arbitrary: fc.tuple(batch, fc.boolean()) },
      { weight: 2, arbitrary: fc.tuple(lone, fc.constant(false)) },
    )
    .chain(([command, inSession]) =>
      fc.record({
        command: fc.constant(command as Command),
        timeMs: fc.integer({ min: 0, max: 5_000 }),
        numbered: inSession
          ? fc.option(
              fc.record({
                session: fc.integer({ min: 1, max: 6 }),
                serial: fc.integer({ min: 1, max: 8 }),
                acked: fc.constant(0),
              }),
              { nil: undefined },
            )
          : fc.constant(undefined),
      }),
    ),
  { maxLength: 60, size: 'max' },
)

export function perform(replica: Replica, { command, timeMs, numbered }: Step) {
  return replica.apply(replica.seal(command, timeMs, numbered))
}
