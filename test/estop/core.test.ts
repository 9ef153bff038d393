import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EstopCore } from '../../protocol/estop/core.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import type { EstopFrame } from '../../protocol/estop/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { keyNumber, trust, nowMs as wallMs } from '../identity/parties.ts'
import {
  one,
  operator,
  otherAdmin,
  raiseOf,
  release,
  releaseOf,
  signed,
  two,
  wholeMesh,
} from './words.ts'

/** Cores that hear each other at once, except where the way is cut. */
class Wires {
  nowMs = 0
  readonly cores = new Map<PeerId, EstopCore>()
  readonly obeyed: string[] = []
  readonly records = new Map<PeerId, Uint8Array>()
  isCut: (from: PeerId, to: PeerId) => boolean = () => false
  said = 0
  /** Who has not done yet what it has heard. */
  isAtWork: (host: PeerId) => boolean = () => false

  add(n: number, rules = one, records: Uint8Array[] = []): EstopCore {
    const self = keyNumber(100 + n).id
    const core = new EstopCore({ self, trust, rules }, records, this.nowMs)
    this.cores.set(self, core)
    return core
  }

  meet(): void {
    for (const [id, core] of this.cores) {
      for (const other of this.cores.keys()) if (other !== id) core.connected(other, this.nowMs)
    }
    this.settle()
  }

  settle(): void {
    const queue: { from: PeerId; to: PeerId; frame: EstopFrame }[] = []
    for (let turn = 0; turn < 10_000; turn++) {
      for (const [from, core] of this.cores) {
        const ready = core.takeReady()
        if (ready === undefined) continue
        for (const { to, frame } of ready.say) queue.push({ from, to, frame })
        for (const { record } of ready.records) this.records.set(from, record)
        for (const { id } of ready.obey) {
          this.obeyed.push(id)
          if (this.isAtWork(from)) continue
          core.done(id, 1, this.nowMs)
        }
      }
      const next = queue.shift()
      if (next === undefined) return
      this.said++
      if (this.isCut(next.from, next.to)) continue
      this.cores.get(next.to)?.hear(next.from, next.frame, this.nowMs, wallMs)
    }
    assert.fail('they never fall silent')
  }

  pass(ms: number): void {
    for (let until = this.nowMs + ms; this.nowMs < until; ) {
      const due = [...this.cores.values()].map(
        (core) => core.nextDueMs() ?? Number.POSITIVE_INFINITY,
      )
      this.nowMs = Math.min(until, Math.max(this.nowMs + 1, Math.min(...due)))
      for (const core of this.cores.values()) core.tick(this.nowMs)
      this.settle()
    }
  }
}

function meshOf(size: number, rules = one): Wires {
  const wires = new Wires()
  for (let n = 0; n < size; n++) wires.add(n, rules)
  wires.meet()
  return wires
}

const stopped = (wires: Wires): boolean[] =>
  [...wires.cores.values()].map(({ latch }) => latch.isAnyInForce)

test('a word said to one host is latched by all, and all have answered', () => {
  const wires = meshOf(5)
  const [first] = wires.cores.values()
  const heard = first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  wires.settle()
  assert.deepEqual(stopped(wires), [true, true, true, true, true])
  assert.equal(heard.kind, 'news')
  const answers = [...first!.answersFor(heard.kind === 'news' ? heard.id : '').values()]
  assert.deepEqual(
    answers.map(({ state, killed }) => [state, killed]),
    Array(4).fill(['done', 1]),
  )
  assert.equal(first!.nextDueMs(), undefined)
})

test('each tells each other the word and its end, and nothing more', () => {
  const wires = meshOf(5)
  const [first] = wires.cores.values()
  wires.isAtWork = () => true
  const before = wires.said
  const heard = first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  assert.ok(heard.kind === 'news')
  wires.settle()
  assert.equal(wires.said - before, 5 * 4)
  wires.pass(2 * estopLimits.againFirstMs)
  assert.equal(wires.said - before, 5 * 4, 'who has said it is known to have heard it')
  for (const core of wires.cores.values()) core.done(heard.id, 1, wires.nowMs)
  wires.settle()
  assert.equal(wires.said - before, 2 * 5 * 4)
  for (const core of wires.cores.values()) assert.equal(core.nextDueMs(), undefined)
})

test('one that has heard and takes long says so when it is asked again', () => {
  const wires = meshOf(2)
  const [first] = wires.cores.values()
  const [, slow] = [...wires.cores.keys()]
  wires.isAtWork = (host) => host === slow
  const heard = first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  assert.ok(heard.kind === 'news')
  wires.settle()
  assert.equal(first!.answersFor(heard.id).get(slow!), undefined)
  wires.pass(estopLimits.againKnownMs)
  assert.equal(first!.answersFor(heard.id).get(slow!)?.state, 'latched')
  wires.cores.get(slow!)!.done(heard.id, 7, wires.nowMs)
  wires.settle()
  assert.equal(first!.answersFor(heard.id).get(slow!)?.killed, 7)
  assert.equal(first!.nextDueMs(), undefined)
})

test('one that has heard and takes long says so by itself, where its driver finds that it is long', () => {
  const wires = meshOf(2)
  const [first, second] = [...wires.cores.values()]
  const [, slow] = [...wires.cores.keys()]
  wires.isAtWork = (host) => host === slow
  const heard = first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  assert.ok(heard.kind === 'news')
  wires.settle()
  second!.latched(heard.id, wires.nowMs)
  wires.settle()
  assert.equal(first!.answersFor(heard.id).get(slow!)?.state, 'latched')
})

