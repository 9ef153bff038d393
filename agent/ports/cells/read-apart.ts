/**
 * Files of /proc that cannot always be had at once: the kernel holds them locked while a process
 * becomes another program, and one whose cores are taken by others stays in the middle of that until
 * it has its turn. Read by the agent's own thread, they held the agent up for as long, who then heard
 * nothing, not even that the process was to be stopped (seen: 1.3 s).
 *
 * So another thread reads them, one at a time: there are few such threads, and the disk needs them.
 */
import { closeSync, openSync, read } from 'node:fs'
import { promisify } from 'node:util'

const BYTES_MAX = 4096

const readInto = promisify(read)
/** The end of the last of those that were asked for. */
let last: Promise<unknown> = Promise.resolve()

/** The beginning of the file. Undefined where the process is gone, or is not ours to look at. */
export function readApart(path: string): Promise<string | undefined> {
  const reading = last.then(() => textOf(path))
  last = reading
  return reading
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(BYTES_MAX)
      const { bytesRead } = await readInto(file, bytes, 0, BYTES_MAX, null)
      return bytes.toString('latin1', 0, bytesRead)
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
