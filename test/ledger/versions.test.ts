import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { catalogue } from '../../protocol/ledger/catalogue.ts'
import { batchKind } from '../../protocol/ledger/commands/batch.ts'
import {
  type Catalogue,
  type CommandOf,
  done,
  freeText,
  kind,
} from '../../protocol/ledger/commands/kind.ts'
import { kvKinds } from '../../protocol/ledger/commands/kv.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { Machine } from '../../protocol/ledger/machine.ts'
import { encodeRow } from '../../protocol/ledger/octets.ts'
import { genesis, type LedgerState } from '../../protocol/ledger/state.ts'
import { field, message } from '../../protocol/wire/schema.ts'
import { contentOf, put } from './stage.ts'

const Greet = message('Greet', { name: field(1, freeText()) })
const greet = kind(900, 2, 'anywhere', Greet, (tx, value) => {
  tx.put(`greeting/${tx.index}`, encodeRow(Greet, value))
  return done(tx)
})

/** The program of today, and the one of the release after it, which knows one thing more. */
const today = new Machine(catalogue, 1, stateLimits)
const tomorrow = new Machine<Catalogue>(
  { ...catalogue, greet, batch: batchKind(17, { ...kvKinds, greet }) },
  2,
  stateLimits,
)

type Newer = CommandOf<Catalogue>

function sealed(command: Newer): Uint8Array {
  const seal = tomorrow.seal(command, { timeMs: 7 })
  assert.ok(seal.ok)
  return seal.payload
}

/** The payload as a leader would write it that takes the command to be older than it is. */
function misdated(command: Newer, version: number): Uint8Array {
  const payload = sealed(command)
  payload[0] = version
  return payload
}

const hello: Newer = { kind: 'greet', value: { name: 'you' } }
const helloInBatch: Newer = { kind: 'batch', value: { commands: [hello] } }
const raise = (to: number): Newer => ({ kind: 'versionRaise', value: { to } })

function applyTo(machine: Pick<typeof today, 'apply'>, payloads: readonly Uint8Array[]) {
  let state: LedgerState = genesis
  const outcomes: string[] = []
  for (const payload of payloads) {
    const applied = machine.apply(state, { index: state.index + 1, term: 1, payload })
    if (applied.kind === 'stopped') {
      outcomes.push(`stopped: needs ${applied.needs}, supports ${applied.supports}`)
      assert.equal(applied.state, state)
      break
    }
    outcomes.push(applied.result.code)
    state = applied.state
  }
  return { state, outcomes }
}

test('before a version is agreed on, replicas with and without it refuse what is new alike', () => {
  const payloads = [
    sealed(put('a')),
    sealed(hello),
    sealed(helloInBatch),
    misdated(hello, 1),
    misdated(helloInBatch, 1),
    misdated(put('b'), 0),
    sealed(put('c')),
  ]
  const old = applyTo(today, payloads)
  const young = applyTo(tomorrow, payloads)
  const refusals = ['notAgreed', 'notAgreed', 'malformed', 'malformed', 'malformed']
  assert.deepEqual(old.outcomes, ['ok', ...refusals, 'ok'])
  assert.deepEqual(young.outcomes, old.outcomes)
  assert.equal(digestOf(young.state), digestOf(old.state))
})

test('once agreed on, it is understood; a replica that cannot follow stops where it was right', () => {
  const payloads = [sealed(put('a')), sealed(raise(2)), sealed(hello), sealed(helloInBatch)]
  assert.deepEqual(applyTo(tomorrow, payloads).outcomes, ['ok', 'ok', 'ok', 'ok'])
  const old = applyTo(today, payloads)
  assert.deepEqual(old.outcomes, ['ok', 'stopped: needs 2, supports 1'])
  assert.equal(old.state.index, 1)
  // A newer program goes on from the state that the old one left.
  const payload = payloads[1] as Uint8Array
  const on = tomorrow.apply(old.state, { index: 2, term: 1, payload })
  assert.ok(on.kind === 'applied')
  assert.equal(on.state.version, 2)
})

test('in the midst of many entries, too, it stops where it was right', () => {
  const payloads = [sealed(put('a')), sealed(put('b')), sealed(raise(2)), sealed(put('c'))]
  const entries = payloads.map((payload, i) => ({ index: i + 1, term: 1, payload }))
  const told: number[] = []
  const run = today.applyAll(genesis, entries, (tx) => told.push(tx.index))
  const expected = applyTo(today, payloads.slice(0, 2)).state
  assert.deepEqual(told, [1, 2])
  assert.deepEqual(
    { ...run, state: contentOf(run.state) },
    {
      kind: 'stopped',
      state: contentOf(expected),
      why: 'ledgerVersionUnsupported',
      needs: 2,
      supports: 1,
    },
  )
  assert.equal(run.state.index, 2)
})