test('a host that cannot be heard is told until it answers', () => {
  const wires = meshOf(2)
  const [first, second] = [...wires.cores.values()]
  const [, away] = [...wires.cores.keys()]
  wires.isCut = (_, to) => to === away
  first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  wires.settle()
  wires.pass(60_000)
  assert.equal(second!.latch.isAnyInForce, false)
  wires.isCut = () => false
  wires.pass(estopLimits.againMostMs)
  assert.equal(second!.latch.isAnyInForce, true)
  assert.equal(first!.nextDueMs(), undefined)
})

test('who joins or returns is told when it connects, of stops and of releases', () => {
  const wires = meshOf(2)
  const [first] = wires.cores.values()
  first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  wires.settle()
  const late = wires.add(7)
  wires.meet()
  assert.equal(late.latch.isAnyInForce, true)
  first!.said(release(first!.latch), wires.nowMs, wallMs)
  wires.settle()
  const later = wires.add(8, one, [...wires.records.values()].slice(0, 1))
  wires.meet()
  assert.equal(later.latch.isAnyInForce, false)
  assert.equal(late.latch.isAnyInForce, false)
})

test('a forged word, and one without the right, is refused, counted and passed on to nobody', () => {
  const wires = meshOf(2)
  const [first] = wires.cores.values()
  const [, other] = [...wires.cores.keys()]
  const word = signed(raiseOf(), operator)
  const forged = { ...word, hands: [{ ...word.hands[0]!, signature: new Uint8Array(64) }] }
  const before = wires.said
  for (const words of [[forged], [signed(releaseOf(), operator)]]) {
    first!.hear(other!, { kind: 'words', value: { words } }, wires.nowMs, wallMs)
  }
  const ready = first!.takeReady()!
  assert.deepEqual(
    ready.refused.map(({ why }) => why),
    ['badSignature', 'notAllowed'],
  )
  assert.deepEqual(ready.obey, [])
  assert.equal(ready.say.length, 2)
  assert.ok(ready.say.every(({ to, frame }) => to === other && frame.kind === 'answers'))
  assert.equal(wires.said, before)
})

test('a release by one of two people waits, everywhere, until another has signed it anywhere', () => {
  const wires = meshOf(3, two)
  const [first, , third] = [...wires.cores.values()]
  first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  wires.settle()
  const half = release(first!.latch)
  assert.equal(first!.said(half, wires.nowMs, wallMs).kind, 'proposed')
  wires.settle()
  assert.deepEqual(stopped(wires), [true, true, true])
  const [proposal] = third!.proposals(wholeMesh)
  const saying = proposal!.saying
  third!.said(signed(saying, otherAdmin), wires.nowMs, wallMs)
  wires.settle()
  assert.deepEqual(stopped(wires), [false, false, false])
})

test('both halves of a partition stop by themselves, and stay so after it until both are released', () => {
  const wires = meshOf(4)
  const [a, b, c, d] = [...wires.cores.keys()] as [PeerId, PeerId, PeerId, PeerId]
  const left = new Set([a, b])
  wires.isCut = (from, to) => left.has(from) !== left.has(to)
  wires.cores.get(a)!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
  wires.settle()
  assert.deepEqual(stopped(wires), [true, true, false, false])
  wires.cores.get(d)!.said(signed(raiseOf({ epoch: 3 }), operator), wires.nowMs, wallMs)
  wires.settle()
  wires.cores.get(c)!.said(release(wires.cores.get(c)!.latch), wires.nowMs, wallMs)
  wires.settle()
  assert.deepEqual(stopped(wires), [true, true, false, false])
  wires.isCut = () => false
  wires.pass(estopLimits.againMostMs)
  assert.deepEqual(stopped(wires), [true, true, true, true])
  wires.cores.get(d)!.said(release(wires.cores.get(d)!.latch), wires.nowMs, wallMs)
  wires.settle()
  assert.deepEqual(stopped(wires), [false, false, false, false])
})

test('with any part of the frames lost, all that can be reached are stopped in the end, each once', () => {
  const beforeAllIsHeard = 100
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 8, maxLength: 64 }), (losses) => {
      const wires = meshOf(4)
      let at = 0
      wires.isCut = () => losses[at++ % losses.length]! && at < beforeAllIsHeard
      const [first] = wires.cores.values()
      first!.said(signed(raiseOf(), operator), wires.nowMs, wallMs)
      wires.settle()
      // Each time that it is said again, one frame is lost at least, however few of them are heard.
      wires.pass(beforeAllIsHeard * estopLimits.againMostMs)
      assert.deepEqual(stopped(wires), [true, true, true, true])
      assert.equal(wires.obeyed.length, 4)
      assert.equal(first!.nextDueMs(), undefined)
    }),
    // Nothing heard of the first hundred: it takes longest.
    { numRuns: 40, examples: [[Array.from({ length: 8 }, () => true)]] },
  )
})

test('a storm of old words is answered and goes nowhere', () => {
  const wires = meshOf(3)
  const [first] = wires.cores.values()
  const [, other] = [...wires.cores.keys()]
  const word = signed(raiseOf(), operator)
  first!.said(word, wires.nowMs, wallMs)
  wires.settle()
  const obeyed = wires.obeyed.length
  const before = wires.said
  for (let i = 0; i < 100; i++) {
    first!.hear(other!, { kind: 'words', value: { words: [word] } }, wires.nowMs, wallMs)
  }
  wires.settle()
  assert.equal(wires.obeyed.length, obeyed)
  assert.equal(wires.said - before, 100)
})
