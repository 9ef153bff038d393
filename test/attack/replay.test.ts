/**
 * Commands and words of stops again, late, in any order and in parts, with restarts in between: each
 * takes effect once or not at all, and what it comes to is what the honest order comes to.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NonceStore } from '../../agent/door/nonce-store.ts'
import { EstopCore } from '../../protocol/estop/core.ts'
import { Latch } from '../../protocol/estop/latch.ts'
import type { StopScope } from '../../protocol/estop/scope.ts'
import { type Release, type StopSaying, type StopWord, wordId } from '../../protocol/estop/word.ts'
import { openEnvelope } from '../../protocol/identity/envelope.ts'
import {
  admin,
  judged,
  one,
  operator,
  otherAdmin,
  raiseOf,
  release,
  releaseOf,
  signed,
  two,
  wholeMesh,
} from '../estop/words.ts'
import { envelopeOf, keyNumber, nowMs, trust } from '../identity/parties.ts'
import { MemoryDisk } from '../telemetry/made-host.ts'

// ── Commands ────────────────────────────────────────────────────────────────────────────────────

const lifeMs = 60_000
const envelopes = Array.from({ length: 5 }, (_, n) =>
  envelopeOf({
    object: `r${n}`,
    issuedMs: nowMs + n * 20_000,
    expiresMs: nowMs + n * 20_000 + lifeMs,
  }),
)

test('a command is done once at most, whenever, however often and however late it comes, over restarts', async () => {
  const present = fc.record({
    kind: fc.constant('present' as const),
    which: fc.nat(envelopes.length - 1),
    laterMs: fc.integer({ min: -30_000, max: 40_000 }),
  })
  const restart = fc.record({ kind: fc.constant('restart' as const) })
  const steps = fc.array(fc.oneof({ weight: 6, arbitrary: present }, restart), { maxLength: 40 })
  const limits = { noncesMax: 3, forgetEveryMs: 1, forgottenAtOnceMax: 2 }
  let doneInAll = 0
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const disk = new MemoryDisk()
      const done = new Set<number>()
      let [store, wallMs] = [new NonceStore(disk, limits), nowMs]
      for (const step of history) {
        if (step.kind === 'restart') store = new NonceStore(disk, limits)
        else {
          wallMs += step.laterMs
          const opened = openEnvelope(envelopes[step.which]!, trust, wallMs)
          if (!opened.ok) continue
          const admission = await store.admit(opened.by.subject, opened.command, wallMs)
          if (admission !== 'fresh') continue
          assert.ok(!done.has(step.which), 'it was done before')
          assert.ok(wallMs < opened.command.expiresMs)
          done.add(step.which)
        }
      }
      doneInAll += done.size
    }),
    { numRuns: 150 },
  )
  assert.ok(doneInAll > 150, 'many are done')
})

test('in whatever order commands come while they are good, each is done, and only once', async () => {
  const again = fc.array(fc.nat(4), { maxLength: 15 })
  const all = envelopes.map((_, which) => which)
  const orders = again.chain((more) =>
    fc.shuffledSubarray([...all, ...more], { minLength: all.length + more.length }),
  )
  await fc.assert(
    fc.asyncProperty(orders, fc.nat(15), async (order, restartAt) => {
      const disk = new MemoryDisk()
      let store = new NonceStore(disk)
      const done: number[] = []
      for (const [at, which] of order.entries()) {
        if (at === restartAt) store = new NonceStore(disk)
        // A moment at which all of them are good: the last is a little early, and clocks differ.
        const opened = openEnvelope(envelopes[which]!, trust, nowMs + 40_000)
        assert.ok(opened.ok)
        const { by, command } = opened
        if ((await store.admit(by.subject, command, nowMs + 40_000)) === 'fresh') done.push(which)
      }
      assert.deepEqual(done.toSorted(), all)
    }),
    { numRuns: 100 },
  )
})

// ── Stops and releases ──────────────────────────────────────────────────────────────────────────

const run: StopScope = { kind: 'run', run: 'r1' }
const self = keyNumber(100).id
const liar = keyNumber(101).id

/** What people say in an honest order, on both scopes, with a last raise that nobody has released. */
function story(): StopWord[] {
  const told = new Latch()
  const words: StopWord[] = []
  const say = (word: StopWord) => {
    told.hear(judged(word))
    words.push(word)
  }
  for (let turn = 0; turn < 3; turn++) {
    for (const scope of [wholeMesh, run]) {
      const mode = turn === 1 ? 'drain' : 'kill'
      say(signed(raiseOf({ scope, epoch: told.nextEpoch(scope), mode }), operator))
      if (turn < 2) say(release(told, scope))
    }
  }
  return words
}

const sayingOf = (word: StopWord): StopSaying => judged(word).saying

