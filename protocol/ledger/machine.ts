/**
 * Entries in, states out: the one function that all replicas must agree on.
 *
 * An entry is empty (a leader's no-op), or a byte with the ledger version that it was written for
 * and a `Proposal`. What a replica does with one that it does not understand:
 * - written for a version that is not agreed: refused as `notAgreed`, by all replicas alike, for the
 *   agreed version is in the state;
 * - of a kind unknown, or known but of a later version than the entry says, or with fields that this
 *   kind does not have: refused as `malformed`, by old and new replicas alike;
 * - an agreement on a version that this program does not support: it stops. It cannot follow without
 *   diverging, and its state stays as it was, whole and right, for a newer program to go on from.
 */
import { AssertionFailed } from '../assert.ts'
import { decodeWhole, encodeBriefly } from '../wire/codec.ts'
import { quick } from '../wire/quick.ts'
import { field, message, nested, optional, type Schema, uint } from '../wire/schema.ts'
import { catalogue } from './catalogue.ts'
import { type Catalogue, type CommandOf, commandSchema, kindOf } from './commands/kind.ts'
import { admit, type Numbered, remember } from './commands/sessions.ts'
import { eventsIn, type LedgerEvent, type Telling } from './events.ts'
import { type StateLimits, stateLimits } from './limits.ts'
import type { Result, ResultCode } from './result.ts'
import { LEDGER_VERSION, type LedgerState } from './state.ts'
import { Transaction } from './transaction.ts'

/** A committed entry. The bytes are the ledger's from here on: nobody may write to them. */
export interface CommittedEntry {
  readonly index: number
  readonly term: number
  readonly payload: Uint8Array
}

/** What became of one entry. */
export interface Outcome {
  readonly result: Result
  readonly told: readonly Telling[]
  /** The command had been applied before: this is the answer from then. */
  readonly repeated: boolean
}

/** This replica can go no further. `state` is the one before the entry. */
export interface Stopped {
  readonly kind: 'stopped'
  readonly state: LedgerState
  readonly why: 'ledgerVersionUnsupported'
  readonly needs: number
  readonly supports: number
}

export type AppliedRun = { readonly kind: 'applied'; readonly state: LedgerState } | Stopped
export type Applied =
  | ({
      readonly kind: 'applied'
      readonly state: LedgerState
      readonly events: readonly LedgerEvent[]
    } & Omit<Outcome, 'told'>)
  | Stopped

/** What the proposing leader adds to a command. */
export interface Stamp {
  readonly timeMs: number
  readonly numbered?: Numbered
}

export type Sealed =
  | { ok: true; payload: Uint8Array }
  | { ok: false; code: 'tooLarge' | 'malformed'; why: string }

interface Proposal<C> {
  timeMs: number
  session?: number
  serial?: number
  acked?: number
  command: C
}

interface AnyCommand {
  kind: string
  value: unknown
}

const nothing: readonly Telling[] = []

export class Machine<C extends Catalogue = typeof catalogue> {
  private readonly kinds: C
  private readonly supports: number
  private readonly limits: StateLimits
  private readonly schema: Schema<Proposal<AnyCommand>>

  constructor(kinds: C, supports: number, limits: StateLimits) {
    this.kinds = kinds
    this.supports = supports
    this.limits = limits
    const command = nested(commandSchema('Command', kinds))
    // Frozen for all versions to come.
    const proposal = message('Proposal', {
      timeMs: field(1, uint()),
      session: optional(2, uint()),
      serial: optional(3, uint()),
      acked: optional(4, uint()),
      command: field(5, command),
    }) as Schema<Proposal<AnyCommand>>
    this.schema = quick(proposal, (reader) => {
      if (!reader.comes(0x08)) return undefined
      const timeMs = reader.uint()
      if (!reader.comes(0x2a)) return undefined
      return { timeMs, command: command.read(reader) }
    })
  }

  /** The payload of the entry to propose, written for the lowest version that knows the command. */
  seal(command: CommandOf<C>, { timeMs, numbered }: Stamp): Sealed {
    try {
      const bytes = encodeBriefly(this.schema, { timeMs, ...numbered, command })
      if (bytes.length >= this.limits.entryBytesMax) return tooLarge(this.limits)
      const payload = new Uint8Array(1 + bytes.length)
      payload[0] = kindOf(this.kinds, command.kind).needs(command.value)
      payload.set(bytes, 1)
      return { ok: true, payload }
    } catch (error) {
      // The codec takes a value that its schema has no room for as a bug; here it may be a person's.
      if (!(error instanceof AssertionFailed)) throw error
      return { ok: false, code: 'malformed', why: error.message }
    }
  }

