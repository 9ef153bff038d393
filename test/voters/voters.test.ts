import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockPrefix, hardStateKey } from '../../agent/consensus/keys.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import { DiskError, within } from '../../protocol/ports/disk.ts'
import { Council, type Seat } from './stage.ts'

async function councilOf(
  seed: string,
  count: number,
  changed: Partial<Limits> = {},
): Promise<Council> {
  const council = new Council(seed, count, changed)
  await council.found()
  assert.ok(await council.until(() => council.leader !== undefined, 5_000), 'a leader is elected')
  return council
}

const agree = (council: Council, words: number) => () =>
  council.seats.every((seat) => seat.host.state === 'up' && seat.words.words.length === words)

test('voters elect a leader, and all apply what it is told, in one order', async () => {
  const council = await councilOf('together', 5)
  for (let i = 0; i < 50; i++) await council.say(`word ${i}`)
  assert.ok(await council.until(agree(council, 50), 2_000))
  for (const { words } of council.seats) {
    assert.deepEqual(words.words, council.seats[0]?.words.words)
  }
})

test('a leader that is killed is followed by another, which has all that was acknowledged', async () => {
  const council = await councilOf('succession', 3)
  await council.say('before')
  const first = council.leader
  assert.ok(first)
  first.host.crash('kill')
  await council.say('after')
  const second = council.leader
  assert.ok(second && second !== first)
  assert.deepEqual(second.words.words, ['before', 'after'])
  council.boot(first)
  assert.ok(await council.until(agree(council, 2), 3_000))
  assert.deepEqual(first.words.words, ['before', 'after'])
})

test('voters that all lose power at once remember everything that was acknowledged', async () => {
  const council = await councilOf('blackout', 5)
  for (let i = 0; i < 20; i++) await council.say(`word ${i}`)
  for (const { host } of council.seats) host.crash('powerLoss')
  for (const seat of council.seats) council.boot(seat)
  assert.ok(await council.until(() => council.leader !== undefined, 5_000))
  await council.say('afterwards')
  assert.ok(await council.until(agree(council, 21), 3_000))
  for (const { damage } of council.seats) assert.deepEqual(damage, [])
})

/** A follower that has lost its power, and the keys of its log. */
async function fallenFollower(council: Council): Promise<{ seat: Seat; blocks: string[] }> {
  const seat = council.seats.find((one) => one !== council.leader)
  assert.ok(seat)
  seat.host.crash('powerLoss')
  const blocks = seat.host.platter.slice(within(blockPrefix)).map(([key]) => key)
  return { seat, blocks }
}

test('an entry that is not whole is neither used nor spread: it comes back from the others', async () => {
  const council = await councilOf('bit', 3)
  for (let i = 0; i < 10; i++) await council.say(`word ${i}`)
  assert.ok(await council.until(agree(council, 10), 2_000))
  const { seat, blocks } = await fallenFollower(council)
  assert.ok(seat.host.platter.flipBit(blocks[Math.floor(blocks.length / 2)] as string))
  council.boot(seat)
  assert.ok(await council.until(agree(council, 10), 5_000))
  assert.deepEqual(seat.damage, ['log'])
  assert.ok(seat.events.some(({ kind }) => kind === 'recovered'))
  assert.deepEqual(seat.words.words, council.leader?.words.words)
})

test('a disk that has forgotten its votes is another disk, and decides nothing', async () => {
  const council = await councilOf('forgotten', 3)
  await council.say('word')
  const { seat } = await fallenFollower(council)
  assert.ok(seat.host.platter.flipBit(hardStateKey))
  const before = seat.storage
  council.boot(seat)
  await council.world.runFor(3_000)
  assert.deepEqual(seat.damage, ['hardState'])
  assert.notEqual(seat.storage, before)
  assert.equal(seat.words.words.length, 0, 'it is a stranger')
  const leader = council.leader
  assert.ok(leader?.voter && leader !== seat)
  const anew = { id: seat.host.id, storage: seat.storage }
  const { config, configIndex } = leader.voter.status()
  const others = config.voters.filter(({ id }) => id !== seat.host.id)
  assert.ok(leader.voter.reconfigure({ voters: others, learners: [anew] }, configIndex).ok)
  assert.ok(await council.until(agree(council, 1), 5_000), 'it learns when it is admitted')
  const learned = leader.voter.status().configIndex
  assert.ok(leader.voter.reconfigure({ voters: [...others, anew], learners: [] }, learned).ok)
  await council.say('and votes again')
  council.seats.find((one) => one !== leader && one !== seat)?.host.crash('kill')
  await council.say('with it alone')
})

