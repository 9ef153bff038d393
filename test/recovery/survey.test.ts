/** What is found on stopped disks, and what is kept of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asidesOn, asideView, keepCopy } from '../../agent/consensus/aside.ts'
import { blockPrefix, hardStateKey, identityKey } from '../../agent/consensus/keys.ts'
import { asidesMax } from '../../agent/consensus/limits.ts'
import { noteDivergence } from '../../agent/ledger/divergence.ts'
import { isWhole, survey } from '../../agent/recovery/survey.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Council, Seat } from '../voters/stage.ts'
import { councilOf, offline, recoverDisk, surveyed } from './stage.ts'

async function stoppedSeat(seed: string): Promise<{ council: Council; seat: Seat }> {
  const council = await councilOf(seed, 3)
  for (let i = 0; i < 10; i++) await council.say(`word ${i}`)
  await council.world.runFor(500)
  for (const { host } of council.seats) host.crash('powerLoss')
  return { council, seat: council.seats[0] as Seat }
}

const everything = { from: '', to: '\u{10ffff}' }

test('a survey says who votes and how far the log reaches, and changes nothing', async () => {
  const { council, seat } = await stoppedSeat('look')
  const before = [...seat.host.platter.slice(everything)]
  const found = await surveyed(council, seat)
  assert.deepEqual([...seat.host.platter.slice(everything)], before)
  assert.equal(found.part, 'voter')
  assert.equal(found.config.voters.length, 3)
  // The words, and what the leader began its term with.
  assert.equal(found.last.index, 11)
  assert.ok(isWhole(found))
})

test('a disk that was never used holds nothing to go on from', async () => {
  const { council } = await stoppedSeat('unused')
  const host = council.world.addHost('empty')
  const seat = { ...(council.seats[0] as Seat), host }
  const nothing = await offline(council, seat, ({ disk }) => survey(disk, host.id))
  assert.equal(nothing, undefined)
})

test('a disk whose log has lost its end is not whole, and says how far it had reached', async () => {
  const { council, seat } = await stoppedSeat('short')
  const whole = await surveyed(council, seat)
  const blocks = seat.host.platter.slice(within(blockPrefix)).map(([key]) => key)
  assert.ok(seat.host.platter.flipBit(blocks.at(-1) as string))
  const found = await surveyed(council, seat)
  assert.deepEqual(found.damage, ['log'])
  assert.deepEqual(found.lost, whole.last)
  assert.ok(found.last.index < whole.last.index)
  assert.ok(!isWhole(found))
})

test('a mesh can go on from a disk that has forgotten its votes but not its log', async () => {
  const { council, seat } = await stoppedSeat('forgotten')
  assert.ok(seat.host.platter.flipBit(hardStateKey))
  const found = await surveyed(council, seat)
  assert.deepEqual(found.damage, ['hardState'])
  assert.equal(found.last.index, 11)
  await offline(council, seat, (ports) => recoverDisk(seat, ports, 'recovered'))
  council.boot(seat)
  await council.say('after')
  assert.deepEqual(seat.words.words.slice(-3), ['word 9', 'recovered', 'after'])
})

test('a disk whose state had diverged is not whole, until a mesh goes on from it', async () => {
  const { council, seat } = await stoppedSeat('diverged')
  const divergence = { kind: 'diverged', index: 3, ours: 'a', theirs: 'b' } as const
  await offline(council, seat, ({ disk }) => noteDivergence(disk, divergence))
  const found = await surveyed(council, seat)
  assert.ok(found.held.diverged && !isWhole(found))
  await offline(council, seat, (ports) => recoverDisk(seat, ports, 'recovered'))
  assert.ok(isWhole(await surveyed(council, seat)))
})

test('a host with another disk than the one that votes is a stranger to its own log', async () => {
  const { council, seat } = await stoppedSeat('stranger')
  const other = council.seats[1] as Seat
  const swapped = other.host.platter.slice(within(identityKey.slice(0, -8)))
  const found = await offline(council, seat, async ({ disk }) => {
    await disk.write(
      [...swapped].map(([put, value]) => ({ put, value })),
      { durable: true },
    )
    return survey(disk, seat.host.id)
  })
  assert.equal(found?.part, 'stranger')
})

test('a copy that is set aside can be looked at like a disk', async () => {
  const { council, seat } = await stoppedSeat('copy')
  const [here, there] = await offline(council, seat, async ({ disk, clock }) => {
    const name = await keepCopy(disk, { why: 'reset', wallMs: clock.wall() })
    assert.ok(name)
    return [await survey(disk, seat.host.id), await survey(asideView(disk, name), seat.host.id)]
  })
  const { log: _, ...held } = here?.held ?? assert.fail()
  const { log: __, ...copied } = there?.held ?? assert.fail()
  assert.deepEqual(copied, held)
})

test('the oldest copy gives way when there are too many, but not the one that is gone on from', async () => {
  const { council, seat } = await stoppedSeat('many')
  const names: string[] = []
  for (let i = 0; i < asidesMax + 2; i++) {
    await council.world.runFor(1_000)
    const { copy } = await offline(council, seat, (ports) => recoverDisk(seat, ports, `${i}`))
    names.push(copy as string)
  }
  const kept = await offline(council, seat, ({ disk }) => asidesOn(disk))
  assert.deepEqual(
    kept.map(({ name }) => name),
    names.slice(-asidesMax),
  )
  const oldest = kept[0]?.name as string
  await council.world.runFor(1_000)
  await offline(council, seat, (ports) => recoverDisk(seat, ports, 'back', oldest))
  const after = await offline(council, seat, ({ disk }) => asidesOn(disk))
  assert.equal(after.length, asidesMax)
  assert.ok(after.some(({ name }) => name === oldest))
})
