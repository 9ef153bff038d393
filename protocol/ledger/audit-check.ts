/**
 * Checks an audit chain, row by row, against itself and against heads that peers have signed: what
 * was changed or is missing is named, as exactly as can be known, and with who says so.
 */
import { decode } from '../wire/codec.ts'
import { AuditEntry, type AuditRow, auditHash } from './audit-chain.ts'
import { markOf, type PeerHead } from './audit-heads.ts'
import { type Octets, toOctets } from './octets.ts'
import type { AuditMark } from './state.ts'

export type AuditFinding =
  /**
   * This entry is not what was written: its hash is not that of its bytes after the one before, or
   * it is not the entry that follows. `upheldBy`: peers whose heads uphold the chain it stands in.
   */
  | { kind: 'changed'; sequence: number; upheldBy: string[] }
  /**
   * The chain fits itself, and yet is not the one that these peers saw: it was changed after entry
   * `after`, and at `sequence` at the latest, and hashed anew.
   */
  | { kind: 'contradicted'; after: number; sequence: number; by: string[] }
  /** Entries from `from` on are gone, of which these peers had seen the last, number `to`. */
  | { kind: 'cut'; from: number; to: number; by: string[] }

export interface AuditVerdict {
  /** Entries that were looked at. */
  entries: number
  /** Of the first and the last of them; 0 without any. */
  first: number
  last: number
  findings: AuditFinding[]
  /** Up to which entry some peer's head upholds the chain, and how many peers; 0: none does. */
  upheldTo: number
  upheldBy: string[]
}

export class AuditCheck {
  readonly #anchor: AuditMark
  /** In the order of their numbers, each to be met by its entry; all signatures were checked. */
  readonly #heads: readonly PeerHead[]
  #next = 0
  #sequence: number
  #hash: Octets
  #changed: number | undefined
  readonly #agreed: PeerHead[] = []
  readonly #contradicting: PeerHead[] = []
  readonly #findings: AuditFinding[] = []

  /** `anchor`: what the first row follows. Heads from before it can say nothing on the rows. */
  constructor(anchor: AuditMark, heads: readonly PeerHead[]) {
    this.#anchor = anchor
    this.#sequence = anchor.sequence
    this.#hash = anchor.hash
    this.#heads = heads
      .filter(({ sequence }) => sequence >= anchor.sequence && sequence > 0)
      .sort((a, b) => a.sequence - b.sequence)
    this.#meet()
  }

  take(row: AuditRow): void {
    this.#sequence++
    const entry = decode(AuditEntry, row.body)
    const computed = auditHash(this.#hash, row.body)
    const stored = toOctets(row.hash)
    const fits = entry.ok && entry.value.sequence === this.#sequence && computed === stored
    if (!fits) this.#changed ??= this.#sequence
    // Rows that are missing in between are not to shift all that follow against the heads.
    if (entry.ok && entry.value.sequence > this.#sequence) this.#sequence = entry.value.sequence
    // On from what is written: one changed body must not make all that follow look changed.
    this.#hash = stored
    this.#meet()
  }

  /** `end`: what the last entry must be, by whoever gave the rows. */
  finish(end: AuditMark): AuditVerdict {
    const last = this.#sequence
    if (last === end.sequence && this.#hash !== end.hash) this.#changed ??= last
    this.#tellChanged()
    this.#tellContradicted()
    this.#tellCut(end)
    const { sequence } = this.#anchor
    const upheld = this.#agreed.filter((head) => head.sequence > sequence || last === sequence)
    return {
      entries: last - sequence,
      first: last === sequence ? 0 : sequence + 1,
      last: last === sequence ? 0 : last,
      findings: this.#findings,
      upheldTo: upheld.at(-1)?.sequence ?? 0,
      upheldBy: namesOf(upheld.filter((head) => head.sequence === upheld.at(-1)?.sequence)),
    }
  }

  #meet(): void {
    for (let head = this.#heads[this.#next]; head !== undefined; head = this.#heads[this.#next]) {
      if (head.sequence !== this.#sequence) return
      this.#next++
      const agrees = markOf(head).hash === this.#hash
      if (agrees) this.#agreed.push(head)
      else this.#contradicting.push(head)
    }
  }

  #tellChanged(): void {
    const sequence = this.#changed
    if (sequence === undefined) return
    const upheldBy = namesOf(this.#agreed.filter((head) => head.sequence >= sequence))
    this.#findings.push({ kind: 'changed', sequence, upheldBy })
  }

  #tellContradicted(): void {
    const first = this.#contradicting[0]
    if (first === undefined) return
    const before = this.#agreed.filter(({ sequence }) => sequence < first.sequence)
    const after = before.at(-1)?.sequence ?? this.#anchor.sequence
    const by = namesOf(this.#contradicting)
    this.#findings.push({ kind: 'contradicted', after, sequence: first.sequence, by })
  }

  #tellCut(end: AuditMark): void {
    const beyond = this.#heads.slice(this.#next)
    const to = Math.max(end.sequence, beyond.at(-1)?.sequence ?? 0)
    if (to <= this.#sequence) return
    const by = namesOf(beyond.filter(({ sequence }) => sequence > this.#sequence))
    this.#findings.push({ kind: 'cut', from: this.#sequence + 1, to, by })
  }
}

function namesOf(heads: readonly PeerHead[]): string[] {
  return [...new Set(heads.map(({ peer }) => peer as string))].sort()
}
