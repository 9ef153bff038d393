/**
 * Frames of yamux that have come whole are given to their streams where they lie; libp2p puts each into
 * three lists. What is more than data, or not all there yet, is left to it.
 */
interface Frame {
  header: { type: number; flag: number; streamID: number; length: number }
  data: Uint8Array
}

interface Arriving {
  /** Holds the beginning of a frame of which the rest is yet to come. */
  decoder: { buffer: { byteLength: number } }
  streams: readonly { streamId: number; handleData(frame: Frame): void }[]
}

/** The first four bytes of a frame with data and nothing else: version, type and flags. */
const plainData = 0

/** What is said of the connection itself: never data. */
const noStream = 0

/** Of a frame, in bytes. */
const headerLength = 12
const streamAt = 4
const lengthAt = 8

/** What is returned is left to libp2p. */
export function takeWhole(
  { decoder, streams }: Arriving,
  bytes: Uint8Array,
  lengthMax: number,
): Uint8Array {
  if (decoder.buffer.byteLength > 0) return bytes
  let at = 0
  while (bytes.length - at >= headerLength) {
    const isPlain = uint32(bytes, at) === plainData
    const streamID = uint32(bytes, at + streamAt)
    const length = uint32(bytes, at + lengthAt)
    const end = at + headerLength + length
    if (!isPlain || streamID === noStream || length > lengthMax || end > bytes.length) break
    const header = { type: 0, flag: 0, streamID, length }
    const data = bytes.subarray(at + headerLength, end)
    // One that has ended is missing.
    streams.find(({ streamId }) => streamId === streamID)?.handleData({ header, data })
    at = end
  }
  return at === 0 ? bytes : bytes.subarray(at)
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  const low = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
  return high * 65_536 + low
}
