/** A snapshot on its way out of the disk, checked as it passes. */
import { createHash } from 'node:crypto'
import type { SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { SnapshotDamaged } from './store.ts'

/** Passes the parts on, and rejects at the end when they are not what the snapshot says. */
export async function* verified(
  snapshot: SnapshotMeta,
  parts: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of parts) {
    hash.update(part)
    bytes += part.length
    yield part
  }
  if (hash.digest('hex') !== snapshot.checksum) throw new SnapshotDamaged(bytes)
}