test('a voter whose disk is full stops, and the others go on', async () => {
  const council = await councilOf('full', 3)
  await council.say('before')
  const full = council.leader
  assert.ok(full)
  full.host.platter.fault = 'full'
  await council.say('after')
  assert.ok(full.failure instanceof DiskError && full.failure.code === 'full')
  assert.notEqual(council.leader, full)
})

const smallLog: Partial<Limits> = {
  logBytesSoft: 4_000,
  logBytesHard: 8_000,
  logBytesMax: 64_000,
  logTailBytes: 500,
  snapshotChunkBytes: 100,
}

test('a log is cut behind its snapshot; a restart and a voter left behind begin from it', async () => {
  const council = await councilOf('snapshot', 3, smallLog)
  await council.say('first')
  const { seat } = await fallenFollower(council)
  for (let i = 0; i < 150; i++) await council.say(`word ${i}`)
  const kept = council.leader?.host.platter.slice(within(blockPrefix)) ?? []
  const bytes = kept.reduce((sum, [, value]) => sum + value.length, 0)
  assert.ok(bytes < 16_000, `the log on disk is ${bytes} bytes`)
  council.boot(seat)
  assert.ok(await council.until(agree(council, 151), 10_000))
  assert.ok((seat.voter?.status().snapshotIndex ?? 0) > 0, 'it was given a snapshot')
  for (const one of council.seats) one.host.crash('powerLoss')
  for (const one of council.seats) council.boot(one)
  await council.say('last')
  assert.ok(await council.until(agree(council, 152), 5_000))
  for (const one of council.seats) {
    assert.ok((one.voter?.status().snapshotIndex ?? 0) > 0)
    assert.deepEqual(one.words.words, council.seats[0]?.words.words)
  }
})

test('a voter that tidies up after a snapshot votes meanwhile', async () => {
  const council = await councilOf('tidying', 3, smallLog)
  await council.say('first')
  const { seat } = await fallenFollower(council)
  for (let i = 0; i < 150; i++) await council.say(`word ${i}`)
  const { platter } = seat.host
  // To find what is to be removed takes it longer than an election.
  platter.options = { ...platter.options, readMs: 2_000, spikeShare: 0 }
  council.boot(seat)
  assert.ok(await council.until(() => (seat.voter?.status().snapshotIndex ?? 0) > 0, 60_000))
  council.leader?.host.crash('kill')
  await council.say('last')
  assert.ok(await council.until(() => seat.words.words.includes('last'), 10_000))
  assert.equal(seat.failure, undefined)
})

test('a state in doubt is copied neither to the disk nor to others, until the doubt is over', async () => {
  const council = await councilOf('doubt', 3, smallLog)
  await council.say('first')
  const { seat } = await fallenFollower(council)
  for (let i = 0; i < 150; i++) await council.say(`word ${i}`)
  council.inDoubt = true
  council.boot(seat)
  const before = council.leader?.voter?.status().snapshotIndex ?? 0
  assert.ok(before > 0, 'the log no longer reaches to where it was left behind')
  for (let i = 0; i < 150; i++) await council.say(`more ${i}`)
  await council.world.runFor(5_000)
  assert.equal(council.leader?.voter?.status().snapshotIndex, before)
  assert.ok(seat.words.words.length <= 1, 'it is given nothing')
  council.inDoubt = false
  await council.say('last')
  assert.ok(await council.until(agree(council, 302), 10_000))
})
