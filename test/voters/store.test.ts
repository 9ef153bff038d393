/** What a voter's disk gives back, whatever else it was given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsensusStore } from '../../agent/consensus/store.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import { blank } from '../../protocol/consensus/ready.ts'
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
