import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { autopilotLimits as limits } from '../../coordinator/autopilot/limits.ts'
import { type Candidate, nextStep } from '../../coordinator/autopilot/plan.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const idOf = (i: number) => `peer-${i}` as PeerId
const memberOf = (i: number) => ({ id: idOf(i), storage: i + 1 })
const LAST = 10_000

function hosts(count: number, change: Record<number, Partial<Candidate>> = {}): Candidate[] {
  return Array.from({ length: count }, (_, i) => ({
    id: idOf(i),
    state: 'alive',
    stateAgeMs: 60_000,
    storage: i + 1,
    silentMs: 0,
    barred: false,
    revoked: false,
    coordinator: true,
    match: 0,
    ...change[i],
  }))
}

/** Asks again and again, every learner catching up in between, until nothing is left to do. */
function settle(config: Config, candidates: Candidate[]): Config {
  for (let turns = 0; turns < 50; turns++) {
    for (const learner of config.learners) {
      const candidate = candidates.find(({ id }) => id === learner.id)
      if (candidate) candidate.match = LAST
    }
    const step = nextStep(config, candidates, LAST, limits)
    if (!step) return config
    config = { voters: [...step.target.voters], outgoing: [], learners: [...step.target.learners] }
  }
  throw new Error('it never comes to rest')
}

const founded: Config = { voters: [memberOf(0)], outgoing: [], learners: [] }
const votersOf = ({ voters }: Config) => voters.map(({ id }) => id).sort()

for (const [count, voters] of [
  [1, 1],
  [2, 1],
  [3, 3],
  [4, 3],
  [5, 5],
  [9, 5],
] as const) {
  test(`${count} hosts come to have ${voters} voters`, () => {
    assert.equal(settle(founded, hosts(count)).voters.length, voters)
  })
}

test('a voter that has been dead for long is replaced, and not a moment earlier', () => {
  const config = settle(founded, hosts(3))
  const young = hosts(4, { 1: { state: 'dead', stateAgeMs: limits.goneMs - 1 } })
  assert.deepEqual(votersOf(settle(config, young)), [0, 1, 2].map(idOf))
  const old = hosts(4, { 1: { state: 'dead', stateAgeMs: limits.goneMs } })
  assert.deepEqual(votersOf(settle(config, old)), [0, 2, 3].map(idOf))
})

test('a voter that lives but whose ledger has stopped is replaced like a dead one', () => {
  const config = settle(founded, hosts(4))
  const silent = (silentMs: number) => hosts(4, { 1: { storage: undefined, silentMs } })
  assert.deepEqual(votersOf(settle(config, silent(limits.goneMs - 1))), [0, 1, 2].map(idOf))
  assert.deepEqual(votersOf(settle(config, silent(limits.goneMs))), [0, 2, 3].map(idOf))
})

test('a voter that is dead keeps its vote while nobody can take it', () => {
  const config = settle(founded, hosts(3))
  const one = hosts(3, { 1: { state: 'dead', stateAgeMs: 1e9 } })
  assert.deepEqual(votersOf(settle(config, one)), [0, 1, 2].map(idOf))
})

test('a voter that comes back with another disk is admitted anew before it votes', () => {
  const config = settle(founded, hosts(3))
  const settled = settle(config, hosts(3, { 2: { storage: 99 } }))
  assert.deepEqual(settled.voters.find(({ id }) => id === idOf(2))?.storage, 99)
})

test('a disk that was replaced is admitted anew also where all hosts vote', () => {
  for (const count of [3, 5]) {
    const config = settle(founded, hosts(count))
    const settled = settle(config, hosts(count, { 2: { storage: 99 } }))
    assert.deepEqual(settled.voters.find(({ id }) => id === idOf(2))?.storage, 99)
    assert.equal(settled.voters.length, count)
    assert.deepEqual(settled.learners, [])
  }
})

test('a host that is barred holds the log and never votes', () => {
  const settled = settle(founded, hosts(4, { 1: { barred: true } }))
  assert.deepEqual(votersOf(settled), [0, 2, 3].map(idOf))
  assert.deepEqual(settled.learners, [memberOf(1)])
})

test('a voter that is barred hands its vote to another, and is never without the log', () => {
  const config = settle(founded, hosts(4))
  assert.deepEqual(votersOf(config), [0, 1, 2].map(idOf))
  const barred = hosts(4, { 1: { barred: true }, 3: { match: LAST } })
  const step = nextStep(config, barred, LAST, limits)
  assert.ok(step?.target.learners.some(({ id }) => id === idOf(1)))
  assert.deepEqual(votersOf(settle(config, barred)), [0, 2, 3].map(idOf))
})

