/** What voters say to each other, in one line each: the kind, the term, then what it says. */
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import type { ChunkOrder, Envelope } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import {
  describeEntries,
  describePosition,
  describeSnapshot,
  describeTerm,
  type NameOf,
} from './entries.ts'

type Append = Extract<RaftFrame, { kind: 'append' }>['value']
type AppendAnswer = Extract<RaftFrame, { kind: 'appendAnswer' }>['value']

export function describeMessage(message: RaftFrame, nameOf: NameOf): string {
  const said = saidIn(message, nameOf)
  const head = `${message.kind} ${describeTerm(message.value.term)}`
  return said === '' ? head : `${head} ${said}`
}

/** With who says it to whom. */
export function describeTravel(
  from: PeerId,
  to: PeerId,
  message: RaftFrame,
  nameOf: NameOf,
): string {
  return `${nameOf(from)}->${nameOf(to)} ${describeMessage(message, nameOf)}`
}

export function describeEnvelope(from: PeerId, { to, frame }: Envelope, nameOf: NameOf): string {
  return describeTravel(from, to, frame, nameOf)
}

/** The bytes are still on the disk; what is to be sent is known. */
export function describeChunkOrder(from: PeerId, order: ChunkOrder, nameOf: NameOf): string {
  const { to, term, snapshot, offset, length } = order
  const bytes = `bytes ${offset}+${length} of ${describeSnapshot(snapshot, nameOf)}`
  return `${nameOf(from)}->${nameOf(to)} snapshotChunk ${describeTerm(term)} ${bytes}`
}

function saidIn(message: RaftFrame, nameOf: NameOf): string {
  switch (message.kind) {
    case 'preVoteRequest':
    case 'voteRequest': {
      const { lastIndex, lastTerm } = message.value
      const handover = message.kind === 'voteRequest' && message.value.handover
      const last = describePosition({ index: lastIndex, term: lastTerm })
      return `log to ${last}${handover ? ', handover' : ''}`
    }
    case 'preVoteAnswer':
    case 'voteAnswer':
      return message.value.granted ? 'granted' : 'refused'
    case 'append':
      return appended(message.value, nameOf)
    case 'appendAnswer':
      return answered(message.value)
    case 'commitNotice':
      return `commit ${message.value.commit}`
    case 'heartbeat':
      return `round ${message.value.round} commit ${message.value.commit}`
    case 'heartbeatAnswer':
      return `round ${message.value.round} verified ${message.value.verified}`
    case 'snapshotChunk': {
      const { offset, data, snapshot } = message.value
      return `bytes ${offset}+${data.length} of ${describeSnapshot(snapshot, nameOf)}`
    }
    case 'chunkAnswer': {
      const { snapshotIndex, nextOffset, gap } = message.value
      return `holds ${nextOffset} bytes of snapshot ${snapshotIndex}${gap ? ', gap' : ''}`
    }
    case 'timeoutNow':
      return ''
    case 'readRequest':
      return `read ${message.value.id}`
    case 'readAnswer': {
      const { id, index } = message.value
      return `read ${id} ${index === undefined ? 'cannot be answered' : `at ${index}`}`
    }
  }
}

function appended({ prevIndex, prevTerm, commit, entries }: Append, nameOf: NameOf): string {
  const after = describePosition({ index: prevIndex, term: prevTerm })
  const what = entries.length === 0 ? 'nothing' : describeEntries(entries, prevIndex + 1, nameOf)
  return `after ${after} commit ${commit}: ${what}`
}

function answered({ accepted, index, hintIndex, hintTerm, lost }: AppendAnswer): string {
  if (accepted) return `holds ${index}`
  const hint = describePosition({ index: hintIndex, term: hintTerm })
  return `refused after ${index}, try ${hint}${lost ? ', disk has lost entries' : ''}`
}
