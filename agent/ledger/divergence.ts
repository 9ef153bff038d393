/**
 * A replica that holds another state than the others do, written down: it stays stopped, whatever
 * is restarted, until somebody has seen to it. The note stands among consensus' own records, so it
 * is set aside and forgotten with them when the host's ledger is reset.
 */
import type { StopReason } from '../../protocol/ledger/ledger.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { field, message, text, uint } from '../../protocol/wire/schema.ts'
import { divergedKey } from '../consensus/keys.ts'
import { sealMessage, unsealMessage } from '../consensus/records.ts'

export type Divergence = Extract<StopReason, { kind: 'diverged' }>

const DIGEST_BYTES_MAX = 64

const Note = message('DivergenceNote', {
  index: field(1, uint()),
  ours: field(2, text(DIGEST_BYTES_MAX)),
  theirs: field(3, text(DIGEST_BYTES_MAX)),
})

/** This host's copy is not what the others hold. */
export class StateDiverged extends Error {
  readonly divergence: Divergence

  constructor(divergence: Divergence) {
    const { index, ours, theirs } = divergence
    super(`the ledger diverged here at entry ${index}: ${ours} here, ${theirs} elsewhere`)
    this.name = 'StateDiverged'
    this.divergence = divergence
  }
}

export async function noteDivergence(disk: Disk, divergence: Divergence): Promise<void> {
  const { index, ours, theirs } = divergence
  const value = sealMessage(divergedKey, Note, { index, ours, theirs })
  await disk.write([{ put: divergedKey, value }], { durable: true })
}

/** A note that cannot be read says as much as one that can. */
export async function notedDivergence(disk: Disk): Promise<Divergence | undefined> {
  const record = await disk.get(divergedKey)
  if (!record) return undefined
  const note = unsealMessage(divergedKey, Note, record)
  return { kind: 'diverged', ...(note ?? { index: 0, ours: 'unreadable', theirs: 'unreadable' }) }
}
