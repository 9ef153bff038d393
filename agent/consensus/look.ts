/**
 * What a disk holds of consensus, looked at without changing anything. What is not whole is never
 * handed out: a log ends before its first damaged block.
 */
import { noConfig } from '../../protocol/consensus/config.ts'
import { type Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { blank, type HardState, type Restored } from '../../protocol/consensus/ready.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { lostKey, within } from '../../protocol/ports/disk.ts'
import { Blocks } from './blocks.ts'
import {
  blockKey,
  blockNameOf,
  blockPrefix,
  divergedKey,
  hardStateKey,
  identityKey,
  snapshotKey,
} from './keys.ts'
import { Block, HardRecord, Identity, unsealMessage } from './records.ts'

/** What is not as it was written. */
export type Damage = 'hardState' | 'snapshot' | 'log'

export interface LogRecords {
  blocks: Blocks
  /** Records that say nothing any more, to be removed with the next write. */
  stale: readonly string[]
  nextBlock: number
}

export interface Held {
  /** The number of the disk; undefined when it has none, or cannot be read. */
  storage: number | undefined
  hardState: HardState | undefined
  /** There is a record of it, whole or not: this disk has promised something. */
  hasPromised: boolean
  snapshot: SnapshotMeta | undefined
  /** What follows the snapshot. None when the snapshot cannot be read: they hang in the air. */
  entries: readonly Entry[]
  log: LogRecords
  damage: readonly Damage[]
  /** The state that this host had made of it was not what the others had. */
  diverged: boolean
}

export async function look(disk: Disk): Promise<Held> {
  const damage: Damage[] = []
  const hardRecord = await disk.get(hardStateKey)
  // What is there may be of before what was lost: as good as nothing.
  const isOutdated = (await disk.get(lostKey)) !== undefined
  const hard = isOutdated ? undefined : unsealMessage(hardStateKey, HardRecord, hardRecord)
  const identity = unsealMessage(identityKey, Identity, await disk.get(identityKey))
  // Votes are known by the number of the disk: without it they are as good as lost.
  if (hardRecord && !(hard && identity)) damage.push('hardState')
  const snapshotRecord = await disk.get(snapshotKey)
  const snapshot = unsealMessage(snapshotKey, SnapshotMeta, snapshotRecord)
  if (snapshotRecord && !snapshot) damage.push('snapshot')
  const { entries, damaged, ...log } = await readLog(disk, snapshot?.index ?? 0)
  if (damaged) damage.push('log')
  return {
    storage: identity?.storage,
    hardState: hard && hardStateOf(hard),
    hasPromised: hardRecord !== undefined,
    snapshot,
    entries: snapshotRecord && !snapshot ? [] : entries,
    log,
    damage,
    diverged: (await disk.get(divergedKey)) !== undefined,
  }
}

/** What a voter begins with; undefined without what it has promised. */
export function restoredFrom({ hardState, snapshot, entries }: Held): Restored | undefined {
  return hardState && { hardState, snapshot: snapshot ?? blank(noConfig).snapshot, entries }
}

async function readLog(
  disk: Disk,
  snapshotIndex: number,
): Promise<LogRecords & { entries: Entry[]; damaged: boolean }> {
  const blocks = new Blocks()
  const stale: string[] = []
  const entries: Entry[] = []
  let nextBlock = 1
  let damaged = false
  for await (const [key, record] of disk.scan(within(blockPrefix))) {
    const name = blockNameOf(key)
    if (!name) {
      stale.push(key)
      continue
    }
    nextBlock = name.number + 1
    const firstMissing = snapshotIndex + entries.length + 1
    const block = unsealMessage(key, Block, record)
    const follows = name.firstIndex <= firstMissing
    if (!follows) {
      damaged ||= name.lastIndex > snapshotIndex
      stale.push(key)
      continue
    }
    // Also where it begins under the snapshot: what earlier ones hold beyond is as void.
    entries.length = Math.max(0, name.firstIndex - snapshotIndex - 1)
    for (const gone of blocks.voidFrom(name.firstIndex)) stale.push(blockKey(gone))
    if (!block) {
      damaged ||= name.lastIndex > snapshotIndex
      blocks.addDamaged(name)
      continue
    }
    blocks.add(name)
    const covered = Math.max(0, snapshotIndex + 1 - name.firstIndex)
    for (const entry of block.entries.slice(covered)) entries.push(entry)
  }
  return { blocks, stale, nextBlock, entries, damaged }
}

function hardStateOf(record: HardRecord): HardState {
  const { term, vote, commit, promisedIndex, promisedTerm } = record
  return { term, vote, commit, promised: { index: promisedIndex, term: promisedTerm } }
}
