/** What agents ask a leader to append, and what it answers. */

import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Command, catalogue } from '../../protocol/ledger/catalogue.ts'
import { commandSchema } from '../../protocol/ledger/commands/kind.ts'
import type { Numbered } from '../../protocol/ledger/commands/sessions.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import { resultCodeOf, resultCodes } from '../../protocol/ledger/result.ts'
import { decode, encodeBriefly } from '../../protocol/wire/codec.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import {
  bool,
  bytes,
  field,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { appendsPerFrameMax } from './limits.ts'

export const APPEND_SERVICE = 'ledger/append'

const PEER_ID_BYTES_MAX = 128
const DETAIL_BYTES_MAX = 1_024
/** A signed command with its credential takes about 1 KiB. */
const PROOF_BYTES_MAX = 8 * 1_024

const Item = message('AppendItem', {
  command: field(1, nested(commandSchema('Command', catalogue))),
  session: optional(2, uint()),
  serial: optional(3, uint()),
  acked: optional(4, uint()),
  proof: optional(5, bytes(PROOF_BYTES_MAX)),
})

/** Many at once, each for itself: one that is refused says nothing about the others. */
const AppendRequest = message('AppendRequest', {
  timeoutMs: field(1, uint()),
  items: repeated(2, nested(Item), appendsPerFrameMax),
})

const ItemAnswer = message('AppendItemAnswer', {
  /** `applied`, or the reason of a refusal. */
  outcome: field(1, text(64)),
  leader: optional(2, text<PeerId>(PEER_ID_BYTES_MAX)),
  detail: optional(3, text(DETAIL_BYTES_MAX)),
  index: optional(4, uint()),
  code: optional(5, uint()),
  revision: optional(6, uint()),
  item: optional(7, uint()),
  more: optional(8, bool()),
  repeated: optional(9, bool()),
})

const AppendAnswer = message('AppendAnswer', {
  items: repeated(1, nested(ItemAnswer), appendsPerFrameMax),
})

/** A command on its way, with what makes it safe to say it twice. */
export interface Wanted {
  readonly command: Command
  readonly numbered: Numbered | undefined
  /** What a person has signed for it. */
  readonly proof?: Uint8Array | undefined
}

export function encodeRequest(wanted: readonly Wanted[], timeoutMs: number): Uint8Array {
  const items = wanted.map(({ command, numbered, proof }) => ({
    command,
    ...numbered,
    ...(proof === undefined ? {} : { proof }),
  }))
  return encodeBriefly(AppendRequest, { timeoutMs: Math.ceil(timeoutMs), items })
}

export function decodeRequest(
  packed: Uint8Array,
): { timeoutMs: number; wanted: Wanted[] } | undefined {
  const read = decode(AppendRequest, packed)
  if (!read.ok) return undefined
  const wanted = read.value.items.map(({ command, session, serial, acked, proof }) => {
    const whole = session !== undefined && serial !== undefined && acked !== undefined
    const numbered = whole ? { session, serial, acked } : undefined
    return { command: command as Command, numbered, proof }
  })
  return { timeoutMs: read.value.timeoutMs, wanted }
}

export function encodeOutcomes(outcomes: readonly Appended[]): Uint8Array {
  return encodeBriefly(AppendAnswer, { items: outcomes.map(answerOf) })
}

function answerOf(appended: Appended): Infer<typeof ItemAnswer> {
  if (appended.kind === 'applied') {
    const { index, repeated, result } = appended
    const { code, ...rest } = result
    return { outcome: 'applied', index, repeated, code: resultCodes[code], ...rest }
  }
  const leader = appended.why === 'notLeader' ? appended.leader : undefined
  const detail = 'detail' in appended ? appended.detail.slice(0, DETAIL_BYTES_MAX / 3) : undefined
  return {
    outcome: appended.why,
    ...(leader === undefined ? {} : { leader }),
    ...(detail === undefined ? {} : { detail }),
  }
}

/** Undefined for what is no answer to so many. */
export function decodeOutcomes(packed: Uint8Array, count: number): Appended[] | undefined {
  const read = decode(AppendAnswer, packed)
  if (!read.ok || read.value.items.length !== count) return undefined
  return read.value.items.map(outcomeOf)
}

/** What a leader cannot say of itself counts as unknown. */
function outcomeOf({
  outcome,
  leader,
  detail,
  index,
  code,
  repeated,
  ...rest
}: Infer<typeof ItemAnswer>): Appended {
  const resultCode = code === undefined ? undefined : resultCodeOf(code)
  if (outcome === 'applied' && index !== undefined && resultCode !== undefined) {
    const result = { code: resultCode, ...rest }
    return { kind: 'applied', index, repeated: repeated ?? false, result }
  }
  if (outcome === 'notLeader') return { kind: 'refused', why: outcome, leader }
  if (outcome === 'overloaded' || outcome === 'full') return { kind: 'refused', why: outcome }
  if (outcome === 'tooLarge' || outcome === 'malformed' || outcome === 'notSigned')
    return { kind: 'refused', why: outcome, detail: detail ?? '' }
  return { kind: 'unknown', why: 'leaderLost' }
}
