/**
 * What a core hands to its driver, one line for each thing to do or to know, in the order in which
 * ready.ts of the core asks for it. Lines start with what they are about, so that a reader's eye
 * finds all writes, or all messages, of a long trace.
 */
import type { Apply, HardState, Persist, RaftEvent, Ready } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import {
  describeConfig,
  describeEntries,
  describePosition,
  describeSnapshot,
  describeTerm,
  type NameOf,
} from './entries.ts'
import { describeChunkOrder, describeEnvelope } from './messages.ts'

/** `self`: whose it is. Events first, because they say why the rest is there. */
export function describeReady(self: PeerId, ready: Ready, nameOf: NameOf): string[] {
  return [
    ...ready.events.map((event) => describeEvent(event, nameOf)),
    ...(ready.persist ? describePersist(ready.persist, nameOf) : []),
    ...ready.send.map((envelope) => `send ${describeEnvelope(self, envelope, nameOf)}`),
    ...ready.chunks.map((order) => `send ${describeChunkOrder(self, order, nameOf)}`),
    ...ready.apply.map((apply) => describeApply(apply, nameOf)),
    ...ready.reads.map(({ id, index }) => `read ${id} answered at ${index}`),
    ...ready.refusedReads.map(({ id, reason }) => `read ${id} refused: ${reason}`),
  ]
}

export function describePersist(persist: Persist, nameOf: NameOf): string[] {
  const { number, sync, staged, snapshot, firstIndex, entries } = persist
  const write = `write ${number}${sync ? '' : ' (no sync)'}`
  const lines = staged.map(
    (chunk) =>
      `${write} stage bytes ${chunk.offset}+${chunk.data.length} of snapshot ${describePosition(chunk.snapshot)}`,
  )
  if (snapshot) lines.push(`${write} install ${describeSnapshot(snapshot, nameOf)}`)
  if (entries.length > 0)
    lines.push(`${write} from ${firstIndex}: ${describeEntries(entries, firstIndex, nameOf)}`)
  return [...lines, `${write} ${describeHardState(persist.hardState, nameOf)}`]
}

export function describeHardState(hardState: HardState, nameOf: NameOf): string {
  const { term, vote, commit, promised } = hardState
  const voted = vote === undefined ? 'no vote' : `vote ${nameOf(vote)}`
  return `state ${describeTerm(term)} ${voted} commit ${commit} promised ${describePosition(promised)}`
}

export function describeApply(apply: Apply, nameOf: NameOf): string {
  return apply.kind === 'snapshot'
    ? `apply ${describeSnapshot(apply.snapshot, nameOf)}`
    : `apply ${describeEntries(apply.entries, apply.firstIndex, nameOf)}`
}

/** A change of role as everybody tells it: `leader in t3, elected`. */
export function describeEvent(event: RaftEvent, nameOf: NameOf): string {
  switch (event.kind) {
    case 'role': {
      const { role, term, leader, why } = event
      const whose = role === 'follower' ? ` of ${leader ? nameOf(leader) : 'nobody'}` : ''
      return `role ${role}${whose} in ${describeTerm(term)}: ${why}`
    }
    case 'config':
      return `config at ${event.index}: ${describeConfig(event.config, nameOf)}`
    case 'snapshotDue':
      return `event snapshot due, ${event.logBytes} bytes of log`
    case 'snapshotRefused':
      return `event snapshot ${event.index} from ${nameOf(event.from)} refused: untrue`
    case 'slept':
      return `event slept, ${event.lateMs} ms late`
    case 'recovering':
      return `event recovering: holds ${describePosition(event.held)} of ${describePosition(event.promised)}`
    case 'recovered':
      return 'event recovered'
    case 'transferEnded':
      return `event transfer to ${nameOf(event.target)} ended: ${event.outcome}`
    case 'eraPassed':
      return `event era passed: ${nameOf(event.peer)} is in ${describeTerm(event.term)}`
    case 'strangeStorage':
      return `event strange disk ${event.storage} of ${nameOf(event.peer)}`
    case 'misbehaviour':
      return `event misbehaviour of ${nameOf(event.peer)}: ${event.what}`
  }
}
