/** Whether a quorum is lost, and from whom to go on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Blocks } from '../../agent/consensus/blocks.ts'
import { type Found, type LiveReport, planRecovery } from '../../agent/recovery/plan.ts'
import type { Survey } from '../../agent/recovery/survey.ts'
import { firstTermOf } from '../../protocol/consensus/era.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const names = ['a', 'b', 'c', 'd', 'e'] as unknown as PeerId[]
const config: Config = {
  voters: names.map((id, i) => ({ id, storage: i + 1 })),
  outgoing: [],
  learners: [{ id: 'l' as unknown as PeerId, storage: 9 }],
}

function found(name: string, index: number, changed: Partial<Survey> = {}): Found {
  const id = name as unknown as PeerId
  const storage = [...config.voters, ...config.learners].find((m) => m.id === id)?.storage
  const held: Survey['held'] = {
    storage,
    hardState: undefined,
    hasPromised: true,
    snapshot: undefined,
    entries: [],
    log: { blocks: new Blocks(), stale: [], nextBlock: 1 },
    damage: [],
    diverged: false,
  }
  const survey: Survey = {
    id,
    held,
    last: { index, term: 3 },
    commit: index - 2,
    term: 4,
    config,
    part: name === 'l' ? 'learner' : 'voter',
    lost: undefined,
    damage: [],
    ...changed,
  }
  return { survey, unusable: undefined, isCopy: false, termSeen: survey.term }
}

const live = (name: string, index: number, changed: Partial<LiveReport> = {}): LiveReport => ({
  id: name as unknown as PeerId,
  part: 'voter',
  last: { index, term: 3 },
  term: 4,
  hasQuorum: false,
  ...changed,
})

test('two of five voters are not enough, and the one whose log reaches further is the base', () => {
  const plan = planRecovery([found('a', 10), found('b', 12)], [])
  assert.equal(plan?.verdict, 'lost')
  assert.equal(plan?.base?.survey.id, 'b')
  assert.deepEqual([plan?.able, plan?.needed, plan?.tail], [2, 3, 2])
  assert.deepEqual(
    plan?.voters.map(({ fate }) => fate),
    ['stopped', 'stopped', 'notFound', 'notFound', 'notFound'],
  )
})

test('a later term goes before a longer log', () => {
  const later = found('a', 5, { last: { index: 5, term: 8 } })
  assert.equal(planRecovery([found('b', 50), later], [])?.base?.survey.id, 'a')
})

test('of logs that reach as far, a voter’s is taken', () => {
  assert.equal(planRecovery([found('l', 12), found('b', 12)], [])?.base?.survey.id, 'b')
  assert.equal(planRecovery([found('l', 13), found('b', 12)], [])?.base?.survey.id, 'l')
})

test('voters that are enough, once started, need no recovery', () => {
  const three = [found('a', 10), found('b', 12), found('c', 9)]
  assert.equal(planRecovery(three, [])?.verdict, 'startThem')
  const withLive = planRecovery([found('a', 10), found('b', 12)], [live('c', 9)])
  assert.equal(withLive?.verdict, 'startThem')
})

test('voters that have lost something, or stand on another disk, are not counted as able', () => {
  const short = found('b', 12, { lost: { index: 20, term: 3 } })
  const other = found('c', 9)
  const swapped = {
    ...other,
    survey: { ...other.survey, held: { ...other.survey.held, storage: 77 } },
  }
  const plan = planRecovery([found('a', 10), short, swapped], [])
  assert.equal(plan?.verdict, 'lost')
  assert.deepEqual(
    plan?.voters.slice(0, 3).map(({ fate }) => fate),
    ['stopped', 'damaged', 'otherDisk'],
  )
})

test('a mesh that decides is not recovered, whatever the stopped disks say', () => {
  const plan = planRecovery([found('a', 10)], [live('z', 50, { hasQuorum: true, part: 'learner' })])
  assert.equal(plan?.verdict, 'alive')
})

test('a copy that was set aside is a base, but no voter that could be started', () => {
  const one: Config = { ...config, voters: config.voters.slice(0, 1) }
  const here = found('a', 10, { config: one })
  assert.equal(planRecovery([here], [])?.verdict, 'startThem')
  const copy = { ...here, isCopy: true, termSeen: firstTermOf(9) }
  const plan = planRecovery([copy], [])
  assert.deepEqual([plan?.verdict, plan?.base?.survey.id, plan?.era], ['lost', 'a', 9])
})

test('what cannot be used is no base, however far it reaches', () => {
  const unusable = { ...found('b', 12), unusable: 'its snapshot is not whole' }
  assert.equal(planRecovery([found('a', 10), unusable], [])?.base?.survey.id, 'a')
  assert.equal(planRecovery([unusable], [])?.verdict, 'noBase')
  assert.equal(planRecovery([], [live('a', 1)]), undefined)
})

test('a running agent that holds more is named, and the latest era that anybody has seen', () => {
  const plan = planRecovery([found('a', 10)], [live('b', 11, { term: firstTermOf(7) + 1 })])
  assert.deepEqual(
    plan?.furtherLive.map(({ id }) => id),
    ['b'],
  )
  assert.equal(plan?.era, 7)
})

test('a joint configuration has a quorum only with both of its halves', () => {
  const joint: Config = { ...config, voters: config.voters.slice(0, 1), outgoing: config.voters }
  const both = planRecovery([found('a', 10, { config: joint })], [])
  assert.equal(both?.verdict, 'lost')
})
