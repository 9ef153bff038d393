/**
 * A snapshot on its way out: as many chunks ahead of their answers as the window allows, in order;
 * back to what is acknowledged when some are lost; from the beginning when a newer snapshot has
 * taken its place, because the driver keeps only the newest.
 */
import type { ChunkAnswer } from './messages.ts'
import type { Node } from './node.ts'
import type { Progress, Sending } from './progress.ts'
import { isSameSnapshot } from './snapshot-receiver.ts'

export function sendChunks(node: Node, peer: Progress): void {
  if (peer.sending === undefined || !isSameSnapshot(peer.sending.snapshot, node.log.snapshot))
    peer.becomeSnapshot(node.log.snapshot)
  const sending = peer.sending as Sending
  const { snapshot } = sending
  const { snapshotChunkBytes, snapshotChunksInflightMax } = node.limits
  const windowEnd = sending.acked + snapshotChunkBytes * snapshotChunksInflightMax
  while (!sending.complete && sending.sent < windowEnd) {
    const offset = sending.sent
    const length = Math.min(snapshotChunkBytes, snapshot.bytes - offset)
    node.outbox.chunks.push({ to: peer.id, term: node.term, snapshot, offset, length })
    sending.sent += length
    sending.complete = sending.sent === snapshot.bytes
  }
}

export function chunkAnswered(node: Node, peer: Progress, answer: ChunkAnswer): void {
  const { sending } = peer
  if (sending === undefined || sending.snapshot.index !== answer.snapshotIndex) return
  const { nextOffset, gap } = answer
  if (nextOffset > sending.snapshot.bytes) return node.misbehaved(peer.id, 'impossibleAnswer')
  if (nextOffset > sending.acked) {
    sending.acked = nextOffset
    // It holds more than was sent: an earlier leader had begun. Go on from there.
    if (sending.sent < nextOffset) sending.sent = nextOffset
    sending.complete = sending.sent === sending.snapshot.bytes
  } else if (gap && node.nowMs - sending.gapMs >= node.timing.heartbeatMs) {
    // Every chunk after a lost one is answered so; going back once is enough.
    sending.gapMs = node.nowMs
    rewind(sending, nextOffset)
  }
}

/** The peer has answered a heartbeat. No chunk acknowledged since the one before: they were lost. */
export function chunksAtBeat(peer: Progress): void {
  const { sending } = peer
  if (sending === undefined) return
  if (sending.acked === sending.ackedAtBeat) rewind(sending, sending.acked)
  sending.ackedAtBeat = sending.acked
}

/** A new link: what was on the old one is lost. */
export function resendChunks({ sending }: Progress): void {
  if (sending !== undefined) rewind(sending, sending.acked)
}

function rewind(sending: Sending, offset: number): void {
  sending.acked = offset
  sending.sent = offset
  sending.complete = false
}
