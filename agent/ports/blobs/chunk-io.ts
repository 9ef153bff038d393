/** Chunks of open files: read whole, written whole. */
import type { FileHandle } from 'node:fs/promises'

/** Reads until the buffer is full or the file ends, and says how much there was. */
export async function readFully(
  file: FileHandle,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, position + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

export async function writeFully(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  let length = 0
  while (length < bytes.length) {
    const { bytesWritten } = await file.write(
      bytes,
      length,
      bytes.length - length,
      position + length,
    )
    length += bytesWritten
  }
}