test('a replica that was given a state of a newer version applies nothing to it', () => {
  const state = { ...genesis, version: 2 }
  for (const command of [put('a'), hello]) {
    const applied = today.apply(state, { index: 1, term: 1, payload: sealed(command) })
    const why = 'ledgerVersionUnsupported'
    assert.deepEqual(applied, { kind: 'stopped', state, why, needs: 2, supports: 1 })
  }
})

test('a version agreed on does not go back, nor beyond what an entry can say', () => {
  const payloads = [sealed(raise(2)), sealed(raise(2)), sealed(raise(1)), sealed(raise(256))]
  assert.deepEqual(applyTo(tomorrow, payloads).outcomes, ['ok', 'stale', 'stale', 'tooLarge'])
})

test('a field that a kind does not have is refused, not skipped', () => {
  const payload = sealed(raise(1))
  const inner = payload.length
  // Field 9 of the command, a number, with the lengths around it made right.
  const longer = new Uint8Array([...payload, 0x48, 0x01])
  for (let at = 0; at < inner; at++) {
    if (payload[at] === inner - at - 1 && at > 2) longer[at] = (payload[at] as number) + 2
  }
  assert.deepEqual(applyTo(today, [payload]).outcomes, ['stale'])
  assert.deepEqual(applyTo(today, [longer]).outcomes, ['malformed'])
})

test('no bytes make a replica throw, and those that are no command change nothing', () => {
  const good = [put('a', 'value'), raise(1), hello, helloInBatch].map((command) => sealed(command))
  const garbage = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => new Uint8Array([1, ...bytes])),
    fc
      .tuple(fc.constantFrom(...good), fc.nat(), fc.nat(255), fc.boolean())
      .map(([payload, at, byte, cuts]) => {
        const mutant = payload.slice()
        mutant[at % mutant.length] = byte
        return cuts ? mutant.subarray(0, 1 + (at % mutant.length)) : mutant
      }),
  )
  let malformed = 0
  fc.assert(
    fc.property(garbage, (payload) => {
      for (const machine of [today, tomorrow]) {
        const applied = machine.apply(genesis, { index: 1, term: 1, payload })
        if (applied.kind === 'stopped') continue
        const { code } = applied.result
        if (code === 'malformed' || code === 'notAgreed') {
          malformed++
          assert.deepEqual(contentOf(applied.state), contentOf(genesis))
          assert.deepEqual(applied.events, [])
        }
      }
    }),
    { numRuns: 5_000 },
  )
  assert.ok(malformed > 1_000)
})

test('whatever the bytes, replicas of today and tomorrow come to the same state or one stops', () => {
  const good = [put('a', 'value'), hello, helloInBatch, put('b', 'x', 0)].map((command) =>
    sealed(command),
  )
  const mutant = fc
    .tuple(fc.constantFrom(...good), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }))
    .map(([payload, flips]) => {
      const bytes = payload.slice()
      for (const [at, byte] of flips) bytes[at % bytes.length] = byte
      return bytes
    })
  fc.assert(
    fc.property(fc.array(mutant, { minLength: 1, maxLength: 12 }), (payloads) => {
      const old = applyTo(today, payloads)
      const young = applyTo(tomorrow, payloads)
      if (old.outcomes.length < payloads.length) return
      assert.deepEqual(young.outcomes, old.outcomes)
      assert.equal(digestOf(young.state), digestOf(old.state))
    }),
    { numRuns: 2_000 },
  )
})

test('an entry without bytes, as leaders begin a term with, moves the index and nothing else', () => {
  const applied = today.apply(genesis, { index: 1, term: 3, payload: new Uint8Array() })
  assert.ok(applied.kind === 'applied')
  assert.deepEqual([applied.state.index, applied.state.term], [1, 3])
  assert.equal(digestOf(applied.state), digestOf(genesis))
})

test('entries out of order are a bug of the driver, and said so', () => {
  const payload = new Uint8Array()
  assert.throws(() => today.apply(genesis, { index: 2, term: 1, payload }), /in order/)
  const state = { ...genesis, index: 4, term: 2 }
  assert.throws(() => today.apply(state, { index: 5, term: 1, payload }), /terms/)
})

test('what cannot be an entry is not sealed, and the reason is given', () => {
  const large = today.seal(put('k', 'v'.repeat(stateLimits.entryBytesMax)), { timeMs: 0 })
  assert.deepEqual([large.ok, !large.ok && large.code], [false, 'tooLarge'])
  const odd = today.seal(put('k', 'v', -1), { timeMs: 0 })
  assert.deepEqual([odd.ok, !odd.ok && odd.code], [false, 'malformed'])
})

test('a clock from the far future is refused', () => {
  const seal = today.seal(put('k'), { timeMs: stateLimits.timeMsMax + 1 })
  assert.ok(seal.ok)
  assert.deepEqual(applyTo(today, [seal.payload]).outcomes, ['malformed'])
})
