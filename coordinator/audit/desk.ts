/**
 * Where acts and decisions are handed in to be written into the audit log. What the ledger cannot
 * take now, because nobody can decide anything on this side of a partition, waits on this disk, over
 * restarts as well, and is written when it can be, with the time at which it happened.
 *
 * An act that is itself a command to the ledger should take its note along in the same entry
 * (`Trail`): then there is no deed without its record. This is for all others.
 */
import type { Agent } from '../../agent/agent.ts'
import { TokenBucket } from '../../agent/token-bucket.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import { within } from '../../protocol/ports/disk.ts'
import { formatTimestamp } from '../../protocol/workflow/expressions/calendar.ts'
import { type Deed, fitted } from './deed.ts'
import { auditLimits } from './limits.ts'

const PREFIX = 'audit/waiting/'
const keyOf = (number: number) => `${PREFIX}${String(number).padStart(15, '0')}`

/** As it waits on the disk. */
interface Kept extends Deed {
  readonly signed?: string
}

export type Recorded = 'written' | 'waiting' | 'lost'

export class AuditDesk {
  readonly #agent: Agent
  readonly #refusals: TokenBucket
  /** Refusals that were not written one by one since the last that was. */
  #untold = 0
  /** Numbers of those that wait, in order; undefined until the disk was read. */
  #waiting: number[] | undefined
  #next = 1
  #lost = 0
  #timer: Timer | undefined
  #flushing = false
  #stopped = true

  constructor(agent: Agent) {
    this.#agent = agent
    const { refusalsPerSecond, refusalsAtOnce } = auditLimits
    this.#refusals = new TokenBucket(refusalsPerSecond, refusalsAtOnce, agent.ports.clock.now())
  }

  async start(): Promise<void> {
    this.#stopped = false
    await this.#load()
    this.#plan()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** How many wait for the ledger. */
  get waiting(): number {
    return this.#waiting?.length ?? 0
  }

  /**
   * Resolves when it is in the ledger, or on this disk to be written later. Never rejects. `proof`:
   * what the person has signed for it, without whom it is written as what this host says.
   */
  async record(deed: Deed, proof?: Uint8Array): Promise<Recorded> {
    const whole = fitted(deed)
    // What waits is older, and goes first.
    if (this.waiting === 0 && (await this.#append(whole, proof))) return 'written'
    return this.#keep(whole, proof)
  }

  /** Of somebody who was turned away. When there are too many of them, they are counted instead. */
  async recordRefusal(deed: Deed, proof?: Uint8Array): Promise<void> {
    if (!this.#refusals.take(1, this.#agent.ports.clock.now())) {
      this.#untold++
      return
    }
    const untold = this.#untold
    this.#untold = 0
    const more = untold === 0 ? [] : [`${untold} more were refused before this one`]
    const detail = [deed.detail, ...more].filter((part) => part !== undefined).join('; ')
    await this.record(detail === '' ? deed : { ...deed, detail }, proof)
  }

  async #append(value: Deed, proof: Uint8Array | undefined): Promise<boolean> {
    const { ledger } = this.#agent
    const timeoutMs = auditLimits.appendTimeoutMs
    const outcome = await ledger.append({ kind: 'auditAppend', value }, { timeoutMs, proof })
    // One whose fate is unknown is written again rather than perhaps not at all.
    return outcome.kind === 'applied' && outcome.result.code === 'ok'
  }

  async #keep(deed: Deed, proof: Uint8Array | undefined): Promise<Recorded> {
    const { clock, disk, log } = this.#agent.ports
    if (this.#waiting === undefined) await this.#load()
    const waiting = this.#waiting ?? []
    if (waiting.length >= auditLimits.waitingMax) return this.#lose(deed)
    const number = this.#next++
    waiting.push(number)
    const happened = `happened ${formatTimestamp(clock.wall())}`
    const late = fitted({ ...deed, detail: [happened, deed.detail].filter(Boolean).join('; ') })
    try {
      const signed = proof && Buffer.from(proof).toString('base64url')
      const value = new TextEncoder().encode(JSON.stringify({ ...late, signed }))
      await disk.write([{ put: keyOf(number), value }], { durable: true })
    } catch (error) {
      waiting.splice(waiting.indexOf(number), 1)
      log.child('audit').error('an act is not written down', { why: String(error) })
      return this.#lose(deed)
    }
    this.#plan()
    return 'waiting'
  }

  #lose({ actor, verb, object, outcome }: Deed): Recorded {
    this.#lost++
    this.#agent.ports.log.child('audit').error('an act is not in the audit log', {
      actor,
      verb,
      object,
      outcome,
    })
    return 'lost'
  }

  async #load(): Promise<void> {
    if (this.#waiting !== undefined) return
    const found: number[] = []
    for await (const [key] of this.#agent.ports.disk.scan(within(PREFIX))) {
      found.push(Number(key.slice(PREFIX.length)))
    }
    this.#waiting ??= found
    this.#next = Math.max(this.#next, (found.at(-1) ?? 0) + 1)
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#stopped || this.waiting === 0) return
    this.#timer = this.#agent.ports.clock.after(auditLimits.retryMs, () => {
      this.#timer = undefined
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const { disk, log } = this.#agent.ports
    if (this.#flushing) return
    this.#flushing = true
    try {
      for (let first = this.#waiting?.[0]; first !== undefined; first = this.#waiting?.[0]) {
        const bytes = await disk.get(keyOf(first))
        if (this.#stopped) break
        if (bytes !== undefined && !(await this.#append(...this.#read(bytes)))) break
        await disk.write([{ del: keyOf(first) }], { durable: false })
        this.#waiting?.shift()
      }
    } catch (error) {
      log.child('audit').warn('acts wait to be written', { why: String(error) })
    } finally {
      this.#flushing = false
      this.#plan()
    }
  }

  /** Those that found no room are told of by the first that is written afterwards. */
  #read(bytes: Uint8Array): [Deed, Uint8Array | undefined] {
    const { signed, ...deed } = JSON.parse(new TextDecoder().decode(bytes)) as Kept
    const proof =
      signed === undefined ? undefined : new Uint8Array(Buffer.from(signed, 'base64url'))
    if (this.#lost === 0) return [deed, proof]
    const missing = `${this.#lost} acts on this host are missing`
    this.#lost = 0
    const detail = [missing, deed.detail].filter(Boolean).join('; ')
    return [fitted({ ...deed, detail }), proof]
  }
}
