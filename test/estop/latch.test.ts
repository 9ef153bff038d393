import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JudgedWord } from '../../protocol/estop/judge.ts'
import { Latch } from '../../protocol/estop/latch.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import { isInScope, parseScope, type StopScope, scopeText } from '../../protocol/estop/scope.ts'
import { judged, operator, raiseOf, release, signed, wholeMesh } from './words.ts'

const here = { labels: { zone: 'a' }, run: 'r1' }

function raised(change: Parameters<typeof raiseOf>[0] = {}): JudgedWord {
  return judged(signed(raiseOf(change), operator))
}

test('a stop is in force from its raise to the release that names it', () => {
  const latch = new Latch()
  assert.equal(latch.hear(raised()), 'news')
  assert.equal(latch.stopping(here)?.saying.reason, 'smoke in the hall')
  assert.equal(latch.hear(judged(release(latch))), 'news')
  assert.equal(latch.stopping(here), undefined)
})

test('a word that was heard, and one that was released, do nothing', () => {
  const latch = new Latch()
  const word = raised()
  latch.hear(word)
  assert.equal(latch.hear(word), 'known')
  const ending = judged(release(latch))
  latch.hear(ending)
  assert.equal(latch.hear(word), 'old')
  assert.equal(latch.hear(ending), 'known')
  assert.equal(latch.isAnyInForce, false)
})

test('a release that was made without knowing of a raise does not release it, whatever its epoch', () => {
  const [minority, majority] = [new Latch(), new Latch()]
  const unseen = raised({ epoch: 1 })
  minority.hear(unseen)
  majority.hear(raised({ epoch: 7 }))
  const ending = judged(release(majority))
  majority.hear(ending)
  minority.hear(ending)
  assert.equal(minority.stopping(here)?.id, unseen.id)
  majority.hear(unseen)
  assert.equal(majority.stopping(here)?.id, unseen.id)
})

test('an old release does not release what was raised after it', () => {
  const latch = new Latch()
  latch.hear(raised())
  const ending = judged(release(latch))
  latch.hear(ending)
  latch.hear(raised({ epoch: latch.nextEpoch(wholeMesh) }))
  latch.hear(ending)
  assert.equal(latch.inForce().length, 1)
})

test('a host that hears the release before the raise is not stopped by the raise', () => {
  const [first, late] = [new Latch(), new Latch()]
  const word = raised()
  first.hear(word)
  late.hear(judged(release(first)))
  assert.equal(late.hear(word), 'old')
  assert.equal(late.isAnyInForce, false)
})

test('in whatever order words come, and however often, they come to the same', () => {
  const scopes: StopScope[] = [wholeMesh, { kind: 'run', run: 'r1' }]
  const told = new Latch()
  const words: JudgedWord[] = []
  for (let turn = 0; turn < 4; turn++) {
    for (const scope of scopes) {
      const word = raised({
        scope,
        epoch: told.nextEpoch(scope),
        mode: turn % 2 ? 'drain' : 'kill',
      })
      told.hear(word)
      words.push(word)
      if (turn < 3) words.push(judged(release(told, scope)))
      told.hear(words.at(-1)!)
    }
  }
  const inForce = (latch: Latch): string[] =>
    latch
      .inForce()
      .map(({ id }) => id)
      .sort()
  const expected = inForce(told)
  assert.equal(expected.length, 2)
  fc.assert(
    fc.property(
      fc.array(fc.nat(words.length - 1), { maxLength: 40 }),
      fc.infiniteStream(fc.nat()),
      (again, dice) => {
        const order = [...words, ...again.map((i) => words[i]!)]
        for (let i = order.length - 1; i > 0; i--) {
          const j = dice.next().value % (i + 1)
          ;[order[i], order[j]] = [order[j]!, order[i]!]
        }
        const latch = new Latch()
        for (const word of order) latch.hear(word)
        assert.deepEqual(inForce(latch), expected)
      },
    ),
    { numRuns: 60 },
  )
})

test('what was latched is latched in the next life, from its record alone', () => {
  const latch = new Latch()
  latch.hear(raised())
  latch.hear(judged(release(latch)))
  const second = raised({ epoch: latch.nextEpoch(wholeMesh) })
  latch.hear(second)
  const next = new Latch([latch.record(wholeMesh)!])
  assert.equal(next.stopping(here)?.id, second.id)
  assert.equal(next.hear(second), 'known')
  assert.deepEqual(next.nextRelease(wholeMesh), latch.nextRelease(wholeMesh))
})

test('a record that cannot be read is counted and takes no other along', () => {
  const latch = new Latch()
  latch.hear(raised())
  const next = new Latch([Uint8Array.of(255, 255), latch.record(wholeMesh)!])
  assert.equal(next.unreadable, 1)
  assert.equal(next.isAnyInForce, true)
})

test('a kill wins over a drain of the same place, whichever came first', () => {
  const latch = new Latch()
  latch.hear(raised({ epoch: 1, mode: 'kill' }))
  latch.hear(raised({ epoch: 2, mode: 'drain', scope: { kind: 'run', run: 'r1' } }))
  assert.equal(latch.stopping(here)?.saying.mode, 'kill')
})

test('only what a stop was meant for is in its scope', () => {
  const cases: [string, boolean][] = [
    ['mesh', true],
    ['label:zone=a', true],
    ['label:zone=b', false],
    ['label:constructor=a', false],
    ['run:r1', true],
    ['run:r2', false],
  ]
  for (const [text, wanted] of cases) {
    const scope = parseScope(text)!
    assert.equal(scopeText(scope), text)
    assert.equal(isInScope(scope, here), wanted, text)
  }
  for (const text of ['', 'run:', 'label:=a', 'label:zone', 'Mesh', 'host:n1']) {
    assert.equal(parseScope(text), undefined, text)
  }
})

test('a scope holds a bounded number of raises, and stays stopped when there are more', () => {
  const latch = new Latch()
  for (let i = 1; i <= 2 * estopLimits.raisesMax; i++)
    latch.hear(raised({ epoch: i, mode: 'drain' }))
  assert.equal(latch.inForce().length, estopLimits.raisesMax)
  latch.hear(raised({ epoch: 1, mode: 'kill' }))
  assert.equal(latch.stopping(here)?.saying.mode, 'kill')
  assert.equal(latch.inForce().length, estopLimits.raisesMax)
})

test('released scopes give way to new ones, and the mesh finds room always', () => {
  const latch = new Latch()
  const runOf = (i: number): StopScope => ({ kind: 'run', run: `r${i}` })
  latch.hear(raised({ scope: runOf(0) }))
  latch.hear(judged(release(latch, runOf(0))))
  for (let i = 1; i <= estopLimits.scopesMax; i++) latch.hear(raised({ scope: runOf(i) }))
  assert.equal(latch.stopping({ labels: {}, run: `r${estopLimits.scopesMax}` })?.saying.epoch, 1)
  assert.equal(latch.hear(raised({ scope: runOf(9_999) })), 'full')
  assert.equal(latch.hear(raised()), 'news')
})

test('a scope that was released more often than is remembered lets no old raise in', () => {
  const latch = new Latch()
  const first = raised()
  latch.hear(first)
  latch.hear(judged(release(latch)))
  for (let i = 0; i <= estopLimits.coveredMax; i++) {
    latch.hear(raised({ epoch: latch.nextEpoch(wholeMesh) }))
    latch.hear(judged(release(latch)))
  }
  assert.equal(latch.hear(first), 'old')
  assert.equal(latch.isAnyInForce, false)
  assert.equal(latch.hear(raised({ epoch: latch.nextEpoch(wholeMesh) })), 'news')
})
