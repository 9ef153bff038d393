/**
 * Writes emergency stops into the ledger, in time or when it can be reached again: whoever leads
 * writes what it knows and the ledger does not, each word with its line in the audit log, and, when
 * all have, who has obeyed it. Nothing of a stop waits for this.
 */
import type { OwnAnswer } from '../../protocol/estop/answers.ts'
import type { EstopCore } from '../../protocol/estop/core.ts'
import type { HeardWord } from '../../protocol/estop/latch.ts'
import { scopeText } from '../../protocol/estop/scope.ts'
import { type StopSaying, StopWord } from '../../protocol/estop/word.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { fitting } from '../work/texts.ts'
import { estopDriverLimits } from './limits.ts'

export interface RecordingParts {
  clock: Clock
  log: Log
  self: PeerId
  core(): EstopCore
  leads(): boolean
  state(): LedgerState
  /** The code of the result, or why there is none. */
  append(command: Command, timeoutMs: number): Promise<string>
  nameOf(peer: PeerId): string
  alive(): readonly PeerId[]
}

export class StopRecording {
  readonly #parts: RecordingParts
  /** Words of which it was written who has obeyed them, while this host leads. */
  readonly #noted = new Set<string>()
  /** Words of which that is still to be written: also of a stop that was released meanwhile. */
  readonly #open = new Map<string, HeardWord>()
  #timer: Timer | undefined
  #busy = false

  constructor(parts: RecordingParts) {
    this.#parts = parts
  }

  /** Something is known that the ledger may not know. */
  look(): void {
    this.#timer ??= this.#parts.clock.every(estopDriverLimits.recordMs, () => this.look())
    if (!this.#parts.leads()) {
      this.#noted.clear()
      this.#open.clear()
      return
    }
    if (this.#busy) return
    this.#busy = true
    void this.#write().finally(() => {
      this.#busy = false
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #write(): Promise<void> {
    const words = this.#parts.core().latch.words()
    for (const word of words.sort((a, b) => a.saying.epoch - b.saying.epoch)) {
      if (this.#noted.has(word.id) || this.#open.has(word.id)) continue
      const isWritten = this.#isWritten(word)
      // A release stays known for ever, and each new leader would tell again who has obeyed it.
      const isOld = isWritten && word.saying.act === 'release'
      if (isOld) this.#noted.add(word.id)
      else if (isWritten || (await this.#append(recordOf(word)))) this.#open.set(word.id, word)
    }
    for (const word of [...this.#open.values()]) await this.#note(word)
  }

  #isWritten({ saying: { scope, epoch } }: HeardWord): boolean {
    const { value } = read(this.#parts.state(), { kind: 'estopGet', scope: scopeText(scope) })
    return value !== undefined && value.epoch >= epoch
  }

  /** Who has obeyed, once all have who are alive. */
  async #note({ id, saying }: HeardWord): Promise<void> {
    if (this.#parts.core().own(id) === undefined) this.#open.delete(id)
    const { self, nameOf, alive } = this.#parts
    const core = this.#parts.core()
    const own = core.own(id)
    const answers = core.answersFor(id)
    const isAll =
      own?.state === 'done' && alive().every((peer) => answers.get(peer)?.state === 'done')
    if (!isAll) return
    const told = [[self, own] as const, ...answers].map(
      ([peer, answer]) => `${nameOf(peer)} ${inWords(answer)}`,
    )
    const isWritten = await this.#append({
      kind: 'auditAppend',
      value: {
        actor: self,
        from: nameOf(self),
        verb: verbOf(saying),
        object: objectOf(saying),
        reason: fitting(saying.reason, stateLimits.noteBytesMax),
        detail: fitting(told.join(', '), stateLimits.auditDetailBytesMax),
        outcome: 'obeyed by all that are alive',
      },
    })
    if (!isWritten) return
    this.#noted.add(id)
    this.#open.delete(id)
  }

  async #append(command: Command): Promise<boolean> {
    const said = await this.#parts.append(command, estopDriverLimits.appendTimeoutMs)
    if (said === 'ok') return true
    this.#parts.log.debug('an emergency stop is not in the ledger yet', { why: said })
    // A word that the ledger has a later one for, or nothing to release: it is past.
    return said === 'stale' || said === 'notFound'
  }
}

function inWords({ killed, tookMs }: OwnAnswer): string {
  return `after ${tookMs} ms, ${killed} killed`
}

function recordOf({ saying, word, by }: HeardWord): Command {
  const proof = encode(StopWord, word)
  const actor = fitting(by, stateLimits.noteBytesMax)
  const reason = fitting(saying.reason, stateLimits.noteBytesMax)
  const value = {
    scope: scopeText(saying.scope),
    epoch: saying.epoch,
    by: actor,
    reason,
    ...(proof.length > stateLimits.estopProofBytesMax ? {} : { proof }),
  }
  const command =
    saying.act === 'raise'
      ? { kind: 'estopRaise' as const, value: { ...value, mode: saying.mode } }
      : { kind: 'estopReset' as const, value }
  const audit = { actor, verb: verbOf(saying), object: objectOf(saying), reason }
  return { kind: 'batch', value: { commands: [command], audit } }
}

function verbOf({ act }: StopSaying): string {
  return act === 'raise' ? 'estop.raise' : 'estop.release'
}

function objectOf({ scope, epoch }: StopSaying): string {
  return `${scopeText(scope)} #${epoch}`
}
