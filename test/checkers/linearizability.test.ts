import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { below, pick } from '../../protocol/ports/entropy.ts'
import { checkLinearizable } from '../../simulations/checkers/linearizability.ts'
import {
  describeOperation,
  type Operation,
  type Outcome,
} from '../../simulations/checkers/operations.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { isLinearizable } from './oracle.ts'
import { storeHistory } from './store.ts'

const STEPS_MAX = 5_000_000
const judge = (history: readonly Operation[]) => checkLinearizable(history, { stepsMax: STEPS_MAX })

/** `p` puts, `g` gets, each from and to a moment. */
function op(
  client: number,
  invokedAt: number,
  returnedAt: number | undefined,
  what: Operation['op'],
  outcome: Outcome,
): Operation {
  return { client, key: 'k', op: what, invokedAt, returnedAt, outcome }
}
const get = { kind: 'get' } as const
const put = (value: string, expect?: number) =>
  expect === undefined ? { kind: 'put' as const, value } : { kind: 'put' as const, value, expect }
const read = (value: string | undefined, revision?: number) =>
  revision === undefined
    ? { kind: 'read' as const, value }
    : { kind: 'read' as const, value, revision }
const ok: Outcome = { kind: 'ok' }
const unknown: Outcome = { kind: 'unknown' }

test('a history of one true store is always taken, whatever its schedule', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0, 0.02, 0.1),
      fc.constantFrom(0, 0.5, 1),
      (seed, clients, unknown, told) => {
        const options = { operations: 150, clients, keys: 2, unknown, told }
        const history = storeHistory(new SeededEntropy(seed), options)
        const verdict = judge(history)
        assert.equal(verdict.kind, 'linearizable', JSON.stringify(verdict, undefined, 1))
      },
    ),
    { numRuns: 200 },
  )
})

/** Some answers of it are changed to what another operation was told, or to what nobody was. */
function mutated(history: readonly Operation[], entropy: SeededEntropy): Operation[] {
  const changed = [...history]
  for (let changes = 1 + below(entropy, 2); changes > 0; changes--) {
    const at = below(entropy, changed.length)
    const one = changed[at] as Operation
    if (one.returnedAt === undefined) continue
    const outcome = entropy.unit() < 0.6 ? likely(one, changed, entropy) : freely(one, entropy)
    changed[at] = { ...one, outcome }
  }
  return changed
}

function likely(one: Operation, all: readonly Operation[], entropy: SeededEntropy): Outcome {
  const other = pick(
    entropy,
    all.filter(({ op }) => op.kind === one.op.kind),
  ) as Operation
  return other.returnedAt === undefined ? one.outcome : other.outcome
}

function freely({ op }: Operation, entropy: SeededEntropy): Outcome {
  const revision = below(entropy, 8)
  if (op.kind === 'get') {
    const value = entropy.unit() < 0.3 ? undefined : `v${1 + below(entropy, 6)}`
    return entropy.unit() < 0.5 ? read(value) : read(value, revision)
  }
  const told: Outcome[] = [ok, { kind: 'ok', revision }, { kind: 'conflict', revision }]
  if (op.kind === 'delete') told.push({ kind: 'notFound' })
  return pick(entropy, told) as Outcome
}

test('small histories, true and false ones, are judged as by trying everything', () => {
  let taken = 0
  let refused = 0
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 2, max: 4 }),
      fc.constantFrom(0, 0.2, 0.4),
      fc.constantFrom(0, 0.6, 1),
      (seed, clients, unknown, told) => {
        const entropy = new SeededEntropy(seed)
        const options = { operations: 6, clients, keys: 1, unknown, told }
        const history = mutated(storeHistory(entropy, options), entropy)
        const expected = isLinearizable(history)
        if (expected) taken++
        else refused++
        const verdict = judge(history)
        assert.equal(
          verdict.kind,
          expected ? 'linearizable' : 'violation',
          history.map(describeOperation).join('\n'),
        )
      },
    ),
    { numRuns: 4_000 },
  )
  assert.ok(taken > 400 && refused > 400, `${taken} taken, ${refused} refused`)
})

test('a read that goes back in time is found, and shown where it no longer fits', () => {
  const verdict = judge([
    op(1, 0, 10, put('a'), { kind: 'ok', revision: 1 }),
    op(1, 11, 20, put('b'), { kind: 'ok', revision: 2 }),
    op(2, 12, 15, get, read('b')),
    op(3, 16, 19, get, read('a')),
    op(3, 30, 31, get, read('b')),
  ])
  assert.ok(verdict.kind === 'violation')
  assert.deepEqual(verdict.explanation, [
    'an order that can be explained ends with',
    '  [0, 10] client 1 k put "a" -> ok at 1',
    '  [11, 20] client 1 k put "b" -> ok at 2',
    '  [12, 15] client 2 k get -> "b"',
    'which leaves "b" at an unknown revision',
    'and this one does not fit, in this order or any other',
    '  [16, 19] client 3 k get -> "a"',
  ])
})

test('what nobody heard of may take effect late, but not before it was asked, nor twice', () => {
  const late = op(1, 5, undefined, put('late'), unknown)
  const quick = op(2, 10, 11, put('quick'), ok)
  const seen = (at: number, value: string | undefined) => op(3, at, at + 1, get, read(value))
  assert.equal(judge([late, quick, seen(12, 'quick'), seen(20, 'late')]).kind, 'linearizable')
  assert.equal(judge([late, quick, seen(12, 'quick'), seen(20, 'quick')]).kind, 'linearizable')
  assert.equal(judge([late, seen(1, 'late')]).kind, 'violation')
  const again = [late, seen(7, 'late'), quick, seen(12, 'quick'), seen(20, 'late')]
  assert.equal(judge(again).kind, 'violation')
})

test('a write that nobody ever read still explains why there was something to delete', () => {
  const history = [
    op(1, 0, undefined, put('unseen'), unknown),
    op(2, 10, 11, { kind: 'delete' }, ok),
    op(2, 12, 13, get, read(undefined)),
  ]
  assert.equal(judge(history).kind, 'linearizable')
  assert.equal(judge(history.slice(1)).kind, 'violation')
})

test('two that compare with the same revision cannot both have found it', () => {
  const begin = op(1, 0, 1, put('a'), { kind: 'ok', revision: 7 })
  const first = op(1, 2, 9, put('b', 7), ok)
  const second = op(2, 2, 9, put('c', 7), ok)
  const beaten = op(2, 2, 9, put('c', 7), { kind: 'conflict', revision: 8 })
  assert.equal(judge([begin, first, second]).kind, 'violation')
  assert.equal(judge([begin, first, beaten]).kind, 'linearizable')
})

test('ten thousand operations are judged in a hundred thousand steps, also with unknown ones', () => {
  for (const unknown of [0, 0.02]) {
    const options = { operations: 10_000, clients: 8, keys: 20, unknown, told: 1 }
    const history = storeHistory(new SeededEntropy(1), options)
    assert.equal(checkLinearizable(history, { stepsMax: 100_000 }).kind, 'linearizable')
  }
})

test('a search that takes too long says so', () => {
  const options = { operations: 100, clients: 5, keys: 1, unknown: 0, told: 0 }
  const history = storeHistory(new SeededEntropy(1), options)
  assert.deepEqual(checkLinearizable(history, { stepsMax: 10 }), { kind: 'undecided', key: 'k0' })
})