test('barred voters without an heir go when those that are left are enough', () => {
  const five = settle(founded, hosts(5))
  const barred = { barred: true }
  assert.deepEqual(votersOf(settle(five, hosts(5, { 3: barred, 4: barred }))), [0, 1, 2].map(idOf))
  const three = settle(five, hosts(5, { 4: barred }))
  assert.equal(three.voters.length, 3)
  assert.ok(!votersOf(three).includes(idOf(4)))
  assert.ok(three.learners.some(({ id }) => id === idOf(4)))
  assert.equal(settle(three, hosts(5)).voters.length, 5, 'and all vote again when nobody is barred')
})

test('a barred voter stays while too few are left without it', () => {
  const five = settle(founded, hosts(5))
  const barred = { barred: true }
  const dead = { state: 'dead', stateAgeMs: 1 } as const
  const left = settle(five, hosts(5, { 2: dead, 3: dead, 4: barred }))
  assert.ok(votersOf(left).includes(idOf(4)))
})

test('hosts that are no coordinators hold the log and never vote', () => {
  const agent = { coordinator: false }
  const config = settle(founded, hosts(5, { 2: agent, 4: agent }))
  assert.deepEqual(votersOf(config), [0, 1, 3].map(idOf))
  assert.ok(config.learners.some(({ id }) => id === idOf(2)))
  const demoted = settle(settle(founded, hosts(4)), hosts(4, { 1: agent }))
  assert.deepEqual(
    votersOf(demoted),
    [0, 2, 3].map(idOf),
    'and one that is none any more is replaced',
  )
})

test('a revoked voter is replaced at once, before those that are only gone, and waits for no heir', () => {
  const config = settle(founded, hosts(5))
  const change = { 1: { state: 'dead', stateAgeMs: limits.goneMs }, 3: { revoked: true } } as const
  const step = nextStep(config, hosts(6, change), LAST, limits)
  assert.deepEqual(
    step?.target.voters.map(({ id }) => id),
    [0, 1, 2, 4].map(idOf),
  )
  assert.equal(step?.why, `${idOf(3)} was revoked`)
  const settled = settle(config, hosts(6, change))
  assert.ok([1, 3].every((i) => !votersOf(settled).includes(idOf(i))))
  const few = settle(settle(founded, hosts(3)), hosts(3, { 2: { revoked: true } }))
  assert.ok(!votersOf(few).includes(idOf(2)))
  assert.ok(few.learners.every(({ id }) => id !== idOf(2)))
})

test('whatever happens, those who are there are a majority of the next voters', () => {
  const candidate = fc.record({
    state: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
    stateAgeMs: fc.integer({ min: 0, max: 120_000 }),
    storage: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    silentMs: fc.constantFrom(0, limits.goneMs),
    barred: fc.boolean(),
    revoked: fc.boolean(),
    coordinator: fc.constantFrom(true, false, undefined),
    match: fc.constantFrom(0, LAST),
  })
  const seat = fc.record({
    storage: fc.integer({ min: 1, max: 3 }),
    role: fc.integer({ min: 0, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(candidate, seat), { minLength: 1, maxLength: 9 }), (rows) => {
      const candidates = rows.map(([row], i) => ({ id: idOf(i), ...row }))
      const seated = (role: number) =>
        rows.flatMap(([, s], i) => (s.role === role ? [{ id: idOf(i), storage: s.storage }] : []))
      const config = { voters: seated(0), outgoing: [], learners: seated(1) }
      const step = nextStep(config, candidates, LAST, limits)
      if (!step) return
      const there = step.target.voters.filter(({ id, storage }) =>
        candidates.some(
          (c) => c.id === id && c.state === 'alive' && !c.revoked && c.storage === storage,
        ),
      )
      assert.ok(there.length * 2 > step.target.voters.length)
      for (const voter of step.target.voters) {
        const before = config.voters.some((v) => v.id === voter.id && v.storage === voter.storage)
        const { match, coordinator } = candidates.find(({ id }) => id === voter.id) ?? {}
        assert.ok(before || !candidates.find(({ id }) => id === voter.id)?.revoked)
        assert.ok(before || match === LAST, 'nobody votes who lacks the log')
        assert.ok(before || coordinator, 'nobody votes who is no coordinator')
      }
    }),
  )
})
