/**
 * The desk's memory across lives: writes what `records.ts` describes, and reads it back. A write
 * that fails is the caller's to judge where work depends on it, and logged where none does.
 */
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Assignment, Finished } from '../../protocol/work/attempt.ts'
import type { AttemptId, Fence } from '../../protocol/work/fence.ts'
import type { Notebook } from './notebook.ts'
import {
  AttemptRecord,
  attemptPrefix,
  DeskRecord,
  deskKey,
  StartRecord,
  startPrefix,
} from './records.ts'

/** What an earlier life has left of one attempt. */
export type Left =
  | { kind: 'taken'; name: string; assignment: Assignment; start: StartRecord | undefined }
  | { kind: 'over'; name: string; id: AttemptId; fence: Fence; finished: Finished; bytes: number }

export class AttemptBook {
  readonly #notebook: Notebook
  readonly #disk: Disk
  readonly #log: Log
  /** Attempts whose start is on record. */
  readonly #started = new Set<string>()
  #desk: DeskRecord = { life: 0, term: 0 }

  constructor(notebook: Notebook, ports: { disk: Disk; log: Log }) {
    this.#notebook = notebook
    this.#disk = ports.disk
    this.#log = ports.log
  }

  get life(): number {
    return this.#desk.life
  }

  get term(): number {
    return this.#desk.term
  }

  /** Begins another life, and says what the others have left. */
  async load(): Promise<Left[]> {
    const stored = await this.#disk.get(deskKey)
    const desk = stored && decode(DeskRecord, stored)
    if (desk && !desk.ok) this.#log.error('the record of the desk cannot be read', desk)
    if (desk?.ok) this.#desk = desk.value
    this.#desk = { ...this.#desk, life: this.#desk.life + 1 }
    const starts = new Map<string, StartRecord>()
    for await (const [key, value] of this.#disk.scan(within(startPrefix))) {
      const start = decode(StartRecord, value)
      const name = key.slice(startPrefix.length)
      this.#started.add(name)
      if (start.ok) starts.set(name, start.value)
    }
    const left: Left[] = []
    for await (const [key, value] of this.#disk.scan(within(attemptPrefix))) {
      const name = key.slice(attemptPrefix.length)
      const record = decode(AttemptRecord, value)
      if (!record.ok) {
        this.#log.error('the record of an attempt cannot be read', { name, why: record.why })
      } else if (record.value.kind === 'over') {
        left.push({ kind: 'over', name, ...record.value.value, bytes: value.length })
      } else {
        const { assignment } = record.value.value
        left.push({ kind: 'taken', name, assignment, start: starts.get(name) })
      }
    }
    await this.#notebook.write([this.#deskOp()], { durable: true })
    return left
  }

  /** Nobody of an older term is believed any more, in this life and the next ones. */
  async termIs(term: number): Promise<void> {
    this.#desk = { ...this.#desk, term }
    await this.#notebook.write([this.#deskOp()], { durable: true }).catch((error: unknown) => {
      this.#log.warn('the leader’s term is not written down', { term, why: String(error) })
    })
  }

  /** Synced: from here on a restart does not start them a second time. Rejects with `DiskError`. */
  taken(attempts: readonly { name: string; record: Uint8Array }[]): Promise<void> {
    const ops = attempts.map(({ name, record }) => ({ put: attemptPrefix + name, value: record }))
    return this.#notebook.write(ops, { durable: true })
  }

  started(name: string, start: StartRecord): void {
    this.#started.add(name)
    this.#note([{ put: startPrefix + name, value: encode(StartRecord, start) }])
  }

  /** Synced. Rejects with `DiskError`. */
  over(name: string, record: Uint8Array): Promise<void> {
    const ops: DiskOp[] = [{ put: attemptPrefix + name, value: record }]
    if (this.#started.delete(name)) ops.push({ del: startPrefix + name })
    return this.#notebook.write(ops, { durable: true })
  }

  /** Of one that is found again in another life, the leader says anew that it is committed. */
  forget(name: string): void {
    this.#notebook.clear(attemptPrefix + name)
    if (this.#started.delete(name)) this.#notebook.clear(startPrefix + name)
  }

  #note(ops: readonly DiskOp[]): void {
    this.#notebook.write(ops, { durable: false }).catch((error: unknown) => {
      this.#log.warn('not written down', { why: String(error) })
    })
  }

  #deskOp(): DiskOp {
    return { put: deskKey, value: encode(DeskRecord, this.#desk) }
  }
}

export function takenRecord(assignment: Assignment, acceptedAtMs: number): Uint8Array {
  return encode(AttemptRecord, { kind: 'taken', value: { assignment, acceptedAtMs } })
}

export function overRecord(id: AttemptId, fence: Fence, finished: Finished): Uint8Array {
  return encode(AttemptRecord, { kind: 'over', value: { id, fence, finished } })
}
