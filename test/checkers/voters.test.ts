/** The laws that voters are watched by notice what they are there for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noConfig } from '../../protocol/consensus/config.ts'
import type { LogView } from '../../protocol/consensus/log.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { HardState, Persist } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { ChunkWindow } from '../../simulations/checkers/chunk-window.ts'
import { Conduct } from '../../simulations/checkers/conduct.ts'
import { QuorumEvidence } from '../../simulations/checkers/quorum-evidence.ts'
import type { Violation } from '../../simulations/checkers/violation.ts'

const id = (name: string) => name as PeerId
const member = (name: string) => ({ id: id(name), storage: 1 })
const among = (...names: string[]): Config => ({ ...noConfig, voters: names.map(member) })
const law = (found: Violation | undefined) => found?.checker
const snapshot = { index: 0, term: 0, config: noConfig, bytes: 0, checksum: '' }
const kept: HardState = {
  term: 3,
  vote: id('b'),
  commit: 2,
  promised: { index: 5, term: 3 },
}

/** A log of entries of these terms. */
function logOf(terms: readonly number[], commit: number): LogView {
  const lastIndex = terms.length
  const termAt = (index: number) => (index === 0 ? 0 : terms[index - 1])
  return { snapshot, firstIndex: 1, lastIndex, commit, persisted: lastIndex, termAt }
}

function writing(hardState: Partial<HardState>): Persist {
  const nothing = { number: 1, sync: true, staged: [], snapshot: undefined, entries: [] }
  return { ...nothing, firstIndex: 6, hardState: { ...kept, ...hardState } }
}

test('a voter that starts knows what its disk knows, and whether it has lost anything', () => {
  const whole = logOf([1, 1, 2, 3, 3], 2)
  assert.equal(new Conduct('a', kept).begins(whole, kept, false), undefined)
  const forgetful = logOf([1, 1, 2, 3, 3], 0)
  assert.equal(law(new Conduct('a', kept).begins(forgetful, kept, false)), 'commit monotonic')
  const longer = logOf([1, 1, 2, 3, 3, 3], 2)
  assert.equal(law(new Conduct('a', kept).begins(longer, kept, false)), 'a sound disk is whole')
  assert.equal(new Conduct('a', kept).begins(longer, kept, true), undefined)
  const shorter = logOf([1, 1, 2], 2)
  const careless = new Conduct('a', kept).begins(shorter, kept, true)
  assert.equal(law(careless), 'who has lost something waits')
  const careful = new Conduct('a', kept)
  careful.recovers(true)
  assert.equal(careful.begins(shorter, kept, true), undefined)
  assert.equal(law(careful.begins(shorter, kept, false)), 'a sound disk is whole')
  assert.equal(law(careful.stands(4)), 'who has lost something waits')
})

test('a term and a vote are never taken back', () => {
  const conduct = new Conduct('a', kept)
  assert.equal(conduct.writes(writing({})), undefined)
  assert.equal(law(new Conduct('a', kept).writes(writing({ term: 2 }))), 'a vote is not taken back')
  const changed = writing({ vote: id('c') })
  assert.equal(law(new Conduct('a', kept).writes(changed)), 'a vote is not taken back')
  assert.equal(conduct.writes(writing({ term: 4, vote: undefined })), undefined)
  assert.equal(conduct.writes(writing({ term: 4, vote: id('c') })), undefined)
})

test('a leader calls nothing committed that ends with an entry of an earlier term', () => {
  const conduct = new Conduct('a', kept)
  assert.equal(conduct.commits(logOf([1, 1, 2, 3], 2), undefined), undefined)
  assert.equal(law(conduct.commits(logOf([1, 1, 2, 3], 3), 3)), 'a leader counts for its own term')
  assert.equal(conduct.commits(logOf([1, 1, 2, 3], 4), 3), undefined)
  assert.equal(law(conduct.commits(logOf([1, 1, 2, 3], 3), 3)), 'commit monotonic')
})

test('nobody votes for a log that ends before what its disk has promised, and term comes first', () => {
  const conduct = new Conduct('a', kept)
  const votes = (index: number, term: number) =>
    law(conduct.votes('c', 4, { index, term }, { ...kept, promised: { index: 5, term: 3 } }))
  assert.equal(votes(5, 3), undefined)
  assert.equal(votes(2, 4), undefined)
  assert.equal(votes(4, 3), 'votes go to the longer log')
  assert.equal(votes(9, 2), 'votes go to the longer log')
})

test('standing, leading and committing each need the word of a majority, in that very term', () => {
  const evidence = new QuorumEvidence()
  const config = among('a', 'b', 'c')
  assert.equal(law(evidence.stands(id('a'), 2, config)), 'nobody stands unasked')
  evidence.wouldVote(member('b'), 2, id('a'))
  assert.equal(evidence.stands(id('a'), 2, config), undefined)
  assert.equal(law(evidence.elected(id('a'), 2, config)), 'election quorum')
  evidence.voted(member('b'), 2, id('a'))
  assert.equal(evidence.elected(id('a'), 2, config), undefined)
  assert.equal(law(evidence.elected(id('a'), 3, config)), 'election quorum')
  assert.equal(law(evidence.voted(member('b'), 2, id('c'))), 'one vote in a term')
  evidence.acknowledged(member('b'), 2, 7)
  const commits = (term: number, index: number) =>
    law(evidence.committed(id('a'), term, index, [config], 9))
  assert.equal(commits(2, 7), undefined)
  assert.equal(commits(2, 8), 'commit quorum')
  assert.equal(commits(3, 7), 'commit quorum')
})

test('in a joint configuration each half counts for itself, and a disk under its own number only', () => {
  const evidence = new QuorumEvidence()
  const joint = { ...among('a', 'b', 'c'), outgoing: [member('a'), member('d'), member('e')] }
  evidence.voted(member('b'), 2, id('a'))
  assert.equal(law(evidence.elected(id('a'), 2, joint)), 'election quorum')
  evidence.voted({ ...member('d'), storage: 2 }, 2, id('a'))
  assert.equal(law(evidence.elected(id('a'), 2, joint)), 'election quorum')
  evidence.voted(member('d'), 2, id('a'))
  assert.equal(evidence.elected(id('a'), 2, joint), undefined)
})

test('a snapshot is sent no further than a window beyond what the peer has, by its word of this term', () => {
  const chunks = new ChunkWindow(1_024)
  const order = { to: id('b'), term: 2, snapshot: { ...snapshot, index: 9 }, length: 512 }
  assert.equal(chunks.sends('a', { ...order, offset: 512 }), undefined)
  chunks.answers('b', 1, 9, 4_096)
  chunks.answers('b', 2, 8, 4_096)
  assert.equal(
    law(chunks.sends('a', { ...order, offset: 1_024 })),
    'a snapshot is sent as it arrives',
  )
  chunks.answers('b', 2, 9, 512)
  assert.equal(chunks.sends('a', { ...order, offset: 1_024 }), undefined)
})
