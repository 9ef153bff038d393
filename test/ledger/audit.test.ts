import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AuditRow, verifyChain } from '../../protocol/ledger/audit-chain.ts'
import { type StateLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import { Replica, smallLimits } from './stage.ts'

function written(entries: number, limits: StateLimits = stateLimits): Replica {
  const replica = new Replica(limits)
  for (let i = 1; i <= entries; i++) {
    const value = { actor: 'anna', verb: 'run', object: `wf-${i}`, outcome: 'ok' }
    replica.do({ kind: 'auditAppend', value }, i * 1_000)
  }
  return replica
}

function rowsOf(replica: Replica): AuditRow[] {
  return read(replica.state, { kind: 'auditList' }).value.items.map(({ row }) => row)
}

function copied(rows: readonly AuditRow[]): AuditRow[] {
  return rows.map(({ body, hash }) => ({ body: body.slice(), hash: hash.slice() }))
}

test('the chain that was written is whole', () => {
  const replica = written(5)
  const { auditAnchor, auditHead } = replica.state
  const verdict = verifyChain(auditAnchor, rowsOf(replica), auditHead)
  assert.deepEqual(verdict, { kind: 'whole', entries: 5 })
  const { items } = read(replica.state, { kind: 'auditList', limit: 1 }).value
  assert.deepEqual(
    { ...items[0], row: undefined },
    {
      sequence: 1,
      index: 1,
      timeMs: 1_000,
      actor: 'anna',
      verb: 'run',
      object: 'wf-1',
      outcome: 'ok',
      row: undefined,
    },
  )
})

test('any byte that was changed, in any entry, is found and its entry named', () => {
  const replica = written(4)
  const { auditAnchor, auditHead } = replica.state
  const rows = rowsOf(replica)
  for (const [at, row] of rows.entries()) {
    for (const part of ['body', 'hash'] as const) {
      for (let byte = 0; byte < row[part].length; byte++) {
        const forged = copied(rows)
        const target = forged[at]?.[part] as Uint8Array
        target[byte] = (target[byte] as number) ^ 1
        const verdict = verifyChain(auditAnchor, forged, auditHead)
        assert.deepEqual(verdict, { kind: 'broken', sequence: at + 1 }, `${part} ${byte}`)
      }
    }
  }
})

test('an entry that is missing, repeated or out of place is found; a cut tail is told from it', () => {
  const replica = written(6)
  const { auditAnchor, auditHead } = replica.state
  const rows = rowsOf(replica)
  for (let cut = 0; cut < rows.length; cut++) {
    const verdict = verifyChain(auditAnchor, rows.slice(0, cut), auditHead)
    assert.deepEqual(verdict, { kind: 'cut', sequence: cut + 1 })
  }
  fc.assert(
    fc.property(fc.shuffledSubarray(rows, { minLength: 1 }), (some) => {
      const verdict = verifyChain(auditAnchor, some, auditHead)
      const wrongAt = some.findIndex((row, i) => row !== rows[i])
      if (wrongAt >= 0) assert.deepEqual(verdict, { kind: 'broken', sequence: wrongAt + 1 })
      else assert.equal(verdict.kind, some.length === rows.length ? 'whole' : 'cut')
    }),
  )
})

test('a chain rewritten from some entry on does not end in the head that others kept', () => {
  const { auditAnchor } = written(0).state
  const { auditHead } = written(4).state
  const other = new Replica()
  for (let i = 1; i <= 4; i++) {
    const value = { actor: i < 3 ? 'anna' : 'eve', verb: 'run', object: `wf-${i}`, outcome: 'ok' }
    other.do({ kind: 'auditAppend', value }, i * 1_000)
  }
  const verdict = verifyChain(auditAnchor, rowsOf(other), auditHead)
  assert.deepEqual(verdict, { kind: 'broken', sequence: 4 })
})

test('when the oldest entries have left, the rest still verifies', () => {
  const replica = written(8, smallLimits)
  const { auditAnchor, auditHead } = replica.state
  assert.equal(auditAnchor.sequence, 5)
  const verdict = verifyChain(auditAnchor, rowsOf(replica), auditHead)
  assert.deepEqual(verdict, { kind: 'whole', entries: 3 })
})
