/**
 * The fingerprint of a history: every event that reaches a host is mixed into 64 bits, so two runs
 * with one hash are one run. Those who want to read along hang a sink on it.
 */

export const eventKinds = [
  'boot',
  'timer',
  'connect',
  'frame',
  'stream',
  'topic',
  'disk',
  'process',
  'fault',
  'wire',
  'log',
] as const

export type EventKind = (typeof eventKinds)[number]

export interface TraceLine {
  atMs: number
  /** Empty for what happens to the world as a whole. */
  host: string
  kind: EventKind
  text: string
}

export type TraceSink = (line: TraceLine) => void

const kindNumber = Object.fromEntries(eventKinds.map((kind, i) => [kind, i])) as Record<
  EventKind,
  number
>

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

export class Trace {
  readonly sink: TraceSink | undefined
  private low = 0x811c9dc5 | 0
  private high = 0x9747b28c | 0

  constructor(sink: TraceSink | undefined) {
    this.sink = sink
  }

  /** `host` is the host's number in its world, −1 for none; `payload` a hash of what it is about. */
  event(atMs: number, host: number, kind: EventKind, payload: number): void {
    float[0] = atMs
    this.mix(words[0] as number)
    this.mix(words[1] as number)
    this.mix(host * eventKinds.length + kindNumber[kind])
    this.mix(payload)
  }

  /** Sixteen hexadecimal digits. */
  hash(): string {
    const digits = (word: number) => (finish(word) >>> 0).toString(16).padStart(8, '0')
    return digits(this.high) + digits(this.low ^ this.high)
  }

  private mix(word: number): void {
    this.low = Math.imul(this.low ^ word, 0x01000193)
    this.low ^= this.low >>> 15
    this.high = (Math.imul(this.high ^ word, 0x5bd1e995) + (this.low | 1)) | 0
    this.high = (this.high << 13) | (this.high >>> 19)
  }
}

function finish(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Bytes hashed of each end of a long payload: headers sit in front, what varies often at the end. */
const endBytes = 48

export function hashOfBytes(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = 0x811c9dc5 ^ length
  const firstEnd = length <= 2 * endBytes ? length : endBytes
  for (let i = 0; i < firstEnd; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  for (let i = Math.max(firstEnd, length - endBytes); i < length; i++) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  }
  return hash
}

export function hashOfText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
