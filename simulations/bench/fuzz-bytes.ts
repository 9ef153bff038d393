/**
 * Bytes made by hand, because an honest encoder refuses to make these: protobuf fields of any type
 * and length, frames with any header, and mutations of what was whole.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { putVarint, varintLength } from '../../protocol/wire/varint.ts'

const WIRE_VARINT = 0
const WIRE_LENGTH = 2

export function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  putVarint(bytes, 0, value)
  return bytes
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** With its length before it: a frame of ours, and an RPC of gossipsub. */
export function prefixed(body: Uint8Array): Uint8Array {
  return joined(varint(body.length), body)
}

/** A protobuf field that holds bytes, a text or a message. */
export function lengthField(number: number, body: Uint8Array): Uint8Array {
  return joined(varint(number * 8 + WIRE_LENGTH), prefixed(body))
}

export function textField(number: number, text: string): Uint8Array {
  return lengthField(number, new TextEncoder().encode(text))
}

export function varintField(number: number, value: number): Uint8Array {
  return joined(varint(number * 8 + WIRE_VARINT), varint(value))
}

/** A muxer frame's header, with any type and any length. */
export function muxerHeader(type: number, flags: number, stream: number, length: number) {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(stream, 4)
  header.writeUInt32BE(length, 8)
  return new Uint8Array(header)
}

export function between(entropy: Entropy, least: number, most: number): number {
  return least + below(entropy, most - least + 1)
}

/** Without its end, and never whole or empty. */
export function cutShort(entropy: Entropy, whole: Uint8Array): Uint8Array {
  return whole.slice(0, between(entropy, 1, whole.length - 1))
}

/** One to four wounds: a bit turned, a byte replaced, a stretch lost, doubled or made up. */
export function mutated(entropy: Entropy, whole: Uint8Array): Uint8Array {
  let bytes: Uint8Array = whole.slice()
  for (let wounds = between(entropy, 1, 4); wounds > 0; wounds--) {
    const at = below(entropy, Math.max(1, bytes.length))
    const length = between(entropy, 1, 8)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    switch (below(entropy, 5)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(entropy, 8))
        break
      case 1:
        bytes[at] = below(entropy, 256)
        break
      case 2:
        bytes = joined(before, after.subarray(length))
        break
      case 3:
        bytes = joined(before, after.subarray(0, length), after)
        break
      default:
        bytes = joined(before, entropy.bytes(length), after)
    }
  }
  return bytes.length > 0 ? bytes : Uint8Array.of(0)
}
