import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signerFromSeed, verify } from '../../protocol/identity/peer-id.ts'
import type { AuditRow } from '../../protocol/ledger/audit-chain.ts'
import { AuditCheck, type AuditVerdict } from '../../protocol/ledger/audit-check.ts'
import { isHeadOf, type PeerHead, signHead, thinned } from '../../protocol/ledger/audit-heads.ts'
import { type StateLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import { toOctets } from '../../protocol/ledger/octets.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { AuditMark } from '../../protocol/ledger/state.ts'
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

function checked(
  anchor: AuditMark,
  rows: Iterable<AuditRow>,
  end: AuditMark,
  heads: readonly PeerHead[] = [],
): AuditVerdict {
  const check = new AuditCheck(anchor, heads)
  for (const row of rows) check.take(row)
  return check.finish(end)
}

/** What one peer has signed of a log, after each of these entries. */
function headsOf(seed: number, replica: Replica, sequences: readonly number[]): PeerHead[] {
  const signer = signerFromSeed(new Uint8Array(32).fill(seed))
  const rows = rowsOf(replica)
  return sequences.map((sequence) => {
    const hash = toOctets(rows[sequence - 1]?.hash ?? new Uint8Array(32))
    return { peer: signer.id, ...signHead({ sequence, hash }, signer) }
  })
}

test('the chain that was written is whole', () => {
  const replica = written(5)
  const { auditAnchor, auditHead } = replica.state
  const verdict = checked(auditAnchor, rowsOf(replica), auditHead)
  assert.deepEqual(verdict.findings, [])
  assert.deepEqual([verdict.entries, verdict.first, verdict.last], [5, 1, 5])
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
        const [first] = checked(auditAnchor, forged, auditHead).findings
        const named = { kind: 'changed', sequence: at + 1, upheldBy: [] }
        assert.deepEqual(first, named, `${part} ${byte}`)
      }
    }
  }
})

test('an entry that is missing, repeated or out of place is found; a cut tail is told from it', () => {
  const replica = written(6)
  const { auditAnchor, auditHead } = replica.state
  const rows = rowsOf(replica)
  for (let cut = 0; cut < rows.length; cut++) {
    const { findings } = checked(auditAnchor, rows.slice(0, cut), auditHead)
    assert.deepEqual(findings, [{ kind: 'cut', from: cut + 1, to: 6, by: [] }])
  }
  fc.assert(
    fc.property(fc.shuffledSubarray(rows, { minLength: 1 }), (some) => {
      const [first] = checked(auditAnchor, some, auditHead).findings
      const wrongAt = some.findIndex((row, i) => row !== rows[i])
      const named = { kind: 'changed', sequence: wrongAt + 1, upheldBy: [] }
      if (wrongAt >= 0) assert.deepEqual(first, named)
      else assert.equal(first?.kind, some.length === rows.length ? undefined : 'cut')
    }),
  )
})

function rewritten(from: number, entries: number): Replica {
  const other = new Replica()
  for (let i = 1; i <= entries; i++) {
    const value = {
      actor: i < from ? 'anna' : 'eve',
      verb: 'run',
      object: `wf-${i}`,
      outcome: 'ok',
    }
    other.do({ kind: 'auditAppend', value }, i * 1_000)
  }
  return other
}

test('a chain rewritten from some entry on and hashed anew is found by the heads that peers keep', () => {
  const replica = written(9)
  const other = rewritten(5, 9)
  const heads = [...headsOf(1, replica, [2, 7]), ...headsOf(2, replica, [4, 9])]
  const { auditAnchor, auditHead } = other.state
  assert.deepEqual(checked(auditAnchor, rowsOf(other), auditHead).findings, [], 'it fits itself')
  const { findings, upheldTo } = checked(auditAnchor, rowsOf(other), auditHead, heads)
  const by = [...new Set(heads.map(({ peer }) => peer as string))].sort()
  assert.deepEqual(findings, [{ kind: 'contradicted', after: 4, sequence: 7, by }])
  assert.equal(upheldTo, 4)
})

test('a tail that was cut is found by the heads that peers keep, and they are named', () => {
  const replica = written(9)
  const heads = [...headsOf(1, replica, [3, 9]), ...headsOf(2, replica, [7])]
  const shorter = written(6)
  const { auditAnchor, auditHead } = shorter.state
  const { findings, upheldTo, upheldBy } = checked(auditAnchor, rowsOf(shorter), auditHead, heads)
  const by = [...new Set(heads.filter((h) => h.sequence > 6).map(({ peer }) => peer as string))]
  assert.deepEqual(findings, [{ kind: 'cut', from: 7, to: 9, by: by.sort() }])
  assert.deepEqual([upheldTo, upheldBy], [3, [heads[0]?.peer]])
})

test('a changed byte is told from a changed log: the heads of peers uphold what it stood in', () => {
  const replica = written(5)
  const heads = headsOf(1, replica, [2, 5])
  const rows = copied(rowsOf(replica))
  const body = rows[2]?.body as Uint8Array
  body[body.length - 1] = (body.at(-1) as number) ^ 1
  const { auditAnchor, auditHead } = replica.state
  const { findings } = checked(auditAnchor, rows, auditHead, heads)
  assert.deepEqual(findings, [{ kind: 'changed', sequence: 3, upheldBy: [heads[0]?.peer] }])
})

test('a head counts for the peer that signed it, and for nothing else', () => {
  const [head] = headsOf(1, written(3), [3])
  const [other] = headsOf(2, written(3), [2])
  assert.ok(head && other)
  assert.ok(isHeadOf(head, verify))
  assert.ok(!isHeadOf({ ...head, peer: other.peer }, verify))
  assert.ok(!isHeadOf({ ...head, sequence: 4 }, verify))
  assert.ok(!isHeadOf({ ...head, hash: other.hash }, verify))
  assert.ok(!isHeadOf({ ...head, signature: other.signature }, verify))
})

test('of the heads of a peer the first, the newest and some between are kept, however many come', () => {
  const [head] = headsOf(1, written(1), [1])
  assert.ok(head)
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { minLength: 1, maxLength: 200 }), (sequences) => {
      let kept: PeerHead[] = []
      for (const sequence of sequences) kept = thinned([...kept, { ...head, sequence }], 8)
      const numbers = kept.map(({ sequence }) => sequence)
      assert.ok(numbers.length <= 8)
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
      )
      assert.equal(numbers[0], Math.min(...sequences))
      assert.equal(numbers.at(-1), Math.max(...sequences))
    }),
  )
})

test('when the oldest entries have left, the rest still verifies', () => {
  const replica = written(8, smallLimits)
  const { auditAnchor, auditHead } = replica.state
  assert.equal(auditAnchor.sequence, 5)
  const { entries, first, findings } = checked(auditAnchor, rowsOf(replica), auditHead)
  assert.deepEqual([entries, first, findings], [3, 6, []])
})
