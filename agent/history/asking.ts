/**
 * What other agents' histories say. Whoever does not answer in time, or nonsense, has said nothing;
 * what is fetched from them is looked at before it is believed to be a run.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import { canonicalHash } from '../../protocol/workflow/canonical.ts'
import type { Calls } from '../requests/calls.ts'
import { gathered, runFrom, textFrom } from './gathering.ts'
import { askingLimits, recordLimits } from './limits.ts'
import type { Source } from './listing.ts'
import { itemOf, placeOf } from './rows.ts'
import { Answer, askedFilter, HISTORY_SERVICE, Question } from './wire.ts'

type Asked = Infer<typeof Question>
type Answered = Infer<typeof Answer>
type Answers = { [A in Answered as A['kind']]: A['value'] }

export class Others {
  readonly #calls: Calls
  readonly #peers: () => readonly PeerId[]

  /** `peers` are those that may have a history, the likeliest first. */
  constructor(calls: Calls, peers: () => readonly PeerId[]) {
    this.#calls = calls
    this.#peers = peers
  }

  peers(): readonly PeerId[] {
    return this.#peers().slice(0, askingLimits.peersMax)
  }

  /** Which of the runs that agent keeps for good; undefined when it does not say. */
  async held(peer: PeerId, runs: readonly string[]): Promise<Set<string> | undefined> {
    const question: Asked = { kind: 'held', value: { runs: [...runs] } }
    const answer = await this.#ask(peer, question, 'held')
    return answer && new Set(answer.indices.flatMap((i) => runs[i] ?? []))
  }

  /** Ids that begin so, of all who answer. */
  async ids(prefix: string): Promise<Set<string>> {
    const question: Asked = { kind: 'ids', value: { prefix } }
    const answers = await this.#askAll(question, 'ids')
    return new Set(answers.flatMap(({ runs }) => runs))
  }

  async runOfKey(key: string): Promise<string | undefined> {
    const answers = await this.#askAll({ kind: 'key', value: { key } }, 'key')
    return answers.find(({ run }) => run !== undefined)?.run
  }

  /** The run from the first who has it whole. */
  async run(run: string): Promise<RunView | undefined> {
    for (const peer of this.peers()) {
      const answer = await this.#ask(peer, { kind: 'place', value: { run } }, 'place')
      const { pieces = 0 } = answer?.row ?? {}
      if (pieces === 0 || pieces > recordLimits.piecesMax) continue
      const view = runFrom(
        await gathered(pieces, (piece) =>
          this.#piece(peer, { kind: 'piece', value: { run, piece } }),
        ),
      )
      if (view?.run === run) return view
    }
    return undefined
  }

  /** The text of a workflow. It is right by its hash. */
  async workflow(hash: string): Promise<string | undefined> {
    for (const peer of this.peers()) {
      const question: Asked = { kind: 'text', value: { workflow: hash } }
      const answer = await this.#ask(peer, question, 'text')
      const { pieces = 0 } = answer?.row ?? {}
      if (pieces === 0 || pieces > recordLimits.piecesMax) continue
      const text = textFrom(
        await gathered(pieces, (piece) =>
          this.#piece(peer, { kind: 'textPiece', value: { workflow: hash, piece } }),
        ),
      )
      if (text !== undefined && canonicalHash(text) === hash) return text
    }
    return undefined
  }

  /** What that agent keeps, as a source of a list. */
  source(
    peer: PeerId,
    filter: RunFilter,
    where: string | undefined,
    { limit, nowMs }: { limit: number; nowMs: number },
  ): Source {
    const common = {
      filter: askedFilter(filter),
      limit: Math.min(limit, askingLimits.pageItemsMax),
      nowMs,
      ...(where === undefined ? {} : { where }),
    }
    return async (after) => {
      const value = { ...common, ...(after === undefined ? {} : { after }) }
      const answer = await this.#ask(peer, { kind: 'list', value }, 'list')
      if (answer === undefined) throw new Error(`${peer} did not say what it keeps`)
      const items = answer.rows.flatMap((row) => itemOf(row) ?? [])
      const { upTo, scanned, mistake } = answer
      if (!isInOrder(after ?? '', items.map(placeOf), upTo)) {
        throw new Error(`${peer} tells of runs out of order`)
      }
      return { items, upTo, scanned, mistake }
    }
  }

  async #piece(peer: PeerId, question: Asked): Promise<Uint8Array | undefined> {
    return (await this.#ask(peer, question, 'piece'))?.bytes
  }

  async #askAll<K extends keyof Answers>(question: Asked, kind: K): Promise<Answers[K][]> {
    const answers: Answers[K][] = []
    const asking = this.peers().map(async (peer) => {
      const answer = await this.#ask(peer, question, kind)
      if (answer !== undefined) answers.push(answer)
    })
    await Promise.all(asking)
    return answers
  }

  async #ask<K extends keyof Answers>(
    peer: PeerId,
    question: Asked,
    kind: K,
  ): Promise<Answers[K] | undefined> {
    const body = encode(Question, question)
    const result = await this.#calls.ask(peer, HISTORY_SERVICE, body, askingLimits.answerMs)
    if (!result.ok) return undefined
    const answer = decode(Answer, result.body)
    if (!answer.ok || answer.value.kind !== kind) return undefined
    return answer.value.value as Answers[K]
  }
}

/** Each after the one before, and a page leads further. */
function isInOrder(after: string, places: readonly string[], upTo: string | undefined): boolean {
  const rising = places.every((place, i) => place > (places[i - 1] ?? after))
  return rising && (upTo === undefined || (upTo > after && upTo >= (places.at(-1) ?? after)))
}