/** Slow and plain: a raise is in force when it was heard, and no release that was heard names it. */
function standing(heard: readonly StopWord[]): string[] {
  const named = new Set(
    heard.flatMap((word) => {
      const saying = sayingOf(word)
      return saying.act === 'release' ? saying.covers.map(({ id }) => id) : []
    }),
  )
  const raises = heard.filter((word) => sayingOf(word).act === 'raise')
  return [...new Set(raises.map(({ body }) => wordId(body)))].filter((id) => !named.has(id)).sort()
}

/** A host with a disk, that hears words of a peer and may be started anew. */
class Host {
  readonly records = new Map<string, Uint8Array>()
  readonly obeyed: string[] = []
  readonly #rules: typeof one
  #core: EstopCore

  constructor(rules = one) {
    this.#rules = rules
    this.#core = this.#started()
  }

  #started(): EstopCore {
    return new EstopCore({ self, trust, rules: this.#rules }, this.records.values(), 0)
  }

  restart(): void {
    this.#core = this.#started()
  }

  hear(word: StopWord): void {
    this.#core.hear(liar, { kind: 'words', value: { words: [word] } }, 0, nowMs)
    const ready = this.#core.takeReady()
    for (const { scope, record } of ready?.records ?? []) this.records.set(scope, record)
    this.obeyed.push(...(ready?.obey ?? []).map(({ id }) => id))
  }

  get inForce(): string[] {
    return this.#core.latch
      .inForce()
      .map(({ id }) => id)
      .sort()
  }
}

test('stops and releases again, in any order and over restarts: at every step what was raised and not released is in force', () => {
  const words = story()
  const ends = standing(words)
  assert.equal(ends.length, 2)
  const honest = new Host()
  for (const word of words) honest.hear(word)
  assert.deepEqual(honest.inForce, ends)
  const again = fc.array(fc.nat(words.length - 1), { maxLength: 25 })
  const orders = again.chain((more) => {
    const all = [...words.keys(), ...more]
    return fc.shuffledSubarray(all, { minLength: all.length })
  })
  fc.assert(
    fc.property(orders, fc.array(fc.nat(40), { maxLength: 4 }), (order, restarts) => {
      const host = new Host()
      const heard: StopWord[] = []
      for (const [at, which] of order.entries()) {
        if (restarts.includes(at)) host.restart()
        heard.push(words[which]!)
        host.hear(words[which]!)
        assert.deepEqual(host.inForce, standing(heard))
      }
      assert.deepEqual(host.inForce, ends)
      assert.equal(new Set(host.obeyed).size, host.obeyed.length, 'each is obeyed once')
    }),
    { numRuns: 60 },
  )
})

test('a release of what was raised before releases nothing that was raised since, however often it comes', () => {
  const told = new Latch()
  const first = signed(raiseOf(), operator)
  told.hear(judged(first))
  const old = release(told)
  told.hear(judged(old))
  fc.assert(
    fc.property(fc.array(fc.nat(1)), fc.integer({ min: 1, max: 99 }), (before, epoch) => {
      const host = new Host()
      for (const which of before) host.hear([first, old][which] as StopWord)
      // Whatever epoch it has: who raises may not know of what was raised elsewhere.
      const later = signed(raiseOf({ epoch }), operator)
      host.hear(later)
      for (let i = 0; i < 5; i++) host.hear(old)
      assert.ok(host.inForce.includes(wordId(later.body)))
      host.restart()
      host.hear(old)
      assert.ok(host.inForce.includes(wordId(later.body)))
    }),
    { numRuns: 60 },
  )
})

test('of a release that two must sign the hands come in any order, apart, doubled and with those of others: it takes both', () => {
  const told = new Latch()
  const stop = signed(raiseOf(), operator)
  told.hear(judged(stop))
  const saying: Release = releaseOf(told.nextRelease(wholeMesh) ?? assert.fail('it is raised'))
  const [bob, eve, notAllowed] = [admin, otherAdmin, operator].map((by) => signed(saying, by))
  const forged = {
    body: bob!.body,
    hands: [{ ...eve!.hands[0]!, signature: bob!.hands[0]!.signature }],
  }
  const half = [bob, notAllowed, forged] as StopWord[]
  fc.assert(
    fc.property(fc.array(fc.nat(half.length - 1), { maxLength: 10 }), (order) => {
      const host = new Host(two)
      host.hear(stop)
      for (const which of order) host.hear(half[which]!)
      assert.equal(host.inForce.length, 1, 'one person is not two')
      host.hear(eve!)
      assert.equal(host.inForce.length, order.includes(0) ? 0 : 1)
      host.hear(bob!)
      assert.equal(host.inForce.length, 0)
    }),
    { numRuns: 60 },
  )
})
