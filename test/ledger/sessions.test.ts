import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { replyIn, withReply } from '../../protocol/ledger/commands/replies.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { noOctets } from '../../protocol/ledger/octets.ts'
import { read } from '../../protocol/ledger/read.ts'
import { type Result, type ResultCode, resultCodes } from '../../protocol/ledger/result.ts'
import { contentOf, put, Replica, smallLimits } from './stage.ts'

function opened(replica: Replica, ttlMs = 60_000, timeMs = 0): number {
  const { code, revision } = replica.do({ kind: 'sessionOpen', value: { ttlMs } }, timeMs)
  assert.equal(code, 'ok')
  return revision as number
}

test('however often and in whatever order a client proposes again, each command applies once', () => {
  const tries = fc.array(
    fc.record({
      ahead: fc.integer({ min: -20, max: 12 }),
      ackedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 300, size: 'max' },
  )
  fc.assert(
    fc.property(tries, (all) => {
      const replica = new Replica({ ...smallLimits, sessionWindow: 60 })
      const session = opened(replica)
      const applied = new Map<number, Result>()
      for (const { ahead, ackedShare } of all) {
        // Only what a client may say: it has had the answers up to here, all of them.
        let had = 0
        while (applied.has(had + 1)) had++
        const serial = Math.max(1, had + ahead)
        const acked = Math.min(serial - 1, Math.floor(had * ackedShare))
        const before = replica.events.length
        // Every third is a command that is refused, for a refusal is an answer to remember too.
        const command = serial % 3 === 0 ? put('k', '', 999_999) : put(`k${serial}`)
        const outcome = replica.apply(replica.seal(command, 0, { session, serial, acked }))
        const { code } = outcome.result
        const known = applied.get(serial)
        if (code === 'windowFull') assert.equal(known, undefined)
        else if (known === undefined) {
          assert.equal(outcome.repeated, false)
          assert.equal(code, serial % 3 === 0 ? 'conflict' : 'ok')
          assert.equal(replica.events.length - before, serial % 3 === 0 ? 0 : 1)
          applied.set(serial, outcome.result)
        } else {
          assert.equal(replica.events.length, before, 'nothing happens twice')
          if (code === 'forgotten') assert.ok(serial <= had, 'only an answer that arrived')
          else assert.deepEqual([outcome.repeated, outcome.result], [true, known])
        }
      }
      for (const [serial, { code, revision }] of applied) {
        const query = { kind: 'kvGet', namespace: 'test', key: `k${serial}` } as const
        const item = read(replica.state, query).value
        assert.equal(item?.revision, code === 'ok' ? revision : undefined)
      }
    }),
    { numRuns: 150 },
  )
})

test('an answer is unpacked as it was packed, whatever its numbers', () => {
  const result = fc.record(
    {
      code: fc.constantFrom(...(Object.keys(resultCodes) as ResultCode[])),
      revision: fc.maxSafeNat(),
      item: fc.nat(stateLimits.batchCommandsMax),
      more: fc.constant(true),
    },
    { requiredKeys: ['code'] },
  )
  const serials = fc.uniqueArray(fc.nat(31), { minLength: 1 })
  fc.assert(
    fc.property(serials, fc.array(result, { minLength: 32, maxLength: 32 }), (places, results) => {
      let row = noOctets
      for (const place of places) row = withReply(row, 64 + place, results[place] as Result)
      for (let place = 0; place < 32; place++) {
        const expected = places.includes(place) ? results[place] : undefined
        assert.deepEqual(replyIn(row, 64 + place), expected && { ...expected })
      }
    }),
  )
})

test('a remembered answer is the same in every part', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica)
  const commands = [
    put('a'),
    put('a', 'v', 7),
    {
      kind: 'batch',
      value: { commands: [put('b'), { kind: 'kvDelete', value: { namespace: 'test', key: 'x' } }] },
    },
  ] as Parameters<Replica['do']>[0][]
  const first = commands.map((command, i) =>
    replica.do(command, 0, { session, serial: i + 1, acked: 0 }),
  )
  assert.deepEqual(
    first.map(({ code }) => code),
    ['ok', 'conflict', 'notFound'],
  )
  const again = commands.map((command, i) =>
    replica.do(command, 0, { session, serial: i + 1, acked: 0 }),
  )
  assert.deepEqual(again, first)
})

