/**
 * Keeps the heads of the audit chain that agents have signed, this one's among them, on this disk.
 * They are what a log is held against when somebody doubts it: a host that was broken into can change
 * its own log and its own heads, but not those that lie with all the others.
 *
 * Heads travel in the digests that members hear of each other anyway. They are believed by their
 * signatures when they are used, not when they are kept.
 */
import type { PeerId, Signer } from '../../protocol/identity/peer-id.ts'
import {
  AuditHead,
  isSameHead,
  type PeerHead,
  signHead,
  thinned,
} from '../../protocol/ledger/audit-heads.ts'
import type { AuditMark } from '../../protocol/ledger/state.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { message, nested, repeated } from '../../protocol/wire/schema.ts'
import { headLimits } from './limits.ts'

const PREFIX = 'audit/heads/'

const KeptHeads = message('KeptHeads', {
  heads: repeated(1, nested(AuditHead), headLimits.perPeerMax),
})

/** What a peer says now: in its digest, or this agent of its own ledger. */
export interface ToldHead {
  readonly peer: PeerId
  readonly head: AuditHead | undefined
}

export interface HeadPorts {
  clock: Clock
  disk: Disk
  log: Log
}

export class HeadKeeper {
  readonly #ports: HeadPorts
  readonly #signer: Signer
  readonly #told: () => Iterable<ToldHead>
  readonly #kept = new Map<PeerId, readonly AuditHead[]>()
  #own: { head: AuditHead; of: AuditMark } | undefined
  #timer: Timer | undefined

  constructor(ports: HeadPorts, signer: Signer, told: () => Iterable<ToldHead>) {
    this.#ports = ports
    this.#signer = signer
    this.#told = told
  }

  async start(): Promise<void> {
    for await (const [key, value] of this.#ports.disk.scan(within(PREFIX))) {
      const read = decode(KeptHeads, value)
      if (read.ok) this.#kept.set(key.slice(PREFIX.length) as PeerId, read.value.heads)
    }
    this.#timer = this.#ports.clock.every(headLimits.lookMs, () => void this.look())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.look()
  }

  /** This agent's word on the log that it holds; signed once for each head. Undefined for none. */
  own(mark: AuditMark): AuditHead | undefined {
    if (mark.sequence === 0) return undefined
    if (this.#own?.of.hash !== mark.hash || this.#own.of.sequence !== mark.sequence) {
      this.#own = { head: signHead(mark, this.#signer), of: mark }
    }
    return this.#own.head
  }

  /** All that are known here, by what is kept and by what was heard since. */
  *heads(): Generator<PeerHead> {
    const kept = new Map(this.#kept)
    for (const { peer, head } of this.#told()) {
      if (head !== undefined) kept.set(peer, withHead(kept.get(peer) ?? [], head))
    }
    for (const [peer, heads] of kept) for (const head of heads) yield { peer, ...head }
  }

  /** Puts on disk what was heard since the last time. */
  async look(): Promise<void> {
    const news: DiskOp[] = []
    for (const { peer, head } of this.#told()) {
      const before = this.#kept.get(peer) ?? []
      if (head === undefined || before.some((each) => isSameHead(each, head))) continue
      if (before.length === 0 && this.#kept.size >= headLimits.peersMax) news.push(this.#giveWay())
      const heads = thinned(withHead(before, head), headLimits.perPeerMax)
      this.#kept.set(peer, heads)
      news.push({ put: PREFIX + peer, value: encode(KeptHeads, { heads }) })
    }
    if (news.length === 0) return
    try {
      await this.#ports.disk.write(news, { durable: false })
    } catch (error) {
      this.#ports.log.child('audit').warn('heads are not kept', { why: String(error) })
    }
  }

  #giveWay(): DiskOp {
    let oldest: PeerId | undefined
    let lowest = Number.POSITIVE_INFINITY
    for (const [peer, heads] of this.#kept) {
      const newest = heads.at(-1)?.sequence ?? 0
      if (newest >= lowest) continue
      lowest = newest
      oldest = peer
    }
    this.#kept.delete(oldest as PeerId)
    return { del: PREFIX + oldest }
  }
}

function withHead(heads: readonly AuditHead[], head: AuditHead): readonly AuditHead[] {
  return heads.some((each) => isSameHead(each, head)) ? heads : [...heads, head]
}
