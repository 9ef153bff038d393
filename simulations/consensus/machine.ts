/** The state that the log makes: a chain of digests, so that two states are equal or not at a glance. */
import { createHash } from 'node:crypto'
import type { Entry } from '../../protocol/consensus/messages.ts'

export class Machine {
  index = 0
  digest = 0

  apply(entry: Entry): void {
    this.index++
    this.digest = mix(mix(mix(this.digest, this.index), entry.term), hashOf(entry))
  }

  /** Long enough for several chunks, and the same for the same state. */
  snapshot(): Uint8Array {
    const text = JSON.stringify({ index: this.index, digest: this.digest })
    return Buffer.from(text.padEnd(text.length + (this.index % 97), ' '))
  }

  restore(data: Uint8Array): void {
    if (data.length === 0) {
      this.index = 0
      this.digest = 0
      return
    }
    const { index, digest } = JSON.parse(Buffer.from(data).toString()) as Machine
    this.index = index
    this.digest = digest
  }
}

export function checksumOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

export function hashOf({ kind, data }: Entry): number {
  let hash = kind
  for (const byte of data) hash = mix(hash, byte)
  return hash
}

function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x9e3779b1)
  h ^= h >>> 15
  return Math.imul(h, 0x85ebca6b) ^ (h >>> 13)
}
