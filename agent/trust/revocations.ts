/**
 * What the mesh has taken back, as this host knows it: by the ledger, by its peers and from its own
 * disk, so that whoever was turned away is turned away also by a host that has just begun. What was
 * taken back once stays so.
 *
 * Invariant: of a key only the word of a person who may is believed, whoever tells it.
 */
import { createHash } from 'node:crypto'
import type { Trust } from '../../protocol/identity/credential.ts'
import {
  judgeRevocation,
  type RevocationFault,
  RevocationRow,
  type Revoked,
  revokedKey,
} from '../../protocol/identity/revocation.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Disk, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import { trustLimits } from './limits.ts'

const PREFIX = 'trust/revoked/'

export interface RevocationPorts {
  clock: Pick<Clock, 'wall'>
  disk: Disk
  log: Log
}

interface Known {
  readonly row: Row
  /** By whom, when and why; of what was told without a signed word the reason alone. */
  readonly told: Omit<Revoked, 'what'>
}

type Row = Infer<typeof RevocationRow>

export type HeardRevocation = 'news' | 'known' | 'full' | RevocationFault

export class Revocations {
  /** Told of each, once it holds; not of those that were on the disk. */
  onNews: (revoked: Revoked) => void = () => {}
  /** As it was given, and without what is known here. */
  readonly trust: Trust
  readonly #ports: RevocationPorts
  readonly #given: Trust
  readonly #log: Log
  readonly #known = new Map<string, Known>()
  #words: readonly string[] = []
  #fingerprint: Uint8Array | undefined

  constructor(ports: RevocationPorts, given: Trust) {
    this.#ports = ports
    this.#given = given
    this.#log = ports.log.child('trust')
    this.trust = {
      mesh: given.mesh,
      isRevoked: (what) => this.#known.has(what) || given.isRevoked(what),
    }
  }

  async load(): Promise<void> {
    for await (const [key, value] of this.#ports.disk.scan(within(PREFIX))) {
      const row = decode(RevocationRow, value)
      if (row.ok) this.#remember(key.slice(PREFIX.length), row.value)
      else this.#log.error('what was revoked cannot be read', { what: key.slice(PREFIX.length) })
    }
  }

  /** By whom and why; undefined where it was not. */
  find(what: string): Omit<Revoked, 'what'> | undefined {
    return this.#known.get(what)?.told
  }

  /** A row of the ledger. Of a key it must carry the word by which that was decided. */
  decided(what: string, bytes: Uint8Array): void {
    if (this.#known.has(what)) return
    const row = decode(RevocationRow, bytes)
    if (!row.ok || (revokedKey(what) !== undefined && !this.#isWordFor(what, row.value.word))) {
      this.#log.error('the ledger takes back what nobody who may has signed for', { what })
      return
    }
    this.#take(what, row.value)
  }

  /** From a peer. */
  heard(word: Uint8Array): HeardRevocation {
    const nowMs = this.#ports.clock.wall()
    const judged = judgeRevocation(word, this.trust, { kind: 'heard', nowMs })
    if (!judged.ok) return judged.why
    const { what, reason } = judged.revoked
    if (this.#known.get(what)?.row.word !== undefined) return 'known'
    if (this.#words.length >= trustLimits.wordsMax) return 'full'
    const wasKnown = this.#known.has(what)
    this.#take(what, { reason: new Uint8Array(Buffer.from(reason)), word: word.slice() })
    return wasKnown ? 'known' : 'news'
  }

  /** What the words that are known here take back, in order. */
  get words(): readonly string[] {
    return this.#words
  }

  /** For those who do not hear the ledger, and for whoever it is about. */
  wordOf(what: string): Uint8Array | undefined {
    return this.#known.get(what)?.row.word
  }

  /** The same on two hosts that know the same words. */
  get fingerprint(): Uint8Array {
    this.#fingerprint ??= createHash('sha256').update(this.#words.join('\n')).digest()
    return this.#fingerprint
  }

  #isWordFor(what: string, word: Uint8Array | undefined): boolean {
    const judged = word && judgeRevocation(word, this.#given, { kind: 'decided' })
    return judged?.ok === true && judged.revoked.what === what
  }

  #take(what: string, row: Row): void {
    const told = this.#remember(what, row)
    // On the disk or not, it holds from here on: a disk that is full lets nobody in again.
    const kept = [{ put: PREFIX + what, value: encode(RevocationRow, row) }]
    this.#ports.disk.write(kept, { durable: true }).catch((error: unknown) => {
      this.#log.error('what was revoked is not written down', { what, why: String(error) })
    })
    this.onNews({ what, ...told })
  }

  #remember(what: string, row: Row): Known['told'] {
    const { word } = row
    const judged = word && judgeRevocation(word, this.#given, { kind: 'decided' })
    const told = judged?.ok
      ? { by: judged.revoked.by, reason: judged.revoked.reason, atMs: judged.revoked.atMs }
      : { by: '', reason: Buffer.from(row.reason).toString(), atMs: 0 }
    this.#known.set(what, { row, told })
    if (word !== undefined) {
      this.#words = [...new Set([...this.#words, what])].sort()
      this.#fingerprint = undefined
    }
    return told
  }
}
