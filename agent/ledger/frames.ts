/** Chunks of a snapshot in one stream of bytes: each behind its length. */

const LENGTH_BYTES = 4

export function framed(chunk: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + chunk.length)
  new DataView(frame.buffer).setUint32(0, chunk.length)
  frame.set(chunk, LENGTH_BYTES)
  return frame
}

/** Takes the stream in pieces of any size. */
export class Unframer {
  private held: Uint8Array = new Uint8Array(0)

  /** The chunks that this piece completes. */
  push(part: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = []
    this.held = this.held.length === 0 ? part : Buffer.concat([this.held, part])
    while (this.held.length >= LENGTH_BYTES) {
      const { buffer, byteOffset } = this.held
      const end = LENGTH_BYTES + new DataView(buffer, byteOffset).getUint32(0)
      if (this.held.length < end) break
      chunks.push(this.held.subarray(LENGTH_BYTES, end))
      this.held = this.held.subarray(end)
    }
    return chunks
  }
}
