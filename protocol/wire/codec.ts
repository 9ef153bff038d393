/**
 * Messages to bytes and back. The same message always gives the same bytes: fields in the order of
 * their numbers, map entries in the order of their keys.
 */
import { scratchBytes, scratchKeptBytesMax, slabBytes } from './limits.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './refusal.ts'
import type { Schema } from './schema.ts'
import { Writer } from './writer.ts'

/** One for all: encoding is synchronous and calls nothing that could encode meanwhile. */
const writer = new Writer(scratchBytes, scratchKeptBytesMax)
/** Of what is soon forgotten: small messages stay where they were written, side by side. */
const briefly = new Writer(slabBytes, slabBytes)

/** Throws on a message that breaks its schema's limits: that is a bug of ours. */
export function encode<T>(schema: Schema<T>, message: NoInfer<T>): Uint8Array {
  writer.begin()
  schema.write(writer, message)
  return writer.finish()
}

/** The same, for bytes that are sent and then forgotten: small ones share memory. */
export function encodeBriefly<T>(schema: Schema<T>, message: NoInfer<T>): Uint8Array {
  briefly.begin()
  schema.write(briefly, message)
  return briefly.finishBriefly()
}

/** The same behind so many bytes of zero, which are the caller's to fill. */
export function encodeBehindBriefly<T>(
  headBytes: number,
  schema: Schema<T>,
  message: NoInfer<T>,
): Uint8Array {
  briefly.begin()
  briefly.leave(headBytes)
  schema.write(briefly, message)
  return briefly.finishBriefly()
}

/**
 * Never throws, whatever the bytes. Takes memory in proportion to them, not to what they claim.
 * Fields of type `bytes` are views of the input. A field that comes twice holds what came last.
 */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): Decoded<T> {
  const reader = new Reader(bytes)
  const value = schema.read(reader)
  return reader.why === undefined ? { ok: true, value } : { ok: false, why: reader.why }
}

/**
 * As `decode`, of what begins at `from`, but undefined also for bytes that say anything which the
 * value does not hold: fields that are not known, or what a later one takes the place of. Encoding
 * the value takes as many bytes.
 */
export function decodeWhole<T>(schema: Schema<T>, bytes: Uint8Array, from = 0): T | undefined {
  const reader = new Reader(bytes, from)
  const value = schema.read(reader)
  return reader.why === undefined && !reader.surplus ? value : undefined
}

/**
 * As `decode`, of what stands behind a tag of one byte and fills the rest of the bytes; undefined
 * where something else stands there.
 */
export function decodeBehind<T>(
  schema: Schema<T>,
  tag: number,
  bytes: Uint8Array,
  bytesMax: number,
): Decoded<T> | undefined {
  const reader = new Reader(bytes)
  if (!reader.comes(tag)) return undefined
  const length = reader.length(bytesMax)
  if (reader.why !== undefined || reader.at + length !== reader.end) return undefined
  const value = schema.read(reader)
  return reader.why === undefined ? { ok: true, value } : { ok: false, why: reader.why }
}
