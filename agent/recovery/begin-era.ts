/**
 * Makes the disk of one survivor the beginning of a new era, in which its host alone votes. The log
 * stays as it is, and goes on: with the new configuration, and with whatever is to be said of it, as
 * entries of the new era's first term, in which nobody is ever elected.
 *
 * The disk gets another number: whatever it has promised in the era that is over is void.
 */
import { configEntry } from '../../protocol/consensus/config.ts'
import { firstTermOf } from '../../protocol/consensus/era.ts'
import type { Position } from '../../protocol/consensus/log.ts'
import { type Entry, entryKind } from '../../protocol/consensus/messages.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { bringBack, keepCopy } from '../consensus/aside.ts'
import { look } from '../consensus/look.ts'
import { ConsensusStore, drawStorage } from '../consensus/store.ts'
import type { Survey } from './survey.ts'

export interface Beginning {
  readonly era: number
  readonly wallMs: number
  /** Goes into the log after the configuration, when the name of the copy is known. */
  note(copy: string | undefined): Uint8Array
  /** A copy that was set aside before, to go on from in the place of what is there now. */
  readonly from?: string
}

export interface Begun {
  /** Under what name the disk's former records are kept. */
  readonly copy: string | undefined
  /** The last entry that was there before. */
  readonly base: Position
  readonly last: Position
}

/**
 * `base` is a survey of this disk, or of the copy on it. A crash before the last write leaves the
 * disk as it was, or, going on from a copy, empty with the copy still there; after it, all is done.
 */
export async function beginEra(
  disk: Disk,
  entropy: Entropy,
  base: Survey,
  { era, wallMs, note, from }: Beginning,
): Promise<Begun> {
  const copy = await keepCopy(disk, { why: 'recovered', wallMs }, from)
  if (from !== undefined) await bringBack(disk, from)
  const storage = drawStorage(entropy)
  const term = firstTermOf(era)
  const voters = [{ id: base.id, storage }]
  const said: Entry = { term, kind: entryKind.normal, data: note(copy) }
  const entries = [configEntry({ voters, outgoing: [], learners: [] }, term), said]
  const firstIndex = base.last.index + 1
  const last = { index: base.last.index + entries.length, term }
  await ConsensusStore.over(disk, await look(disk)).persistAs(storage, {
    number: 1,
    sync: true,
    staged: [],
    snapshot: undefined,
    firstIndex,
    entries,
    hardState: { term, vote: undefined, commit: base.commit, promised: last },
  })
  return { copy, base: base.last, last }
}
