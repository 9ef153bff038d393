/**
 * A node's labels: those of its configuration, with what people changed since laid over them. The
 * node itself keeps the changes, so they hold across restarts and without any coordinator.
 */
import type { Disk } from '../protocol/ports/disk.ts'

export type Labels = Readonly<Record<string, string>>

const KEY = 'node/labels'
export const LABELS_MAX = 64
export const LABEL_KEY_BYTES_MAX = 64
export const LABEL_VALUE_BYTES_MAX = 256

export class LabelStore {
  private readonly disk: Disk
  private readonly configured: Labels
  /** Null marks a configured label that was removed. */
  private changes: Record<string, string | null> = {}

  constructor(disk: Disk, configured: Labels) {
    this.disk = disk
    this.configured = configured
  }

  async load(): Promise<void> {
    const stored = await this.disk.get(KEY)
    if (stored) this.changes = JSON.parse(new TextDecoder().decode(stored))
  }

  current(): Record<string, string> {
    const labels: Record<string, string> = { ...this.configured }
    for (const [key, value] of Object.entries(this.changes)) {
      if (value === null) delete labels[key]
      else labels[key] = value
    }
    return labels
  }

  /** Undefined, or why this change is not taken. */
  refusalOf(set: Labels, remove: readonly string[]): string | undefined {
    for (const [key, value] of Object.entries(set)) {
      if (key.length === 0) return 'a label has an empty name'
      if (Buffer.byteLength(key) > LABEL_KEY_BYTES_MAX) {
        return `the label ${key.slice(0, 20)}… has a name of more than ${LABEL_KEY_BYTES_MAX} bytes`
      }
      if (Buffer.byteLength(value) > LABEL_VALUE_BYTES_MAX) {
        return `the label ${key} has a value of more than ${LABEL_VALUE_BYTES_MAX} bytes`
      }
    }
    const after = new Set(Object.keys({ ...this.current(), ...set }))
    for (const key of remove) after.delete(key)
    return after.size > LABELS_MAX ? `a node has at most ${LABELS_MAX} labels` : undefined
  }

  /** Returns when the change is safe on disk. */
  async change(set: Labels, remove: readonly string[]): Promise<Labels> {
    const changes = { ...this.changes, ...set }
    for (const key of remove) {
      if (key in this.configured) changes[key] = null
      else delete changes[key]
    }
    const value = new TextEncoder().encode(JSON.stringify(changes))
    await this.disk.write([{ put: KEY, value }], { durable: true })
    this.changes = changes
    return this.current()
  }
}
