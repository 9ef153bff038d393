import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommittedLog } from '../../simulations/checkers/committed-log.ts'
import { DigestsEqual, plainly } from '../../simulations/checkers/digests-equal.ts'
import { ElectionSafety } from '../../simulations/checkers/election-safety.ts'
import { LeaderCompleteness } from '../../simulations/checkers/leader-completeness.ts'
import { LogMatching } from '../../simulations/checkers/log-matching.ts'
import { NoAckedLost } from '../../simulations/checkers/no-acked-lost.ts'
import { StateMachineSafety } from '../../simulations/checkers/state-machine-safety.ts'
import type { Violation } from '../../simulations/checkers/violation.ts'

const broken = (seen: Violation | undefined) => seen?.checker

test('two leaders in one term are one too many, also when the first is seen again in between', () => {
  const safety = new ElectionSafety()
  assert.equal(safety.observe({ host: 'a', term: 2 }), undefined)
  assert.equal(safety.observe({ host: 'b', term: 3 }), undefined)
  assert.equal(safety.observe({ host: 'a', term: 2 }), undefined)
  assert.equal(safety.observe({ host: 'b', term: 2 })?.what, 'a and b lead in term 2')
})

test('entries of one index and term are one entry, with one log before it', () => {
  const matching = new LogMatching()
  const entry = { host: 'a', index: 5, term: 2, hash: 77, previousTerm: 1 }
  assert.equal(matching.observe(entry), undefined)
  assert.equal(matching.observe({ ...entry, host: 'b' }), undefined)
  assert.equal(matching.observe({ ...entry, host: 'b', term: 3, hash: 78 }), undefined)
  assert.equal(broken(matching.observe({ ...entry, host: 'c', hash: 78 })), 'log matching')
  assert.equal(broken(matching.observe({ ...entry, host: 'c', previousTerm: 2 })), 'log matching')
})

function applied(safety: StateMachineSafety, host: string, index: number, hash = index, term = 1) {
  return safety.observe({ kind: 'applied', host, index, term, hash, inTerm: 1 })
}

test('a host applies what others applied, without a gap and without going back', () => {
  const safety = new StateMachineSafety()
  for (const index of [1, 2, 3]) assert.equal(applied(safety, 'a', index), undefined)
  assert.equal(applied(safety, 'b', 1), undefined)
  assert.equal(broken(applied(safety, 'b', 2, 99)), 'state machine safety')
  assert.equal(broken(applied(safety, 'c', 1, 1, 2)), 'state machine safety')
  assert.equal(broken(applied(safety, 'a', 5)), 'state machine safety')
  assert.equal(broken(applied(safety, 'a', 3)), 'state machine safety')
})

test('a host that comes again may begin with less, and with no more than anybody has applied', () => {
  const safety = new StateMachineSafety()
  for (const index of [1, 2, 3]) applied(safety, 'a', index)
  assert.equal(
    broken(safety.observe({ kind: 'begins', host: 'a', index: 1 })),
    'state machine safety',
  )
  safety.observe({ kind: 'died', host: 'a' })
  assert.equal(safety.observe({ kind: 'begins', host: 'a', index: 1 }), undefined)
  assert.equal(applied(safety, 'a', 2), undefined)
  assert.equal(
    broken(safety.observe({ kind: 'begins', host: 'b', index: 9 })),
    'state machine safety',
  )
})

test('what is committed stays so while a host lives, and what its disk has synced for ever', () => {
  const safety = new StateMachineSafety()
  const committed = (index: number) =>
    broken(safety.observe({ kind: 'committed', host: 'a', index }))
  assert.equal(committed(8), undefined)
  assert.equal(committed(7), 'commit monotonic')
  safety.observe({ kind: 'durable', host: 'a', index: 5 })
  safety.observe({ kind: 'died', host: 'a' })
  assert.equal(committed(4), 'commit monotonic')
  assert.equal(committed(6), undefined)
  safety.observe({ kind: 'wiped', host: 'a' })
  assert.equal(committed(0), undefined)
})

test('a new leader holds what earlier terms committed, and need not hold what later ones did', () => {
  const log = new CommittedLog()
  for (const [term, knownInTerm] of [
    [1, 1],
    [2, 2],
    [2, 4],
  ] as const)
    log.push({ term, hash: 0, knownInTerm, host: 'a' })
  const completeness = new LeaderCompleteness(log)
  const leader = (term: number, terms: readonly number[], snapshotIndex = 0) =>
    completeness.observe({
      host: 'b',
      term,
      snapshotIndex,
      lastIndex: terms.length,
      termAt: (index) => terms[index - 1],
    })
  assert.equal(leader(3, [1, 2]), undefined)
  assert.equal(broken(leader(3, [1])), 'leader completeness')
  assert.equal(broken(leader(3, [1, 1])), 'leader completeness')
  assert.equal(leader(3, [], 2), undefined)
  assert.deepEqual(leader(5, [1, 2])?.lines, [
    '3@2 was applied by a in term 4',
    'the log of b ends at 2',
  ])
})

test('hosts that have applied the same are in the same state', () => {
  const digests = new DigestsEqual(plainly)
  assert.equal(digests.observe({ host: 'a', index: 3, digest: 'x' }), undefined)
  assert.equal(digests.observe({ host: 'b', index: 4, digest: 'y' }), undefined)
  assert.equal(digests.observe({ host: 'b', index: 3, digest: 'x' }), undefined)
  assert.equal(digests.observe({ host: 'c', index: 3, digest: 'z' })?.what, 'a and c differ at 3')
})

test('an acknowledged write is there once, a refused one never, and of others nothing is said', () => {
  const acked = new NoAckedLost()
  const one = { client: 1, serial: 1 }
  const two = { client: 1, serial: 2 }
  const far = { client: 2, serial: 70_000 }
  for (const proposal of [one, far, one]) assert.equal(acked.observeAcked(proposal), undefined)
  assert.equal(acked.observeRefused(two), undefined)
  assert.equal(acked.acknowledged, 2)
  assert.equal(acked.conclude([far, one, { client: 3, serial: 1 }]), undefined)
  assert.deepEqual(acked.conclude([one])?.lines, ['2/70000 was acknowledged and is gone'])
  assert.deepEqual(acked.conclude([one, far, one])?.lines, ['1/1 took effect twice'])
  assert.deepEqual(acked.conclude([one, far, two])?.lines, ['1/2 was refused and took effect'])
  assert.match(acked.observeRefused(one)?.what ?? '', /acknowledged, and then refused/)
  assert.match(acked.observeAcked(two)?.what ?? '', /refused, and then acknowledged/)
})

test('a committed log that forgets still compares what it keeps, and its fingerprint forgets nothing', () => {
  const short = new CommittedLog(4)
  const long = new CommittedLog()
  for (let index = 1; index <= 11; index++) {
    const entry = { term: 1, hash: index, knownInTerm: 1, host: 'a' }
    short.push(entry)
    long.push(entry)
  }
  assert.equal(short.lastIndex, 11)
  assert.equal(short.at(1), undefined)
  assert.equal(short.at(11)?.hash, 11)
  assert.equal(short.fingerprint(), long.fingerprint())
  long.push({ term: 1, hash: 0, knownInTerm: 1, host: 'a' })
  assert.notEqual(short.fingerprint(), long.fingerprint())
})
