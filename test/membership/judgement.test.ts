/** What is made of the word of a member that is wrong about another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../protocol/membership/limits.ts'
import type { MembershipEvent } from '../../protocol/membership/outbox.ts'
import { Field, type FieldHost } from '../../simulations/membership/field.ts'

/** Plain words only: a failed comparison prints them. */
interface Seen {
  atMs: number
  by: number
  event: MembershipEvent
}

function settled(nodes: number, seed: string | number, loss = 0) {
  const { probeIntervalMs } = limits
  const field = new Field({ seed, nodes, loss, lifeguard: true, probeIntervalMs })
  const seen: Seen[] = []
  field.observe = ({ index: by }, event) => seen.push({ atMs: field.nowMs, by, event })
  field.startAll(1_000)
  const run = (ms: number) => field.scheduler.runSync(field.nowMs + ms)
  run(6_000)
  seen.length = 0
  return { field, seen, run }
}

const one = (field: Field, index: number) => field.hosts[index] as FieldHost

const opinion = (of: FieldHost, about: FieldHost) => of.core.roster.get(about.id)?.state

function told(seen: readonly Seen[], kind: 'suspect' | 'dead', about: FieldHost): Seen[] {
  return seen.filter(({ event }) => event.kind === kind && event.id === about.id)
}

function separate(field: Field, a: FieldHost, b: FieldHost): void {
  field.cut(a, b)
  field.cut(b, a)
}

function join(field: Field, a: FieldHost, b: FieldHost): void {
  field.heal(a, b)
  field.heal(b, a)
}

for (const [ways, bothWays] of [
  ['one way', false],
  ['both ways', true],
] as const) {
  test(`a member that one other alone cannot hear is called dead by nobody (cut ${ways})`, () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 4, max: 30 }), (seed, nodes) => {
        const { field, seen, run } = settled(nodes, seed)
        const [unheard, deaf] = [one(field, 1), one(field, 2)]
        field.cut(unheard, deaf)
        if (bothWays) field.cut(deaf, unheard)
        run(15_000)
        assert.deepEqual(told(seen, 'dead', unheard), [])
      }),
      { numRuns: 25 },
    )
  })
}

test('that only others hear a member is told by those whom it concerns, and no longer than that', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 4, max: 12 }), (seed, nodes) => {
      const { field, run } = settled(nodes, seed)
      const [unheard, deaf] = [one(field, 1), one(field, 2)]
      let times = 0
      field.observeUnheard = (observer, peer) => {
        // The other end may notice first: what it asks does not arrive either.
        assert.deepEqual([observer.id, peer].sort(), [deaf.id, unheard.id].sort())
        times++
      }
      run(20_000)
      assert.equal(times, 0)
      field.cut(unheard, deaf)
      run(60_000)
      assert.ok(times > 0, 'it is told')
      field.heal(unheard, deaf)
      run(1_000)
      times = 0
      run(60_000)
      assert.equal(times, 0)
    }),
    { numRuns: 15 },
  )
})

test('one that buried everybody while it was cut off deceives nobody, and learns better soon', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 4, max: 12 }), fc.boolean(), (seed, nodes, apart) => {
      const { field, seen, run } = settled(nodes, seed)
      const hermit = one(field, 2)
      const others = field.hosts.filter((host) => host !== hermit)
      for (const other of others) separate(field, hermit, other)
      run(45_000)
      for (const other of others) assert.equal(opinion(hermit, other), 'dead')
      seen.length = 0
      // One of them it cannot reach even now, so that only the others can tell the two.
      const far = one(field, 1)
      for (const other of others) if (!apart || other !== far) join(field, hermit, other)
      run(6_000)
      for (const other of others) {
        const by = told(seen, 'dead', other)
        assert.deepEqual(
          by.filter((word) => word.by !== hermit.index),
          [],
        )
        assert.equal(opinion(hermit, other), 'alive', `${other.id} in the eyes of the hermit`)
        assert.equal(opinion(other, hermit), 'alive', `the hermit in the eyes of ${other.id}`)
      }
    }),
    // In these it heard first of all that it was dead, and then knew nobody whom it could ask; or
    // those whom it asked had themselves not yet heard what the one out of reach had to say.
    {
      numRuns: 15,
      examples: [
        [95, 5, true],
        [4, 9, true],
        [17, 7, true],
      ],
    },
  )
})