  /** Entries come in order, each once. Throws only for one that does not follow: a driver's bug. */
  apply(state: LedgerState, entry: CommittedEntry): Applied {
    const outcomes: Outcome[] = []
    const run = this.applyAll(state, [entry], (_, outcome) => outcomes.push(outcome))
    if (run.kind === 'stopped') return run
    const { told, ...rest } = outcomes[0] as Outcome
    return { ...run, ...rest, events: told.flatMap(eventsIn) }
  }

  /**
   * The same for many, at less cost than one by one. `each` is told of every one that took place, as
   * soon as it has; what it is given it may look at until it returns.
   */
  applyAll(
    state: LedgerState,
    entries: readonly CommittedEntry[],
    each: (tx: Transaction, outcome: Outcome) => void,
  ): AppliedRun {
    if (entries.length === 0) return { kind: 'applied', state }
    if (state.version > this.supports) return this.stopped(state, state.version)
    const tx = new Transaction(state, this.limits)
    for (const [at, { index, term, payload }] of entries.entries()) {
      tx.begin(index, term)
      const outcome = this.take(tx, payload)
      if (tx.version > this.supports) {
        // What this entry has done is not to be: the state before it is made again.
        const before = this.applyAll(state, entries.slice(0, at), () => {})
        return this.stopped(before.state, tx.version)
      }
      each(tx, outcome)
    }
    return { kind: 'applied', state: tx.finish() }
  }

  private take(tx: Transaction, payload: Uint8Array): Outcome {
    if (payload.length === 0) return unchanged({ code: 'ok', revision: tx.index })
    const proposal = this.read(payload, tx.version)
    if (typeof proposal === 'string') return unchanged({ code: proposal })
    tx.passTo(proposal.timeMs)
    const { result, repeated } = this.run(tx, proposal)
    return { result, told: tx.tellings, repeated }
  }

  private run(
    tx: Transaction,
    proposal: Proposal<AnyCommand>,
  ): { result: Result; repeated: boolean } {
    const { session, serial, acked, command } = proposal
    const { apply } = kindOf(this.kinds, command.kind)
    if (session === undefined || serial === undefined || acked === undefined) {
      return { result: apply(tx, command.value), repeated: false }
    }
    const numbered = { session, serial, acked }
    const admission = admit(tx, numbered)
    if (admission.kind !== 'fresh') {
      return { result: admission.result, repeated: admission.kind === 'repeated' }
    }
    const result = apply(tx, command.value)
    remember(tx, admission.row, numbered, result)
    return { result, repeated: false }
  }

  private stopped(state: LedgerState, needs: number): Stopped {
    const { supports } = this
    return { kind: 'stopped', state, why: 'ledgerVersionUnsupported', needs, supports }
  }

  /** The proposal in a payload, or why it is refused: the same on every replica of every version. */
  private read(payload: Uint8Array, agreed: number): Proposal<AnyCommand> | ResultCode {
    const version = payload[0] as number
    if (version > agreed) return 'notAgreed'
    if (payload.length > this.limits.entryBytesMax) return 'malformed'
    // Not a word that is skipped here: a newer replica might read it, and diverge.
    const proposal = decodeWhole(this.schema, payload, 1)
    if (proposal === undefined) return 'malformed'
    const { kind, value } = proposal.command
    const { needs, place } = kindOf(this.kinds, kind)
    if (needs(value) > version || proposal.timeMs > this.limits.timeMsMax) return 'malformed'
    return isNumberedRightly(proposal, place === 'alone') ? proposal : 'malformed'
  }
}

function isNumberedRightly({ session, serial, acked }: Proposal<unknown>, alone: boolean): boolean {
  if (session === undefined && serial === undefined && acked === undefined) return true
  if (alone || session === undefined || serial === undefined || acked === undefined) return false
  return acked < serial
}

function unchanged(result: Result): Outcome {
  return { result, told: nothing, repeated: false }
}

function tooLarge({ entryBytesMax }: StateLimits): Sealed {
  const why = `a command must take less than ${entryBytesMax} bytes`
  return { ok: false, code: 'tooLarge', why }
}

/** The one that production runs. */
export const machine = new Machine(catalogue, LEDGER_VERSION, stateLimits)
