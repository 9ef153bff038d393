/**
 * Histories of clients of one true store: each operation takes effect at one moment between its
 * invocation and its return, or, where its client hears nothing, at any moment after or never.
 */
import { below, pick } from '../../protocol/ports/entropy.ts'
import type { Operation, Outcome, RegisterOp } from '../../simulations/checkers/operations.ts'
import type { SeededEntropy } from '../../simulations/world/entropy.ts'

export interface StoreOptions {
  readonly operations: number
  readonly clients: number
  readonly keys: number
  /** Share of operations of which the client hears nothing. */
  readonly unknown: number
  /** Share of writes whose revision is told. */
  readonly told: number
}

interface Pending {
  readonly client: number
  readonly key: string
  readonly op: RegisterOp
  readonly invokedAt: number
  /** Undefined: not yet. */
  effect: Outcome | undefined
}

export function storeHistory(entropy: SeededEntropy, options: StoreOptions): Operation[] {
  return new Store(entropy, options).run()
}

class Store {
  private readonly entropy: SeededEntropy
  private readonly options: StoreOptions
  private readonly rows = new Map<string, { value: string; revision: number }>()
  private readonly history: Operation[] = []
  private readonly busy = new Map<number, Pending>()
  /** Nobody waits for these any more; they may yet take effect. */
  private readonly abandoned: Pending[] = []
  private readonly known = new Map<string, number>()
  private index = 0
  private now = 0
  private begun = 0
  private nextClient: number

  constructor(entropy: SeededEntropy, options: StoreOptions) {
    this.entropy = entropy
    this.options = options
    this.nextClient = options.clients
  }

  run(): Operation[] {
    const { entropy, options } = this
    const clients = Array.from({ length: options.clients }, (_, i) => i)
    while (this.begun < options.operations || this.busy.size > 0) {
      this.now++
      if (this.abandoned.length > 0 && entropy.unit() < 0.05) {
        const late = pick(entropy, this.abandoned) as Pending
        late.effect ??= this.effectOf(late)
      }
      const slot = below(entropy, clients.length)
      const client = clients[slot] as number
      const pending = this.busy.get(client)
      if (!pending) this.begin(client)
      else if (!pending.effect && entropy.unit() < 0.7) pending.effect = this.effectOf(pending)
      else if (entropy.unit() < options.unknown && pending.op.kind !== 'get') {
        this.end(pending, { kind: 'unknown' })
        if (!pending.effect) this.abandoned.push(pending)
        clients[slot] = this.nextClient++
      } else if (pending.effect) this.end(pending, pending.effect)
    }
    return this.history
  }

  private begin(client: number): void {
    if (this.begun === this.options.operations) return
    const key = `k${below(this.entropy, this.options.keys)}`
    const op = this.someOp(key, `v${++this.begun}`)
    this.busy.set(client, { client, key, op, invokedAt: this.now, effect: undefined })
  }

  private someOp(key: string, value: string): RegisterOp {
    const draw = this.entropy.unit()
    if (draw < 0.4) return { kind: 'get' }
    const expect = this.entropy.unit() < 0.4 ? { expect: this.known.get(key) ?? 0 } : {}
    return draw < 0.85 ? { kind: 'put', value, ...expect } : { kind: 'delete', ...expect }
  }

  private end({ client, key, op, invokedAt }: Pending, outcome: Outcome): void {
    this.busy.delete(client)
    if ('revision' in outcome && outcome.revision !== undefined)
      this.known.set(key, outcome.revision)
    const returnedAt = outcome.kind === 'unknown' ? undefined : this.now
    this.history.push({ client, key, op, invokedAt, returnedAt, outcome })
  }

  /** What the true store does, as the ledger does it. */
  private effectOf({ key, op }: Pending): Outcome {
    const row = this.rows.get(key)
    const index = ++this.index
    const told = this.entropy.unit() < this.options.told
    if (op.kind === 'get') {
      const revision = told ? { revision: row?.revision ?? 0 } : {}
      return { kind: 'read', value: row?.value, ...revision }
    }
    if (op.kind === 'delete' && !row) return { kind: 'notFound' }
    if (op.expect !== undefined && op.expect !== (row?.revision ?? 0))
      return { kind: 'conflict', revision: row?.revision ?? 0 }
    if (op.kind === 'put') this.rows.set(key, { value: op.value, revision: index })
    else this.rows.delete(key)
    return told ? { kind: 'ok', revision: index } : { kind: 'ok' }
  }
}
