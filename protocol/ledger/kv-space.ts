/**
 * A module's own corner of the ledger: values of one type under keys of one namespace, read, written
 * on condition, and followed. Whatever engine is behind: it needs no more than the `Ledger`.
 */
import { assert } from '../assert.ts'
import { decode, encode } from '../wire/codec.ts'
import type { Schema } from '../wire/schema.ts'
import { type Cursor, cursorAfter, cursorAfterIndex, type LedgerEvent } from './events.ts'
import type { AppendOptions, Ledger, LedgerRefusal, ReadOptions, StopReason } from './ledger.ts'
import { stateLimits } from './limits.ts'
import { fromOctets } from './octets.ts'
import type { KvItem } from './queries.ts'
import type { ResultCode } from './result.ts'
import { isNamespace } from './rows.ts'

export interface Held<T> {
  readonly key: string
  /** Undefined for bytes that are no such value: a newer program has written them, or another. */
  readonly value: T | undefined
  readonly revision: number
}

export type Written =
  | { kind: 'written'; revision: number }
  /** `conflict`: it is at `revision`, 0 for nothing there, and not at the one expected. */
  | { kind: 'rejected'; code: Exclude<ResultCode, 'ok'>; revision: number | undefined }
  | LedgerRefusal

export type Got<T> = { kind: 'read'; index: number; held: Held<T> | undefined } | LedgerRefusal

export type Followed<T> =
  | { kind: 'put'; held: Held<T> }
  | { kind: 'deleted'; key: string; revision: number }
  /** Too much was missed to tell it one by one: what follows is all that there is now. */
  | { kind: 'reset' }
  /** No more will come. */
  | { kind: 'stopped'; because: StopReason }

export interface WriteOptions extends AppendOptions {
  /** Only if the key is at this revision; 0: only if it is not there. */
  readonly expect?: number
}

/** Where a page of the present ends, and as of which entry it was read. */
interface PageEnd {
  readonly lastKey: string
  readonly index: number
}

export class KvSpace<T> {
  private readonly ledger: Ledger
  private readonly namespace: string
  private readonly schema: Schema<T>

  constructor(ledger: Ledger, namespace: string, schema: Schema<T>) {
    const { kvNamespaceBytesMax } = stateLimits
    assert(isNamespace(namespace, kvNamespaceBytesMax), 'a namespace is a plain name', {
      namespace,
    })
    this.ledger = ledger
    this.namespace = namespace
    this.schema = schema
  }

  async get(key: string, options: ReadOptions): Promise<Got<T>> {
    const { namespace } = this
    const outcome = await this.ledger.read({ kind: 'kvGet', namespace, key }, options)
    if (outcome.kind !== 'read') return outcome
    const { index, value } = outcome
    return { kind: 'read', index, held: value && this.heldOf(value) }
  }

  put(key: string, value: T, { expect, ...options }: WriteOptions): Promise<Written> {
    const bytes = encode(this.schema, value)
    const condition = expect === undefined ? {} : { expect }
    const put = { namespace: this.namespace, key, value: bytes, ...condition }
    return this.write({ kind: 'kvPut', value: put }, options)
  }

  delete(key: string, { expect, ...options }: WriteOptions): Promise<Written> {
    const condition = expect === undefined ? {} : { expect }
    const gone = { namespace: this.namespace, key, ...condition }
    return this.write({ kind: 'kvDelete', value: gone }, options)
  }

  /**
   * All that is there under the prefix, as this host knows it, and then every change, in order.
   * A key is never told in an older state than before.
   */
  async *follow(prefix: string, signal: AbortSignal): AsyncIterable<Followed<T>> {
    const pages: PageEnd[] = []
    let from = yield* this.present(prefix, pages)
    while (!signal.aborted) {
      for await (const watched of this.ledger.watch(from, signal)) {
        if (watched.kind === 'stopped') {
          yield watched
          return
        }
        if (watched.kind === 'gap') {
          yield { kind: 'reset' }
          from = yield* this.present(prefix, pages)
          break
        }
        from = cursorAfter(watched.event)
        const followed = this.followedOf(watched.event, prefix, pages)
        if (followed) yield followed
      }
    }
  }

  /** The present, page by page; returns where the changes begin that it does not hold for sure. */
  private async *present(
    prefix: string,
    pages: PageEnd[],
  ): AsyncGenerator<Followed<T>, Cursor, void> {
    const { namespace } = this
    pages.length = 0
    let after: string | undefined
    do {
      const onwards = after === undefined ? {} : { after }
      const query = { kind: 'kvList' as const, namespace, prefix, ...onwards }
      const outcome = await this.ledger.read(query, { consistency: 'local', timeoutMs: 0 })
      if (outcome.kind !== 'read') break
      const { items, next } = outcome.value
      for (const item of items) yield { kind: 'put', held: this.heldOf(item) }
      after = next
      pages.push({ lastKey: next ?? END, index: outcome.index })
    } while (after !== undefined)
    return pages[0] ? cursorAfterIndex(pages[0].index) : { index: 0, ordinal: 0 }
  }

  private followedOf(
    { index, change }: LedgerEvent,
    prefix: string,
    pages: readonly PageEnd[],
  ): Followed<T> | undefined {
    if (change.kind !== 'kvPut' && change.kind !== 'kvDeleted') return undefined
    const { namespace, key } = change
    if (namespace !== this.namespace || !key.startsWith(prefix)) return undefined
    const page = pages.find(({ lastKey }) => key <= lastKey)
    // The page on which it stands, or does not, was read after this.
    if (page && index <= page.index) return undefined
    if (change.kind === 'kvDeleted') return { kind: 'deleted', key, revision: index }
    const value = fromOctets(change.value)
    return { kind: 'put', held: this.heldOf({ key, value, revision: index }) }
  }

  private heldOf({ key, value, revision }: KvItem): Held<T> {
    const read = decode(this.schema, value)
    return { key, value: read.ok ? read.value : undefined, revision }
  }

  private async write(
    command: Parameters<Ledger['append']>[0],
    options: AppendOptions,
  ): Promise<Written> {
    const appended = await this.ledger.append(command, options)
    if (appended.kind !== 'applied') return appended
    const { code, revision } = appended.result
    if (code !== 'ok') return { kind: 'rejected', code, revision }
    return { kind: 'written', revision: revision ?? appended.index }
  }
}

/** Above every key: they are printable ASCII. */
const END = '\x7f'
