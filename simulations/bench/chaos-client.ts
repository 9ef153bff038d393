/**
 * A client that never rests for long: it reads, writes, compares and deletes through whichever agent
 * it likes, and notes what it was told. What it has appended to its own list, it numbers.
 */
import { below, type Entropy, pick } from '../../protocol/ports/entropy.ts'
import type { NoAckedLost } from '../checkers/no-acked-lost.ts'
import type { Operation, Outcome, RegisterOp } from '../checkers/operations.ts'
import type { Violation } from '../checkers/violation.ts'
import type { ListAnswer, ListQuestion, Question } from './chaos-door.ts'

const KEYS = 8
/** New keys from time to time, so that no key has a history too long to search. */
const KEY_EPOCH_MS = 5_000
const THINK_MAX_MS = 30
/** What an agent is given to answer; and then a little more, before it is not waited for. */
const ANSWER_TIMEOUT_MIN_MS = 300
const ANSWER_TIMEOUT_MAX_MS = 4_000
const GRACE_MS = 300
const LIST_TIMEOUT_MS = 5_000

export interface Notes {
  readonly operations: Operation[]
  readonly acked: NoAckedLost
  readonly counts: { done: number; refused: number; unknown: number }
  /** When writes were acknowledged. */
  readonly commitsMs: number[]
  readonly violations: Violation[]
}

export class ChaosClient {
  private readonly doors: readonly string[]
  private readonly notes: Notes
  private readonly entropy: Entropy
  private readonly id: number
  private readonly known = new Map<string, number>()
  private writes = 0
  private appends = 0
  /** As the history knows it: whoever does not know what became of something is someone else after. */
  private number: number
  private stopped = false

  constructor(id: number, doors: readonly string[], notes: Notes, entropy: Entropy) {
    this.id = id
    this.number = id
    this.doors = doors
    this.notes = notes
    this.entropy = entropy
  }

  stop(): void {
    this.stopped = true
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      if (this.entropy.unit() < 0.15) await this.append()
      else await this.operate()
      const thinkMs = this.entropy.unit() * THINK_MAX_MS
      await new Promise((resolve) => setTimeout(resolve, thinkMs))
    }
  }

  private async operate(): Promise<void> {
    const epoch = Math.floor(performance.now() / KEY_EPOCH_MS)
    const key = `k${epoch}-${below(this.entropy, KEYS)}`
    const op = this.someOp(key)
    const client = this.number
    const invokedAt = performance.now()
    const outcome = await this.ask(key, op)
    this.notes.operations.push({
      client,
      key,
      op,
      invokedAt,
      returnedAt: outcome.kind === 'unknown' ? undefined : performance.now(),
      outcome,
    })
    if (outcome.kind === 'unknown') this.number += 1_000
    if ('revision' in outcome && outcome.revision !== undefined)
      this.known.set(key, outcome.revision)
  }

  private someOp(key: string): RegisterOp {
    const draw = this.entropy.unit()
    if (draw < 0.45) return { kind: 'get' }
    const compares = this.entropy.unit() < 0.4
    const expect = compares ? { expect: this.known.get(key) ?? 0 } : {}
    if (draw < 0.92) return { kind: 'put', value: `${this.id}-${++this.writes}`, ...expect }
    return { kind: 'delete', ...expect }
  }

  /** To a list that only grows: each item once, under its number. */
  private async append(): Promise<void> {
    const serial = ++this.appends
    const op: RegisterOp = { kind: 'put', value: 'x', expect: 0 }
    const outcome = await this.ask(itemKey(this.id, serial), op)
    const proposal = { client: this.id, serial }
    const { acked, violations } = this.notes
    const wrong =
      outcome.kind === 'ok'
        ? acked.observeAcked(proposal)
        : outcome.kind === 'refused'
          ? acked.observeRefused(proposal)
          : undefined
    if (wrong) violations.push(wrong)
  }

  private async ask(key: string, op: RegisterOp): Promise<Outcome> {
    const { counts, commitsMs } = this.notes
    const span = ANSWER_TIMEOUT_MAX_MS - ANSWER_TIMEOUT_MIN_MS
    const timeoutMs = Math.round(ANSWER_TIMEOUT_MIN_MS + this.entropy.unit() * span)
    const door = pick(this.entropy, this.doors) as string
    const outcome = await askDoor(door, { key, op, timeoutMs })
    if (outcome.kind === 'unknown') counts.unknown++
    else if (outcome.kind === 'refused') counts.refused++
    else counts.done++
    if (outcome.kind === 'ok') commitsMs.push(performance.now())
    return outcome
  }
}

async function askDoor(door: string, question: Question): Promise<Outcome> {
  try {
    return (await post(door, question, question.timeoutMs + GRACE_MS)) as Outcome
  } catch (error) {
    if (!isSilence(error)) throw error
    const { cause } = error as { cause?: { code?: string } }
    // Nobody there to hear it; and a read that is not answered says nothing at all.
    const unheard = cause?.code === 'ECONNREFUSED' || question.op.kind === 'get'
    return { kind: unheard ? 'refused' : 'unknown' }
  }
}

/** It broke off, or nothing came in time: what `fetch` throws for that, and for nothing else. */
function isSilence(error: unknown): error is Error {
  return (
    error instanceof Error &&
    ((error instanceof TypeError && 'cause' in error) || error.name === 'TimeoutError')
  )
}

async function post(door: string, question: Question | ListQuestion, ms: number): Promise<unknown> {
  const body = JSON.stringify(question)
  const response = await fetch(door, { method: 'POST', body, signal: AbortSignal.timeout(ms) })
  return response.json()
}

const ITEMS = 'item/'

function itemKey(client: number, serial: number): string {
  return `${ITEMS}${client}/${serial}`
}

/** Everything that was ever appended, as one agent has it. */
export async function itemsAt(door: string): Promise<{ client: number; serial: number }[]> {
  const items: { client: number; serial: number }[] = []
  let after: string | undefined
  do {
    const question = { prefix: ITEMS, timeoutMs: LIST_TIMEOUT_MS, ...(after ? { after } : {}) }
    const page = (await post(door, question, LIST_TIMEOUT_MS + GRACE_MS)) as ListAnswer
    for (const key of page.keys) {
      const [, client, serial] = key.split('/')
      items.push({ client: Number(client), serial: Number(serial) })
    }
    after = page.next
  } while (after !== undefined)
  return items
}
