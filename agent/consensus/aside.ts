/**
 * What a disk held of consensus, set aside whole before it is changed by anything but consensus
 * itself: by a person who recovers or resets it, or because the mesh was recovered without it. A
 * copy is in the same store, record by record, under the number that the disk had.
 */
import type { Position } from '../../protocol/consensus/log.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Infer } from '../../protocol/wire/schema.ts'
import { field, message, text, uint } from '../../protocol/wire/schema.ts'
import { hardStateKey, identityKey, recordsPrefix } from './keys.ts'
import { asidesMax, copyBytesPerBatch, deletesPerBatch } from './limits.ts'
import { type Held, look } from './look.ts'
import { sealMessage, unsealMessage } from './records.ts'

const notePrefix = 'raft-aside/note/'
const dataPrefix = 'raft-aside/data/'

/**
 * `passed`: the mesh was recovered without this host. `damaged`: the disk has lost what was safe on
 * it. The others were a person's doing.
 */
export type AsideWhy = 'recovered' | 'reset' | 'passed' | 'damaged'

const Note = message('AsideNote', {
  why: field(1, text<AsideWhy>(32)),
  wallMs: field(2, uint()),
  lastIndex: field(3, uint()),
  lastTerm: field(4, uint()),
})

export interface Aside extends Infer<typeof Note> {
  name: string
}

export interface Occasion {
  why: AsideWhy
  wallMs: number
}

/** Where the log ends that was looked at. */
export function endOf({ snapshot, entries }: Held): Position {
  const base = snapshot ?? { index: 0, term: 0 }
  return { index: base.index + entries.length, term: entries.at(-1)?.term ?? base.term }
}

/**
 * Copies everything; it is safe when this returns. Undefined for a disk that holds nothing. An
 * earlier copy under the same number, perhaps half a one, is replaced; the oldest gives way when
 * there are too many, but for the one to be spared.
 */
export async function keepCopy(
  disk: Disk,
  { why, wallMs }: Occasion,
  spared?: string,
): Promise<string | undefined> {
  const held = await look(disk)
  const end = endOf(held)
  if (!held.hasPromised && end.index === 0) return undefined
  const name = String(held.storage ?? 0)
  await drop(disk, name)
  const others = (await asidesOn(disk)).filter((aside) => aside.name !== spared)
  const room = asidesMax - (spared === undefined ? 1 : 2)
  for (const aside of others.slice(0, Math.max(0, others.length - room)))
    await drop(disk, aside.name)
  await copy(disk, recordsPrefix, dataOf(name))
  const note = { why, wallMs, lastIndex: end.index, lastTerm: end.term }
  const key = `${notePrefix}${name}`
  await disk.write([{ put: key, value: sealMessage(key, Note, note) }], { durable: true })
  return name
}

/**
 * Forgets all that consensus has on this disk, so that it is another one when it is next opened.
 * Its number and its promises go first: what is left, should there be a crash, means nothing.
 */
export async function forget(disk: Disk): Promise<void> {
  await disk.write([{ del: hardStateKey }, { del: identityKey }], { durable: true })
  await removeAll(disk, recordsPrefix)
  await disk.sync()
}

/** The two together. Returns the name of the copy, if there was anything to keep. */
export async function setAside(disk: Disk, occasion: Occasion): Promise<string | undefined> {
  const name = await keepCopy(disk, occasion)
  await forget(disk)
  return name
}

/**
 * Brings a copy back in the place of what is there, which must have been kept before; but for its
 * number and its promises, without which it counts for nothing. Whoever calls this gives it others.
 */
export async function bringBack(disk: Disk, name: string): Promise<void> {
  await forget(disk)
  await copy(disk, dataOf(name), recordsPrefix)
  await disk.sync()
}

/** The copy alone, as if it were a disk. */
export function asideView(disk: Disk, name: string): Disk {
  const from = dataOf(name)
  const there = (key: string) => from + key.slice(recordsPrefix.length)
  return {
    get: (key) => disk.get(there(key)),
    scan: async function* (range) {
      const moved = { ...range, from: there(range.from), to: there(range.to) }
      for await (const [key, value] of disk.scan(moved))
        yield [recordsPrefix + key.slice(from.length), value] as const
    },
    write: () => Promise.reject(new Error('a copy that was set aside is not written to')),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
    scrub: () => Promise.resolve(),
  }
}

/** Oldest first. A copy without its note was never finished. */
export async function asidesOn(disk: Disk): Promise<Aside[]> {
  const asides: Aside[] = []
  for await (const [key, record] of disk.scan(within(notePrefix))) {
    const note = unsealMessage(key, Note, record)
    if (note) asides.push({ name: key.slice(notePrefix.length), ...note })
  }
  return asides.sort((a, b) => a.wallMs - b.wallMs)
}

function dataOf(name: string): string {
  return `${dataPrefix}${name}/`
}

async function drop(disk: Disk, name: string): Promise<void> {
  await disk.write([{ del: `${notePrefix}${name}` }], { durable: false })
  await removeAll(disk, dataOf(name))
}

async function copy(disk: Disk, from: string, to: string): Promise<void> {
  let ops: DiskOp[] = []
  let bytes = 0
  for await (const [key, value] of disk.scan(within(from))) {
    const target = to + key.slice(from.length)
    // On the way back they stay behind.
    if (target === hardStateKey || target === identityKey) continue
    ops.push({ put: target, value })
    bytes += value.length
    if (bytes < copyBytesPerBatch) continue
    await disk.write(ops, { durable: false })
    ops = []
    bytes = 0
  }
  await disk.write(ops, { durable: false })
}

async function removeAll(disk: Disk, prefix: string): Promise<void> {
  let ops: DiskOp[] = []
  for await (const [key] of disk.scan(within(prefix))) {
    ops.push({ del: key })
    if (ops.length < deletesPerBatch) continue
    await disk.write(ops, { durable: false })
    ops = []
  }
  await disk.write(ops, { durable: false })
}
