/** What agents ask each other about their histories. Field numbers are for ever. */
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import {
  bool,
  bytes,
  field,
  type Infer,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { runStateOf, runStates } from '../../protocol/work/states.ts'
import { askingLimits, recordLimits, whereLimits } from './limits.ts'
import { AboutRow, PlaceRow, TextRow } from './rows.ts'

export const HISTORY_SERVICE = 'runs/history'

const runId = () => text(stateLimits.runIdBytesMax)
const place = () => text(32 + stateLimits.runIdBytesMax)

/** UTF-8 takes up to three bytes for what counts as one character. */
const whereBytesMax = 3 * whereLimits.sourceLengthMax

export const FilterAsked = message('HistoryFilter', {
  states: repeated(1, uint(), Object.keys(runStates).length),
  name: optional(2, text(stateLimits.stageNameBytesMax)),
  labels: map(
    3,
    text(stateLimits.labelNameBytesMax),
    text(stateLimits.labelValueBytesMax),
    stateLimits.runLabelsMax,
  ),
  sinceMs: optional(4, uint()),
  untilMs: optional(5, uint()),
})

export const Question = union('HistoryQuestion', {
  /** Which of these are kept there for good? */
  held: [1, message('HeldAsked', { runs: repeated(1, runId(), askingLimits.runsAskedMax) })],
  ids: [2, message('IdsAsked', { prefix: field(1, runId()) })],
  place: [3, message('PlaceAsked', { run: field(1, runId()) })],
  piece: [4, message('PieceAsked', { run: field(1, runId()), piece: field(2, uint()) })],
  text: [5, message('TextAsked', { workflow: field(1, text(64)) })],
  textPiece: [
    6,
    message('TextPieceAsked', { workflow: field(1, text(64)), piece: field(2, uint()) }),
  ],
  list: [
    7,
    message('ListAsked', {
      filter: field(1, nested(FilterAsked)),
      where: optional(2, text(whereBytesMax)),
      after: optional(3, place()),
      limit: field(4, uint()),
      nowMs: field(5, uint()),
    }),
  ],
  key: [8, message('KeyAsked', { key: field(1, text(stateLimits.runKeyBytesMax)) })],
})

export const Answer = union('HistoryAnswer', {
  /** Their places in the question. */
  held: [1, message('Held', { indices: repeated(1, uint(), askingLimits.runsAskedMax) })],
  ids: [2, message('Ids', { runs: repeated(1, runId(), askingLimits.idsMax) })],
  place: [3, message('Place', { row: optional(1, nested(PlaceRow)) })],
  piece: [4, message('Piece', { bytes: optional(1, bytes(2 * recordLimits.pieceBytes)) })],
  text: [5, message('Text', { row: optional(1, nested(TextRow)) })],
  list: [
    6,
    message('List', {
      rows: repeated(1, nested(AboutRow), askingLimits.pageItemsMax),
      /** All up to here was looked at; absent: all there is. */
      upTo: optional(2, place()),
      scanned: field(3, uint()),
      /** The expression could not be answered for a run. */
      mistake: optional(4, text(1_024)),
    }),
  ],
  key: [7, message('RunOfKey', { run: optional(1, runId()) })],
  /** The part that answers is not running. */
  closed: [8, message('HistoryClosed', { closed: field(1, bool()) })],
})

/** A name or label that no run can have is asked about by nobody: it does not fit the wire. */
export function askedFilter({
  states,
  name,
  labels,
  sinceMs,
  untilMs,
}: RunFilter): Infer<typeof FilterAsked> {
  return {
    states: (states ?? []).map((state) => runStates[state]),
    ...(name === undefined ? {} : { name }),
    labels: { ...labels },
    ...(sinceMs === undefined ? {} : { sinceMs: wholeTime(sinceMs) }),
    ...(untilMs === undefined ? {} : { untilMs: wholeTime(untilMs) }),
  }
}

export function filterAsked(asked: Infer<typeof FilterAsked>): RunFilter {
  const { states, labels, ...rest } = asked
  const named = states.map(runStateOf).filter((state) => state !== undefined)
  return { ...rest, labels, ...(states.length === 0 ? {} : { states: named }) }
}

function wholeTime(timeMs: number): number {
  return Math.max(0, Math.min(Math.ceil(timeMs), stateLimits.timeMsMax))
}
