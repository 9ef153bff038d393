/** What this host's history answers to other agents. Every answer is bounded. */
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import { BadQuestion } from '../requests/calls.ts'
import { askingLimits } from './limits.ts'
import { fromStore } from './listing.ts'
import { aboutOf } from './rows.ts'
import type { RunStore } from './store.ts'
import { whereOf } from './where.ts'
import { Answer, filterAsked, Question } from './wire.ts'

type Asked = Infer<typeof Question>
type Answered = Infer<typeof Answer>

export interface Serving {
  readonly store: RunStore
  holds(run: string): boolean
}

/** Throws when the question makes no sense: whoever asked hears that it was refused. */
export async function answered(
  serving: Serving | undefined,
  body: Uint8Array,
): Promise<Uint8Array> {
  const question = decode(Question, body)
  if (!question.ok) throw new BadQuestion(`no question about the history: ${question.why}`)
  const answer: Answered =
    serving === undefined
      ? { kind: 'closed', value: { closed: true } }
      : await answerTo(question.value, serving)
  return encode(Answer, answer)
}

async function answerTo(asked: Asked, { store, holds }: Serving): Promise<Answered> {
  switch (asked.kind) {
    case 'held': {
      const indices = asked.value.runs.flatMap((run, i) => (holds(run) ? [i] : []))
      return { kind: 'held', value: { indices } }
    }
    case 'ids': {
      const runs = await store.ids(asked.value.prefix, askingLimits.idsMax)
      return { kind: 'ids', value: { runs } }
    }
    case 'place': {
      const row = await store.place(asked.value.run)
      return { kind: 'place', value: row === undefined ? {} : { row } }
    }
    case 'piece': {
      const { run, piece } = asked.value
      return pieceAnswer(await store.piece(run, piece))
    }
    case 'text': {
      const row = await store.textRow(asked.value.workflow)
      return { kind: 'text', value: row === undefined ? {} : { row } }
    }
    case 'textPiece': {
      const { workflow, piece } = asked.value
      return pieceAnswer(await store.textPiece(workflow, piece))
    }
    case 'key': {
      const run = await store.runOfKey(asked.value.key)
      return { kind: 'key', value: run === undefined ? {} : { run } }
    }
    case 'list':
      return listAnswer(asked.value, store)
  }
}

function pieceAnswer(bytes: Uint8Array | undefined): Answered {
  return { kind: 'piece', value: bytes === undefined ? {} : { bytes } }
}

async function listAnswer(
  { filter, where, after, limit, nowMs }: Extract<Asked, { kind: 'list' }>['value'],
  store: RunStore,
): Promise<Answered> {
  const read = where === undefined ? undefined : whereOf(where)
  if (read?.ok === false) {
    // A newer agent may have functions that this one does not.
    return { kind: 'list', value: { rows: [], scanned: 0, mistake: read.mistake.why } }
  }
  const itemsMax = Math.max(1, Math.min(limit, askingLimits.pageItemsMax))
  const asked = { filter: filterAsked(filter), nowMs, where: read }
  const { items, upTo, scanned, mistake } = await fromStore(store, asked, itemsMax)(after)
  const value = {
    rows: items.map(aboutOf),
    scanned,
    ...(upTo === undefined ? {} : { upTo }),
    ...(mistake === undefined ? {} : { mistake: mistake.slice(0, 300) }),
  }
  return { kind: 'list', value }
}
