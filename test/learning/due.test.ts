/** What a leader does next about rounds, and whether what came of one is kept: by what is told alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decided } from '../../coordinator/learning/rounds/decision.ts'
import {
  afterLost,
  afterMasking,
  afterRound,
  awaitedIn,
  begunAnew,
  dueIn,
  isOtherNext,
} from '../../coordinator/learning/rounds/due.ts'
import { roundsLimits } from '../../coordinator/learning/rounds/limits.ts'
import { type Round, type Rounds, roundsIn } from '../../coordinator/learning/rounds/rows.ts'
import { liarsBorne, type RoundFamilies } from '../../coordinator/learning/rounds/settings.ts'
import type { Family } from '../../models/registry/learned.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { genesis } from '../../protocol/ledger/state.ts'

const hour = 3_600_000
const none: Rounds = roundsIn(genesis)
const wish = { count: 2, by: 'ada', atMs: 5 }
const stop = { count: 0, by: 'bob', atMs: 6 }
const every = { ...none, settings: { ...none.settings, everyMs: hour } }

test('nothing is due until somebody asks, or the schedule says so', () => {
  assert.equal(dueIn(none, 10 * hour), undefined)
  assert.equal(dueIn({ ...every, settingsMs: 10 * hour }, 10.5 * hour), undefined)
  assert.equal(dueIn({ ...every, settingsMs: 10 * hour }, 11 * hour)?.kind, 'begin')
  const opened = { ...every, tally: { ...none.tally, openedMs: 10 * hour } }
  assert.equal(dueIn(opened, 10.9 * hour), undefined)
  assert.equal(dueIn(opened, 11 * hour)?.kind, 'begin')
  // The calendar was set back by a day.
  assert.equal(dueIn(opened, 1 * hour)?.kind, 'begin')
})

test('a wish is heard once, done as often as it says, and named with each round', () => {
  let rounds: Rounds = { ...none, wish }
  const heard = dueIn(rounds, 0)
  assert.ok(heard?.kind === 'hear')
  rounds = { ...rounds, tally: heard.tally }
  for (let done = 0; done < wish.count; done++) {
    assert.equal(awaitedIn(rounds), wish.count - done)
    assert.deepEqual(dueIn(rounds, 0), { kind: 'begin', by: 'ada', family: 'net' })
    const ended = { state: 'rejected' } as const
    rounds = { ...rounds, tally: afterRound(rounds.tally, { ...ended, family: 'net' }) }
  }
  assert.deepEqual([awaitedIn(rounds), dueIn(rounds, 0)], [0, undefined])
  assert.equal(rounds.tally.kept, 0)
})

test('rounds are of the family that was wished, else of the one that is chosen, and of both in turn', () => {
  const of = (family: RoundFamilies, more: Partial<Rounds> = {}, noise = 0) => {
    const settings = { ...none.settings, family, noise }
    const tally = { ...none.tally, left: 1, wishMs: wish.atMs }
    const due = dueIn({ ...none, wish, tally, ...more, settings }, 0)
    return due?.kind === 'begin' ? due.family : undefined
  }
  const last = (family: Family) => ({ last: { family, state: 'kept' } as Round })
  assert.deepEqual([of('net'), of('trees')], ['net', 'trees'])
  assert.equal(of('net', { wish: { ...wish, family: 'trees' } }), 'trees')
  assert.equal(of('trees', { wish: { ...wish, family: 'of a newer program' } }), 'trees')
  assert.deepEqual(
    [of('both'), of('both', last('net')), of('both', last('trees'))],
    ['net', 'trees', 'net'],
  )
  // What is counted has no noise.
  assert.equal(of('both', last('net'), 1), 'net')
})

test('where both are chosen neither family holds up the other, and both together end a wish', () => {
  const settings = { ...none.settings, family: 'both' } as const
  const tally = { ...none.tally, left: 5, wishMs: wish.atMs }
  const rounds: Rounds = { ...none, settings, wish, tally }
  const begin = { kind: 'begin', by: 'ada', family: 'net', other: 'trees' }
  assert.deepEqual(dueIn(rounds, 0), begin)
  const last = { family: 'net', state: 'failed' } as Round
  const next = { ...begin, family: 'trees', other: 'net' }
  assert.deepEqual(dueIn({ ...rounds, last }, 0), next)
  assert.equal(isOtherNext(rounds, undefined), true)
  assert.equal(isOtherNext(rounds, { number: 7, state: 'kept' }), true)
  assert.equal(isOtherNext(rounds, { number: 7, state: 'failed' }), false)
  // That one was of the wish before.
  const later = { ...rounds, wish: { ...wish, after: 7 } }
  assert.equal(isOtherNext(later, { number: 7, state: 'failed' }), true)
  // Whoever wishes one of them wants no other, and with noise there is none.
  assert.equal(isOtherNext({ ...rounds, wish: { ...wish, family: 'trees' } }, undefined), false)
  const noisy = { ...rounds, settings: { ...settings, noise: 1 } }
  assert.equal(isOtherNext(noisy, undefined), false)
  const failed = { state: 'failed', family: 'trees' } as const
  assert.equal(afterRound(tally, { ...failed, isOtherNext: true }).left, 4)
  assert.equal(afterRound(tally, failed).left, 0)
})

test('what comes of trees says nothing of rates and steps of the network', () => {
  for (const state of ['kept', 'rejected', 'failed'] as const) {
    const { kept, stride } = afterRound(none.tally, { state, family: 'trees' })
    assert.deepEqual([kept, stride], [none.tally.kept, none.tally.stride])
  }
})

test('who stops rounds ends what is awaited, once', () => {
  const tally = { ...none.tally, wishMs: wish.atMs, left: 2 }
  const rounds = { ...none, wish: stop, tally }
  assert.equal(awaitedIn(rounds), 0)
  const heard = dueIn(rounds, 0)
  assert.ok(heard?.kind === 'hear')
  assert.deepEqual([heard.tally.left, heard.tally.wishMs], [0, stop.atMs])
  assert.equal(dueIn({ ...rounds, tally: heard.tally }, 0), undefined)
})

test('what fails is not tried again and again, and neither is what leaders die of', () => {
  const many = { ...none.tally, left: 50 }
  assert.equal(afterRound(many, { state: 'failed', family: 'net' }).left, 0)
  // Next time those who have spoiled it are not asked.
  const spoiled = { state: 'failed', family: 'net', hasLiars: true } as const
  assert.equal(afterRound(many, spoiled).left, 50)
  let tally = many
  for (let lost = 1; lost < roundsLimits.lostMax; lost++) {
    tally = afterLost(tally)
    assert.equal(tally.left, 50)
  }
  assert.equal(afterLost(tally).left, 0)
  assert.equal(afterRound(tally, { state: 'kept', family: 'net' }).lost, 0)
})

test('where a step was too far the next ones are shorter, and soon longer again', () => {
  const strides = (...states: ('kept' | 'rejected' | 'failed')[]) =>
    states.reduce((tally, state) => afterRound(tally, { state, family: 'net' }), none.tally).stride
  assert.equal(strides('kept'), 1)
  assert.equal(strides('rejected', 'rejected'), 0.25)
  assert.equal(strides('rejected', 'failed'), 0.5)
  assert.equal(strides('rejected', 'kept', 'kept', 'kept', 'kept'), 1)
  assert.equal(strides(...Array.from({ length: 20 }, () => 'rejected' as const)), 1 / 16)
})

test('where learning begins anew so do rate, stride and clip, and wishes and noise stay', () => {
  const last = { usualLength: 0.01 } as NonNullable<Rounds['last']>
  const tally = {
    ...none.tally,
    number: 90,
    kept: 80,
    stride: 0.25,
    left: 3,
    noisy: 4,
    noiseLeast: 1,
  }
  const anew = begunAnew({ ...none, tally, last })
  assert.deepEqual(anew.tally, { ...tally, kept: 0, stride: 1 })
  assert.equal(anew.last, undefined)
  // None was kept: the one before began with chance, too, and its step was too far.
  const rejected = { ...none, tally: { ...tally, kept: 0 }, last }
  assert.deepEqual(begunAnew(rejected), rejected)
})

test('noise is spent from masking on, by its least and the most hosts, whatever becomes of a round', () => {
  let { tally } = none
  for (const [noise, hosts] of [
    [2, 5],
    [0, 20],
    [1.5, 9],
    [3, 4],
  ] as const) {
    tally = afterMasking(tally, { noise, hosts })
    tally = noise === 3 ? afterLost(tally) : afterRound(tally, { state: 'failed', family: 'net' })
  }
  assert.deepEqual([tally.noisy, tally.noiseLeast, tally.bare, tally.hostsMost], [3, 1.5, 1, 9])
})

const losses = (...values: number[]) =>
  new Map(values.map((value, i) => [`host ${i}` as PeerId, value]))

const of = (liars: number, voices = 5) => ({ liars, voices })

test('what is kept has hosts better off; a few who say otherwise change nothing', () => {
  const before = losses(1, 1, 1, 1, 1)
  assert.equal(decided(before, losses(0.9, 0.9, 0.9, 0.9, 0.9), of(2)).state, 'kept')
  assert.equal(decided(before, losses(0.9, 0.9, 0.9, 99, 99), of(2)).state, 'kept')
  assert.equal(decided(before, losses(0.9, 0.9, 99, 99, 99), of(2)).state, 'rejected')
  assert.equal(decided(before, losses(1.1, 1.1, 1.1, 1e-9, 1e-9), of(2)).state, 'rejected')
  assert.equal(decided(before, before, of(2)).state, 'rejected')
  assert.match(
    decided(before, losses(0.5, 0.5), of(0, 3)).why,
    /2 of 3 hosts have voted; 3 are needed/,
  )
})

test('those few who happen to answer do not decide for the others', () => {
  const before = losses(1, 1, 1, 1)
  const after = losses(0.5, 0.5, 0.5, 0.5)
  assert.equal(decided(before, after, of(1, 7)).state, 'kept')
  const few = decided(before, after, of(1, 8))
  assert.equal(few.state, 'rejected')
  assert.match(few.why, /4 of 8 hosts have voted; 5 are needed/)
})

test('losses that are told are what hosts have said, and how much better they are is told apart', () => {
  const said = decided(losses(1, 1, 4), losses(0.5, 1, 4), of(0, 3))
  assert.deepEqual([said.state, said.lossBefore], ['kept', 2])
  assert.ok(Math.abs((said.lossAfter ?? 0) - 5.5 / 3) < 1e-12)
  assert.match(said.why, /off by 20.6% less/)
  // Two of three are worse off by little, and the one that was in the middle is not there any more.
  const worse = decided(losses(1, 1.1, 2), losses(1.02, 1.05, 2.04), of(1, 3))
  assert.deepEqual([worse.state, worse.lossBefore, worse.lossAfter], ['rejected', 1.1, 1.05])
  assert.match(
    worse.why,
    /no better off with it: host by host, in the middle they are off by 2\.0% more/,
  )
  // One in the middle, where a liar is borne on either side.
  const middle = decided(losses(1, 2, 3), losses(0.9, 1.5, 2.9), of(1, 3))
  assert.deepEqual([middle.lossBefore, middle.lossAfter], [2, 1.5])
})

test('so many liars as are borne can have nothing kept that all others are worse off with', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 20 }),
      fc.integer({ min: 0, max: 10 }),
      fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true }), {
        minLength: 20,
        maxLength: 20,
      }),
      (hosts, wanted, said) => {
        const liars = liarsBorne(wanted, hosts)
        const before = losses(...Array.from({ length: hosts }, () => 1))
        const after = losses(
          ...Array.from({ length: hosts }, (_, i) => (i < liars ? (said[i] as number) : 1.2)),
        )
        assert.equal(decided(before, after, of(liars, hosts)).state, 'rejected')
      },
    ),
  )
})
