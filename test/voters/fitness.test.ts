import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Heir, judge, type Signs } from '../../agent/ledger/fitness.ts'
import { fitnessLimits as limits } from '../../agent/ledger/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const id = (n: number) => `n${n}` as PeerId
const heir = (n: number, change: Partial<Heir> = {}): Heir => {
  return { id: id(n), match: 9, heardMsAgo: 0, loopLagMs: 0, ...change }
}

function judged(change: Partial<Signs>) {
  const well = { diskWaitMs: 0, persisted: 8, loopLagMs: 0, laggingLooks: 0, tried: new Set([]) }
  return judge({ ...well, heirs: [heir(2), heir(3)], ...change }, limits)
}

const stalled = { diskWaitMs: limits.diskStallMs }
const late = { loopLagMs: limits.loopLagMsMax, laggingLooks: limits.laggingLooks }

test('a leader that keeps up stays', () => {
  assert.equal(judged({}).kind, 'fit')
  assert.equal(judged({ diskWaitMs: limits.diskStallMs - 1 }).kind, 'fit')
  assert.equal(judged({ ...late, laggingLooks: limits.laggingLooks - 1 }).kind, 'fit')
})

test('one that does not hands over to the best that does', () => {
  for (const trouble of [stalled, late]) {
    const judgement = judged(trouble)
    assert.ok(judgement.kind === 'handOver' && judgement.to === id(2), judgement.kind)
  }
})

test('nobody is asked who has no more on its disk, or has fallen silent', () => {
  const behind = heir(2, { match: 8 })
  const silent = heir(3, { heardMsAgo: limits.heirHeardMs + 1 })
  assert.equal(judged({ ...stalled, heirs: [behind, silent] }).kind, 'fit')
})

test('nobody is asked whose loop is late too, or unknown', () => {
  const heirs = [heir(2, { loopLagMs: limits.loopLagMsMax / 2 }), heir(3, { loopLagMs: undefined })]
  assert.equal(judged({ ...late, heirs }).kind, 'fit')
})

test('an heir that did not take over is not asked again; after enough of them it resigns', () => {
  const second = judged({ ...stalled, tried: new Set([id(2)]) })
  assert.ok(second.kind === 'handOver' && second.to === id(3))
  assert.equal(judged({ ...stalled, tried: new Set([id(2), id(3)]) }).kind, 'resign')
  const only = { ...stalled, heirs: [heir(2)], tried: new Set([id(2)]) }
  assert.equal(judged(only).kind, 'resign')
})

test('whoever is asked does better, and nobody resigns without having asked', () => {
  const number = (max: number) => fc.integer({ min: 0, max })
  const heirs = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 2, max: 6 }).map(id),
      match: number(12),
      heardMsAgo: number(2 * limits.heirHeardMs),
      loopLagMs: fc.option(number(3 * limits.loopLagMsMax), { nil: undefined }),
    }),
    { selector: (one) => one.id },
  )
  const signs = fc.record({
    diskWaitMs: number(2 * limits.diskStallMs),
    persisted: number(12),
    loopLagMs: number(3 * limits.loopLagMsMax),
    laggingLooks: number(2 * limits.laggingLooks),
    heirs,
    tried: fc.array(fc.integer({ min: 2, max: 6 }).map(id)).map((ids) => new Set(ids)),
  })
  fc.assert(
    fc.property(signs, (drawn) => {
      const judgement = judge(drawn, limits)
      if (judgement.kind === 'resign') assert.ok(drawn.tried.size > 0)
      if (judgement.kind !== 'handOver') return
      const asked = drawn.heirs.find((one) => one.id === judgement.to)
      assert.ok(asked && !drawn.tried.has(asked.id))
      assert.ok(drawn.tried.size < limits.heirsTriedMax)
      const better =
        asked.match > drawn.persisted || (asked.loopLagMs ?? Infinity) < drawn.loopLagMs
      assert.ok(better)
    }),
  )
})
