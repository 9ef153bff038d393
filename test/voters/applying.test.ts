/** Whoever proposes is told what became of that, and never what became of somebody else's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Applying } from '../../agent/consensus/applying.ts'
import { ConsensusStore } from '../../agent/consensus/store.ts'
import { type Entry, entryKind } from '../../protocol/consensus/messages.ts'
import { World } from '../../simulations/world/world.ts'
import { Words } from './stage.ts'

const entry = (term: number, word: string): Entry => ({
  term,
  kind: entryKind.normal,
  data: new TextEncoder().encode(word),
})

async function begin(): Promise<Applying<number>> {
  const world = new World({ seed: 'applying', identities: 'plain' })
  const host = world.addHost('n1')
  let store: ConsensusStore | undefined
  host.boot(async ({ disk, entropy }) => {
    store = (await ConsensusStore.open(disk, entropy)).store
  })
  await world.runFor(100)
  return new Applying(new Words(), store as ConsensusStore, 0, (error) => {
    throw error
  })
}

test('proposals that were all applied are answered with their results, however they came', async () => {
  const applying = await begin()
  const outcome = applying.outcomeOf(1, 1, 3)
  const entries = (...words: string[]) => words.map((word) => entry(1, word))
  applying.enqueue([{ kind: 'entries', firstIndex: 1, entries: entries('a', 'b') }])
  applying.enqueue([{ kind: 'entries', firstIndex: 3, entries: entries('c') }])
  assert.deepEqual(await outcome, { ok: true, index: 1, results: [1, 2, 3] })
})

test('proposals of which another leader took the last are not answered with its results', async () => {
  const applying = await begin()
  const outcome = applying.outcomeOf(1, 1, 3)
  const entries = [entry(1, 'a'), entry(1, 'b'), entry(2, 'of another')]
  applying.enqueue([{ kind: 'entries', firstIndex: 1, entries }])
  assert.deepEqual(await outcome, { ok: false, reason: 'unknown', leader: undefined })
})

test('nor does what this host proposes in its place take the answer away', async () => {
  const applying = await begin()
  const before = applying.outcomeOf(1, 1, 3)
  const after = applying.outcomeOf(3, 2, 1)
  const entries = [entry(1, 'a'), entry(1, 'b'), entry(2, 'c')]
  applying.enqueue([{ kind: 'entries', firstIndex: 1, entries }])
  assert.deepEqual(await before, { ok: false, reason: 'unknown', leader: undefined })
  assert.deepEqual(await after, { ok: true, index: 3, results: [3] })
})