test('nodes that no longer doubt themselves look at their neighbours as often as others', () => {
  const { probeIntervalMs, probeTimeoutMs, localHealthMax } = limits
  for (let seed = 1; seed <= 10; seed++) {
    const { field, seen, run } = settled(30, seed)
    const dying = one(field, 5)
    const neighbours = dying.core.roster.neighbours().map(({ id }) => id)
    const doubters = field.hosts.filter(({ id }) => neighbours.includes(id))
    for (const { core } of doubters) core.health.worsen(localHealthMax)
    run(probeIntervalMs * (2 + localHealthMax))
    for (const { core } of doubters) while (core.health.score > 0) core.health.improve()
    run(probeIntervalMs)
    const diedMs = field.nowMs
    field.crash(dying)
    run(3 * probeIntervalMs)
    const [first] = told(seen, 'suspect', dying)
    const tookMs = (first?.atMs ?? Number.POSITIVE_INFINITY) - diedMs
    assert.ok(tookMs <= 1.1 * probeIntervalMs + probeTimeoutMs, `seed ${seed}: ${tookMs} ms`)
  }
})

test('a charge against one that was heard since is put to it, and believed by nobody', () => {
  const { field, seen, run } = settled(5, 'slander')
  const [slandered, liar] = [one(field, 3), one(field, 4)]
  const { incarnation } = slandered.core.digest
  for (const rank of [1, 2]) {
    const claim = { about: slandered.id, rank, incarnation: incarnation + rank - 1, by: liar.id }
    for (const host of field.hosts) {
      if (host === slandered || host === liar) continue
      const news = { digests: [], claims: [{ ...claim, ageMs: 3_000 }] }
      host.core.receive(liar.id, { kind: 'gossip', value: { news } }, field.nowMs)
      field.flush(host)
    }
    run(1_000)
    assert.equal(slandered.core.digest.incarnation, incarnation + rank, 'it has answered')
  }
  assert.deepEqual(told(seen, 'suspect', slandered), [])
  assert.deepEqual(told(seen, 'dead', slandered), [])
})

test('nobody is called dead on another’s word without having been under suspicion here', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 0, max: 20_000 }),
      fc.boolean(),
      (seed, ageMs, isGone) => {
        const { field, seen, run } = settled(20, seed)
        const [accused, judge] = [one(field, 7), one(field, 9)]
        if (isGone) field.crash(accused)
        const toldMs = field.nowMs
        const { incarnation } = accused.core.digest
        const claim = { about: accused.id, rank: 2, incarnation, by: one(field, 11).id, ageMs }
        const news = { digests: [], claims: [claim] }
        judge.core.receive(one(field, 11).id, { kind: 'gossip', value: { news } }, field.nowMs)
        field.flush(judge)
        run(6_000)
        assert.equal(opinion(judge, accused), isGone ? 'dead' : 'alive')
        for (const { by, atMs } of told(seen, 'dead', accused)) {
          const suspected = told(seen, 'suspect', accused).find((word) => word.by === by)
          assert.ok(suspected, 'accused first')
          assert.ok(atMs - toldMs >= limits.suspicionBaseMs, 'and given time to answer')
        }
      },
    ),
    { numRuns: 15 },
  )
})

test('a member that dies while a charge is put to it is known dead within two seconds all the same', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 1_000 }), (seed, beforeMs) => {
      const { field, run } = settled(5, seed)
      const [victim, liar] = [one(field, 3), one(field, 4)]
      const { incarnation } = victim.core.digest
      for (const host of field.hosts) {
        if (host === victim || host === liar) continue
        const claim = { about: victim.id, rank: 2, incarnation, by: liar.id, ageMs: 3_000 }
        const news = { digests: [], claims: [claim] }
        host.core.receive(liar.id, { kind: 'gossip', value: { news } }, field.nowMs)
      }
      // The questions that are under way now find nobody.
      for (const host of field.hosts) host.core.takeOutput()
      run(beforeMs / 1_000)
      field.crash(victim)
      run(2_000)
      for (const host of field.hosts)
        if (host !== victim) assert.equal(opinion(host, victim), 'dead', host.id)
    }),
    { numRuns: 15 },
  )
})

test('echoes of one accuser are one voice, however many pass them on', () => {
  const { field, run } = settled(30, 'echo')
  const [accused, deaf, judge] = [one(field, 3), one(field, 4), one(field, 20)]
  field.crash(accused)
  const { incarnation } = accused.core.digest
  const claim = {
    about: accused.id,
    rank: 1,
    incarnation,
    by: deaf.id,
    ageMs: limits.probeTimeoutMs,
  }
  for (const from of field.hosts.filter((host) => host !== judge && host !== accused)) {
    const news = { digests: [], claims: [claim] }
    judge.core.receive(from.id, { kind: 'gossip', value: { news } }, field.nowMs)
    const summary = {
      about: accused.id,
      incarnation,
      sequence: 1,
      rank: 1,
      by: deaf.id,
      ageMs: 500,
    }
    const value = { first: accused.id, end: `${accused.id}0`, entries: [summary] }
    judge.core.receive(from.id, { kind: 'summary', value }, field.nowMs)
  }
  const waitMs = (judge.core.roster.get(accused.id)?.suspicion?.deadlineMs ?? 0) - field.nowMs
  assert.ok(waitMs >= limits.suspicionBaseMs * limits.suspicionMaxTimes, `waits ${waitMs} ms`)
  run(0)
})
