/**
 * Entries of the log, configurations, positions and snapshots in one line each. A position is
 * `index:term`, as in `12:t3`; a term after a recovery names its era, as in `t3/e2`. Everything here
 * is a pure function, and what it prints is relied upon by files of expected text: a change here
 * shows in all of them.
 */
import { configOf } from '../../protocol/consensus/config.ts'
import { eraOf, firstTermOf } from '../../protocol/consensus/era.ts'
import type { Position } from '../../protocol/consensus/log.ts'
import {
  type Config,
  type Entry,
  entryKind,
  type Member,
  type SnapshotMeta,
} from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { checksumCharsMax, entriesShownMax, hexBytesMax, textCharsMax } from './limits.ts'

/** What people call a peer: its host's name where it is known, else a part of its identity. */
export type NameOf = (id: PeerId) => string

export function describeTerm(term: number): string {
  const era = eraOf(term)
  return era === 0 ? `t${term}` : `t${term - firstTermOf(era)}/e${era}`
}

export function describePosition({ index, term }: Position): string {
  return `${index}:${describeTerm(term)}`
}

export function describeEntry(entry: Entry, index: number, nameOf: NameOf): string {
  return `${describePosition({ index, term: entry.term })} ${contentOf(entry, nameOf)}`
}

/** All of them up to `entriesShownMax`; of more, the first and the last. */
export function describeEntries(
  entries: readonly Entry[],
  firstIndex: number,
  nameOf: NameOf,
): string {
  const one = (at: number) => describeEntry(entries[at] as Entry, firstIndex + at, nameOf)
  if (entries.length <= entriesShownMax) return entries.map((_, at) => one(at)).join(', ')
  const first = Array.from({ length: entriesShownMax - 1 }, (_, at) => one(at))
  const left = entries.length - entriesShownMax
  return [...first, `${left} more`, one(entries.length - 1)].join(', ')
}

function contentOf(entry: Entry, nameOf: NameOf): string {
  const { kind, data, client, serial } = entry
  if (kind === entryKind.noop) return 'begins the term'
  if (kind === entryKind.config) {
    const config = configOf(data)
    return config === undefined ? 'unsound config' : `config (${describeConfig(config, nameOf)})`
  }
  const session = client === undefined ? '' : ` from ${client} ${serial}`
  return `${describeData(data)}${session}`
}

/** Quoted when it is plain text, else the first bytes in hexadecimal; cut with its length. */
export function describeData(data: Uint8Array): string {
  const head = Buffer.from(data.subarray(0, textCharsMax))
  if (head.every((byte) => byte >= 0x20 && byte < 0x7f)) {
    const text = JSON.stringify(head.toString('latin1'))
    return data.length > textCharsMax ? `${text}… of ${data.length} bytes` : text
  }
  const hex = head.subarray(0, hexBytesMax).toString('hex')
  return `0x${hex}${data.length > hexBytesMax ? '…' : ''} of ${data.length} bytes`
}

/** `voters n1 n2, was n1 n3, learners n4`: `was` is there while it is joint. */
export function describeConfig({ voters, outgoing, learners }: Config, nameOf: NameOf): string {
  const names = (members: readonly Member[]) => members.map(({ id }) => nameOf(id)).join(' ')
  const parts = [voters.length === 0 ? 'no voters' : `voters ${names(voters)}`]
  if (outgoing.length > 0) parts.push(`was ${names(outgoing)}`)
  if (learners.length > 0) parts.push(`learners ${names(learners)}`)
  return parts.join(', ')
}

export function describeSnapshot(snapshot: SnapshotMeta, nameOf: NameOf): string {
  const { bytes, checksum, config } = snapshot
  const sum = checksum.slice(0, checksumCharsMax)
  return `snapshot ${describePosition(snapshot)} (${describeConfig(config, nameOf)}; ${bytes} bytes, ${sum})`
}
