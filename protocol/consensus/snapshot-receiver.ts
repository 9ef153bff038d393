/**
 * A snapshot on its way in: chunks in order, hashed as they come, kept aside by the driver until
 * they are whole and true. Survives a change of leader, so that the next one goes on where the last
 * one stopped if it offers the same snapshot.
 */
import { createHash, type Hash } from 'node:crypto'
import type { PeerId } from '../identity/peer-id.ts'
import { isSound } from './config.ts'
import type { Follower } from './follower.ts'
import type { SnapshotChunk, SnapshotMeta } from './messages.ts'
import type { Node } from './node.ts'

interface Incoming {
  readonly snapshot: SnapshotMeta
  readonly hash: Hash
  nextOffset: number
}

export class SnapshotReceiver {
  private incoming: Incoming | undefined = undefined

  receive(node: Node, follower: Follower, from: PeerId, chunk: SnapshotChunk): void {
    const { snapshot, offset, data } = chunk
    if (!isPlausible(node, chunk)) return node.misbehaved(from, 'malformedSnapshot')
    const { log } = node
    // Never over a newer state: what is committed here is the leader's as well.
    if (snapshot.index <= log.commit) {
      follower.verify(log.commit)
      return follower.accept(from, log.commit)
    }
    // What it covers is here, and entries after it may be: keep them, and only learn the commit.
    if (log.has(snapshot.index, snapshot.term)) {
      follower.verify(snapshot.index)
      follower.learnCommit(snapshot.index)
      return follower.accept(from, snapshot.index)
    }
    if (snapshot.index <= follower.verified) return node.misbehaved(from, 'divergence')
    const incoming = this.expect(snapshot)
    if (offset === incoming.nextOffset) {
      incoming.hash.update(data)
      incoming.nextOffset += data.length
      node.outbox.staged.push({ snapshot, offset, data })
      node.outbox.logChanged()
      if (incoming.nextOffset === snapshot.bytes) return this.complete(node, follower, from)
    }
    answer(node, from, snapshot, incoming.nextOffset, offset > incoming.nextOffset)
  }

  private expect(snapshot: SnapshotMeta): Incoming {
    const { incoming } = this
    if (incoming !== undefined && isSameSnapshot(incoming.snapshot, snapshot)) return incoming
    this.incoming = { snapshot, hash: createHash('sha256'), nextOffset: 0 }
    return this.incoming
  }

  private complete(node: Node, follower: Follower, from: PeerId): void {
    const { snapshot, hash } = this.incoming as Incoming
    this.incoming = undefined
    if (hash.digest('hex') !== snapshot.checksum) {
      node.outbox.event({ kind: 'snapshotRefused', from, index: snapshot.index })
      return answer(node, from, snapshot, 0, true)
    }
    node.log.install(snapshot)
    node.configs.restore(snapshot.config, snapshot.index)
    node.tellConfig()
    follower.verify(snapshot.index)
    follower.accept(from, snapshot.index)
  }
}

function answer(
  node: Node,
  to: PeerId,
  snapshot: SnapshotMeta,
  nextOffset: number,
  gap: boolean,
): void {
  const { term, storage } = node
  node.outbox.sendAfterLog(to, {
    kind: 'chunkAnswer',
    value: { term, storage, snapshotIndex: snapshot.index, nextOffset, gap },
  })
}

function isPlausible(node: Node, { term, snapshot, offset, data }: SnapshotChunk): boolean {
  return (
    snapshot.index > 0 &&
    snapshot.term <= term &&
    snapshot.bytes <= node.limits.snapshotBytesMax &&
    offset + data.length <= snapshot.bytes &&
    (data.length > 0 || snapshot.bytes === 0) &&
    isSound(snapshot.config)
  )
}

export function isSameSnapshot(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return (
    a.index === b.index && a.term === b.term && a.bytes === b.bytes && a.checksum === b.checksum
  )
}
