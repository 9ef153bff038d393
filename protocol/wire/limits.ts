/**
 * How large things on the wire may be. These bound what a message *can* ask of us; each schema
 * sets its own, tighter limits on texts, byte strings, lists and maps.
 */
import { assert } from '../assert.ts'

/** Longest frame that any stream carries. A purpose may set less. Also keeps a length in 4 bytes. */
export const frameBytesLimit = 64 * 1024 * 1024

/** Bytes of the varint before a frame, at most: 4 × 7 bits hold `frameBytesLimit`. */
export const frameHeaderBytesMax = 4

/** First buffer for a frame that arrives in pieces. It doubles as bytes come, never ahead of them. */
export const framePieceBytes = 4096

/** Highest field number of a schema. Tags stay within two bytes, dispatch tables stay small. */
export const fieldNumberMax = 2047

/** How deep messages of one schema may nest. Checked when the schema is made. */
export const nestingDepthMax = 16

/** Bytes of a varint, at most, as protobuf has it: padding beyond the value is tolerated. */
export const varintBytesMax = 10

/** The encoder's buffer starts at this size, and goes back to it after a message above the second. */
export const scratchBytes = 64 * 1024
export const scratchKeptBytesMax = 1024 * 1024

/** Small byte strings share pieces of memory of this size; what is larger than a share is alone. */
export const slabBytes = 16 * 1024
export const slabShareMax = 1024

/** Texts of so many bytes at most are remembered, and so many of them: a power of two. */
export const textRememberedMax = 64
export const textsRememberedMax = 256

/** Texts of the opening frame. */
export const agentVersionBytesMax = 64
export const nodeNameBytesMax = 128
export const meshIdBytesMax = 128

assert(frameBytesLimit < 2 ** (7 * frameHeaderBytesMax), 'a frame length must fit its header')
assert(framePieceBytes <= frameBytesLimit, 'a first piece must not exceed a frame')
assert(fieldNumberMax < 2 ** 11, 'a tag must fit two bytes')
assert(scratchBytes <= scratchKeptBytesMax, 'the scratch that is kept must hold a fresh one')
assert(slabShareMax <= slabBytes, 'a share must fit its slab')
