/** Recoveries in a virtual world: what goes on, what is lost, and what those who return may do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setAside } from '../../agent/consensus/aside.ts'
import { beginEra } from '../../agent/recovery/begin-era.ts'
import { survey } from '../../agent/recovery/survey.ts'
import { eraOf } from '../../protocol/consensus/era.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import type { Council, Seat } from '../voters/stage.ts'
import {
  admit,
  agree,
  copiesAt,
  councilOf,
  offline,
  recoverAt,
  recoverDisk,
  surveyed,
} from './stage.ts'

type Five = [Seat, Seat, Seat, Seat, Seat]

const words = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} ${i}`)

async function sayAll(council: Council, said: readonly string[]): Promise<void> {
  for (const word of said) await council.say(word)
}

const eraAt = ({ voter }: Seat) => eraOf(voter?.status().term ?? 0)

/** Of five, the last three are lost for good; the rest are stopped. */
async function bereaved(seed: string, changed: Partial<Limits> = {}) {
  const council = await councilOf(seed, 5, changed)
  const seats = council.seats as Five
  const before = words('before', 20)
  await sayAll(council, before)
  assert.ok(await council.until(agree(seats, before), 2_000))
  for (const { host } of seats) host.crash('kill')
  return { council, seats, before }
}

test('with three of five voters lost for good, a mesh goes on from a survivor and loses nothing', async () => {
  const { council, seats, before } = await bereaved('three of five')
  const [a, b] = seats
  const { copy, base, last } = await recoverAt(council, a, 'recovered')
  assert.ok(copy, 'what was there is kept')
  assert.equal(last.index, base.index + 2)
  council.boot(a)
  council.boot(b)
  await council.say('after')
  await admit(council, b)
  const all = [...before, 'recovered', 'after']
  assert.ok(await council.until(agree([a, b], all), 5_000))
  assert.ok(eraAt(a) > 0)
  assert.equal(eraAt(b), eraAt(a))
  for (const { host } of [a, b]) host.crash('powerLoss')
  for (const seat of [a, b]) council.boot(seat)
  await council.say('and on')
  assert.ok(await council.until(agree([a, b], [...all, 'and on']), 5_000))
})

/** Three go on without the other two, and are lost with what they alone had acknowledged. */
async function lostWithMore(seed: string) {
  const council = await councilOf(seed, 5)
  const seats = council.seats as Five
  const before = words('before', 10)
  await sayAll(council, before)
  assert.ok(await council.until(agree(seats, before), 2_000))
  const [a, b, ...lost] = seats
  for (const { host } of [a, b]) host.pause()
  const more = words('of the lost', 30)
  await sayAll(council, more)
  assert.ok(await council.until(agree(lost, [...before, ...more]), 2_000))
  for (const { host } of seats) host.crash('kill')
  return { council, seats, a, b, lost, before, more }
}

test('a lost voter that returns with a longer log does no harm, and comes to hold what the others do', async () => {
  const { council, a, b, lost, before, more } = await lostWithMore('one returns')
  await recoverAt(council, a, 'recovered')
  for (const seat of [a, b]) council.boot(seat)
  await council.say('after')
  await admit(council, b)
  const all = [...before, 'recovered', 'after']
  const [returned] = lost
  assert.ok(returned)
  council.boot(returned)
  await admit(council, returned)
  await council.say('with it')
  assert.ok(await council.until(agree([a, b, returned], [...all, 'with it']), 5_000))
  returned.host.crash('kill')
  const [copy] = await copiesAt(council, returned)
  assert.equal(copy?.why, 'passed')
  assert.ok((copy?.lastIndex ?? 0) > before.length + more.length, 'what it held is set aside')
})

test('lost voters that return all together, and are a quorum, give way to the mesh that was recovered', async () => {
  const { council, a, b, lost, before } = await lostWithMore('a quorum returns')
  await recoverAt(council, a, 'recovered')
  // They are there first, and decide by the configuration that they know.
  for (const seat of lost) council.boot(seat)
  await council.say('void')
  for (const seat of [a, b]) council.boot(seat)
  assert.ok(await council.until(() => council.leader === a, 10_000))
  await council.say('after')
  for (const seat of [b, ...lost]) await admit(council, seat)
  const all = [...before, 'recovered', 'after']
  assert.ok(await council.until(agree(council.seats, all), 10_000))
  a.host.crash('kill')
  await council.say('without the survivor')
  assert.ok(await council.until(agree([b, ...lost], [...all, 'without the survivor']), 10_000))
})