test('a retry after the session has expired is refused and not applied', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica, 1_000)
  const numbered = { session, serial: 1, acked: 0 }
  assert.equal(replica.do(put('k', 'first'), 500, numbered).code, 'ok')
  replica.do({ kind: 'sessionsExpire', value: {} }, 1_000)
  assert.equal(replica.do(put('k', 'again'), 1_000, numbered).code, 'ok', 'in time')
  replica.do({ kind: 'sessionsExpire', value: {} }, 2_001)
  const rows = replica.state.rows.size
  assert.equal(replica.do(put('k', 'late'), 2_001, numbered).code, 'sessionExpired')
  assert.equal(replica.state.rows.size, rows)
  assert.equal(rows, 1, 'nothing is left of the session')
  assert.equal(replica.events.at(-1)?.change.kind, 'sessionClosed')
})

test('a session lives as long as it is used, by the time that leaders write', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica, 3_000)
  for (let serial = 1; serial <= 10; serial++) {
    const timeMs = serial * 2_000
    replica.do({ kind: 'sessionsExpire', value: {} }, timeMs)
    const numbered = { session, serial, acked: serial - 1 }
    assert.equal(replica.do(put('k'), timeMs, numbered).code, 'ok')
  }
})

test('acknowledged answers are forgotten, and the rows of a session stay few', () => {
  const replica = new Replica({ ...stateLimits, sessionWindow: 4 })
  const session = opened(replica)
  for (let serial = 1; serial <= 1_000; serial++) {
    const acked = Math.max(0, serial - 3)
    assert.equal(replica.do(put('k'), 0, { session, serial, acked }).code, 'ok')
    assert.ok(replica.state.rows.size <= 2 + 4, 'the key, the session, and rows of answers')
  }
  assert.equal(replica.do(put('k'), 0, { session, serial: 5, acked: 0 }).code, 'forgotten')
  const again = replica.apply(replica.seal(put('k'), 0, { session, serial: 1_000, acked: 0 }))
  assert.equal(again.repeated, true)
})

test('who acknowledges nothing is stopped at the window, and goes on when it does', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica)
  for (let serial = 1; serial <= 4; serial++) {
    assert.equal(replica.do(put('k'), 0, { session, serial, acked: 0 }).code, 'ok')
  }
  assert.equal(replica.do(put('k'), 0, { session, serial: 5, acked: 0 }).code, 'windowFull')
  assert.equal(replica.do(put('k'), 0, { session, serial: 5, acked: 1 }).code, 'ok')
})

test('a client that acknowledges the far future harms only itself', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica)
  const serial = Number.MAX_SAFE_INTEGER
  assert.equal(replica.do(put('k'), 0, { session, serial, acked: serial - 1 }).code, 'ok')
  assert.equal(replica.do(put('k'), 0, { session, serial: 1, acked: 0 }).code, 'forgotten')
})

test('a session that is closed is gone, and its number never comes back', () => {
  const replica = new Replica(smallLimits)
  const sessions = [opened(replica), opened(replica), opened(replica)]
  const open = { kind: 'sessionOpen', value: { ttlMs: 1_000 } } as const
  assert.equal(replica.do(open).code, 'full')
  const [session] = sessions as [number, number, number]
  replica.do(put('k'), 0, { session, serial: 1, acked: 0 })
  assert.equal(replica.do({ kind: 'sessionClose', value: { session } }).code, 'ok')
  assert.equal(replica.do({ kind: 'sessionClose', value: { session } }).code, 'notFound')
  assert.equal(replica.do(put('k'), 0, { session, serial: 2, acked: 0 }).code, 'sessionExpired')
  assert.ok(!sessions.includes(opened(replica)))
})

test('expiry works in bounded steps and says when more is left', () => {
  const replica = new Replica({ ...stateLimits, sessionRowsExpiredMax: 3 })
  for (let i = 0; i < 3; i++) {
    const session = opened(replica, 1_000)
    replica.do(put('k'), 0, { session, serial: 1, acked: 0 })
  }
  const expire = { kind: 'sessionsExpire', value: {} } as const
  const answers: unknown[] = []
  for (let i = 0; i < 3; i++) answers.push(replica.do(expire, 9_000).more)
  assert.deepEqual(answers, [true, true, undefined])
  assert.equal(replica.state.rows.size, 1)
})

test('what cannot be numbered is refused as malformed, and half a number too', () => {
  const replica = new Replica(smallLimits)
  const session = opened(replica)
  const before = contentOf(replica.state)
  const open = { kind: 'sessionOpen', value: { ttlMs: 1_000 } } as const
  assert.equal(replica.do(open, 0, { session, serial: 1, acked: 0 }).code, 'malformed')
  assert.equal(replica.do(put('k'), 0, { session, serial: 1, acked: 1 }).code, 'malformed')
  const half = { session, serial: 1 } as unknown as {
    session: number
    serial: number
    acked: number
  }
  assert.equal(replica.do(put('k'), 0, half).code, 'malformed')
  assert.deepEqual(contentOf(replica.state), before)
})
