/** What a voter's disk gives back, whatever else it was given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsensusStore, type Opened } from '../../agent/consensus/store.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import { type Entry, entryKind } from '../../protocol/consensus/messages.ts'
import { blank, type Persist } from '../../protocol/consensus/ready.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { World } from '../../simulations/world/world.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** With a disk of a world in which nothing goes wrong. */
async function onDisk(use: (disk: Disk, entropy: Entropy) => Promise<void>): Promise<void> {
  const world = new World({ seed: 'store', identities: 'plain' })
  let done = false
  world.addHost('n1').boot(async ({ disk, entropy }) => {
    await use(disk, entropy)
    done = true
  })
  await world.runFor(1_000)
  assert.ok(done)
}

const words = (term: number, count: number): Entry[] =>
  Array.from({ length: count }, () => ({ term, kind: entryKind.normal, data: bytes('word') }))

/** What a node of this term writes when its log goes on from `firstIndex`. */
function write(term: number, firstIndex: number, entries: readonly Entry[]): Persist {
  const promised = { index: firstIndex + entries.length - 1, term }
  const hardState = { term, vote: undefined, commit: 0, promised }
  return { number: 1, sync: true, staged: [], snapshot: undefined, firstIndex, entries, hardState }
}

/** The terms of what follows the snapshot. */
function termsOf({ restored }: Opened): string {
  assert.ok(restored)
  return restored.entries.map(({ term }) => term).join(' ')
}

async function logKeys(disk: Disk): Promise<string[]> {
  const keys: string[] = []
  for await (const [key] of disk.scan(within('raft/log/'))) keys.push(key)
  return keys
}

test('a copy of the state is whole also where pieces of a leader’s copy of it lie', () =>
  onDisk(async (disk, entropy) => {
    const { store } = await ConsensusStore.open(disk, entropy)
    await store.found(noConfig)
    const position = { index: 7, term: 2, config: noConfig }
    const offered = { ...position, bytes: 12, checksum: 'of the leader' }
    const pieces = ['abcd', 'efgh'].map((text, i) => ({
      snapshot: offered,
      offset: 4 * i,
      data: bytes(text),
    }))
    const { hardState } = blank(noConfig)
    await store.persist({
      number: 1,
      sync: true,
      staged: pieces,
      snapshot: undefined,
      firstIndex: 1,
      entries: [],
      hardState,
    })
    await store.saveSnapshot(position, [bytes('our own copy')])
    const again = await ConsensusStore.open(disk, entropy)
    const parts: Uint8Array[] = []
    for await (const part of again.store.readSnapshot()) parts.push(part)
    assert.equal(Buffer.concat(parts).toString(), 'our own copy')
  }))

test('of a leader’s copy that was overtaken on its way, nothing stays on the disk', () =>
  onDisk(async (disk, entropy) => {
    const { store } = await ConsensusStore.open(disk, entropy)
    await store.found(noConfig)
    const { hardState } = blank(noConfig)
    const staged = [7, 9].map((index) => ({
      snapshot: { index, term: 2, config: noConfig, bytes: 12, checksum: 'of the leader' },
      offset: 0,
      data: bytes(`a piece of ${index}`),
    }))
    const write = { number: 1, sync: true, snapshot: undefined, firstIndex: 1, entries: [] }
    await store.persist({ ...write, staged, hardState })
    await store.saveSnapshot({ index: 8, term: 2, config: noConfig }, [bytes('our own copy')])
    const held: string[] = []
    for await (const [, value] of disk.scan(within('raft/chunk/')))
      held.push(
        Buffer.from(value)
          .toString('latin1')
          .replace(/[^ -~]/g, ''),
      )
    assert.equal(held.length, 2, 'ours, and the one that is newer')
    assert.ok(held.some((text) => text.includes('our own copy')))
    assert.ok(held.some((text) => text.includes('a piece of 9')))
  }))

test('what another leader took back stays void, wherever a snapshot is taken and however often one starts', () =>
  onDisk(async (disk, entropy) => {
    const { store } = await ConsensusStore.open(disk, entropy)
    await store.found(noConfig)
    await store.persist(write(1, 1, words(1, 9)))
    // Leaders of later terms take back what follows 5, and then what follows 7.
    await store.persist(write(2, 6, words(2, 3)))
    await store.persist(write(3, 8, words(3, 2)))
    const logs: string[] = []
    for (const index of [6, 7, 8]) {
      await store.saveSnapshot({ index, term: index === 8 ? 3 : 2, config: noConfig }, [
        bytes('state'),
      ])
      logs.push(termsOf(await ConsensusStore.open(disk, entropy)))
    }
    assert.deepEqual(logs, ['2 3 3', '3 3', '3'])
  }))

test('with a snapshot that ends where another leader’s entries end, nothing of what they took back returns', () =>
  onDisk(async (disk, entropy) => {
    const { store } = await ConsensusStore.open(disk, entropy)
    await store.found(noConfig)
    await store.persist(write(1, 1, words(1, 9)))
    await store.persist(write(2, 6, words(2, 2)))
    await store.saveSnapshot({ index: 7, term: 2, config: noConfig }, [bytes('state')])
    assert.equal(termsOf(await ConsensusStore.open(disk, entropy)), '')
  }))

test('what a damaged record took back stays void, also when others were written since', () =>
  onDisk(async (disk, entropy) => {
    const { store } = await ConsensusStore.open(disk, entropy)
    await store.found(noConfig)
    await store.persist(write(1, 1, words(1, 9)))
    await store.persist(write(2, 6, words(2, 3)))
    const [, second] = await logKeys(disk)
    assert.ok(second)
    await disk.write([{ put: second, value: bytes('not what was written') }], { durable: true })
    for (const turn of [1, 2]) {
      const opened = await ConsensusStore.open(disk, entropy)
      assert.deepEqual(opened.damage, ['log'])
      assert.equal(termsOf(opened), '1 1 1 1 1')
      await opened.store.persist({ ...write(2, 6, []), number: turn })
    }
    const { store: mended } = await ConsensusStore.open(disk, entropy)
    await mended.persist(write(2, 6, words(2, 4)))
    const whole = await ConsensusStore.open(disk, entropy)
    assert.deepEqual(whole.damage, [])
    assert.equal(termsOf(whole), '1 1 1 1 1 2 2 2 2')
  }))