test('a recovery that was a mistake can be taken back with everything that had been acknowledged', async () => {
  const { council, a, b, lost, before, more } = await lostWithMore('a mistake')
  await recoverAt(council, a, 'recovered by mistake')
  for (const seat of council.seats) council.boot(seat)
  for (const seat of lost) await admit(council, seat)
  const [right] = lost
  assert.ok(right)
  assert.ok(await council.until(agree(lost, [...before, 'recovered by mistake']), 5_000))
  right.host.crash('kill')
  const [copy] = await copiesAt(council, right)
  assert.ok(copy)
  await offline(council, right, (ports) => recoverDisk(right, ports, 'taken back', copy.name))
  council.boot(right)
  assert.ok(await council.until(() => council.leader === right, 5_000))
  for (const seat of council.seats) await admit(council, seat)
  const all = [...before, ...more, 'taken back']
  assert.ok(await council.until(agree([a, b, ...lost], all), 10_000))
})

test('of two survivors that both began an era one gives way to the other', async () => {
  const { council, seats, before } = await bereaved('both')
  const [a, b] = seats
  await recoverAt(council, a, 'recovered here')
  await recoverAt(council, b, 'recovered there')
  for (const seat of [a, b]) council.boot(seat)
  assert.ok(await council.until(() => council.leader !== undefined, 5_000))
  await council.world.runFor(2_000)
  const later = council.leader
  assert.ok(later === a || later === b)
  const other = later === a ? b : a
  await admit(council, other)
  const word = later === a ? 'recovered here' : 'recovered there'
  assert.ok(await council.until(agree([a, b], [...before, word]), 5_000))
})

const smallLog: Partial<Limits> = {
  logBytesSoft: 4_000,
  logBytesHard: 8_000,
  logBytesMax: 64_000,
  logTailBytes: 500,
  snapshotChunkBytes: 100,
}

test('a survivor that has cut its log goes on from its snapshot', async () => {
  const { council, seats, before } = await bereaved('cut', smallLog)
  const more = words('more', 120)
  for (const seat of seats) council.boot(seat)
  await sayAll(council, more)
  const all = [...before, ...more]
  assert.ok(await council.until(agree(seats, all), 5_000))
  for (const { host } of seats) host.crash('kill')
  const [a, b] = seats
  assert.ok(((await surveyed(council, a)).held.snapshot?.index ?? 0) > 0, 'it has cut its log')
  await recoverAt(council, a, 'recovered')
  for (const seat of [a, b]) council.boot(seat)
  await admit(council, b)
  assert.ok(await council.until(agree([a, b], [...all, 'recovered']), 5_000))
})

test('a loss of power at any moment leaves the disk as it was, or recovered', async () => {
  const outcomes = new Set<string>()
  for (let atMs = 1; atMs <= 60; atMs++) {
    const { council, seats } = await bereaved('torn')
    const [a] = seats
    const was = await surveyed(council, a)
    let done = false
    a.host.boot(async ({ disk, entropy, clock }) => {
      const base = await survey(disk, a.host.id)
      assert.ok(base)
      const note = () => new TextEncoder().encode('recovered')
      await beginEra(disk, entropy, base, { era: 9, wallMs: clock.wall(), note })
      done = true
    })
    await council.world.runFor(atMs)
    a.host.crash('powerLoss')
    const is = await surveyed(council, a)
    assert.deepEqual(is.damage, [])
    if (eraOf(is.term) === 9) {
      assert.deepEqual(is.last, { index: was.last.index + 2, term: is.term })
      assert.deepEqual(is.config.voters, [{ id: a.host.id, storage: is.held.storage }])
      assert.notEqual(is.held.storage, was.held.storage)
      outcomes.add('recovered')
    } else {
      assert.ok(!done, 'what was said to be done is done')
      assert.deepEqual(
        [is.held.storage, is.last, is.config],
        [was.held.storage, was.last, was.config],
      )
      outcomes.add('as it was')
    }
  }
  assert.deepEqual([...outcomes].sort(), ['as it was', 'recovered'])
})

test('a host that is reset comes back as another, with nothing, and is given all by the others', async () => {
  const { council, seats, before } = await bereaved('reset')
  const [a] = seats
  const was = await surveyed(council, a)
  await offline(council, a, ({ disk, clock }) =>
    setAside(disk, { why: 'reset', wallMs: clock.wall() }),
  )
  for (const seat of seats) council.boot(seat)
  await council.until(() => council.leader !== undefined, 5_000)
  assert.notEqual(a.storage, was.held.storage)
  assert.equal(a.words.words.length, 0)
  await admit(council, a)
  assert.ok(await council.until(agree(seats, before), 5_000))
})
