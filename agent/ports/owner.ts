/**
 * Who holds a data directory: a note that its owner leaves in it, so that a second agent can name
 * the first. The note locks nothing (the store's own lock does) and outlives its writer, so it is
 * believed only while the very process that wrote it is alive.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from './replace-file.ts'

const noteName = 'owner.json'

interface Owner {
  pid: number
  /** With the pid, they name one process for ever. Absent where there is no /proc to tell. */
  startedTicks?: number | undefined
  bootId?: string | undefined
}

export async function leaveNote(directory: string): Promise<void> {
  const owner: Owner = { pid: process.pid, ...(await identityOf(process.pid)) }
  await replaceFile(directory, noteName, Buffer.from(`${JSON.stringify(owner)}\n`), 0o644)
}

/** The owner's process id, or undefined where no living process can be named. */
export async function ownerOf(directory: string): Promise<number | undefined> {
  try {
    const owner: Owner = JSON.parse(await readFile(join(directory, noteName), 'utf8'))
    const living = await identityOf(owner.pid)
    const same = living.bootId === owner.bootId && living.startedTicks === owner.startedTicks
    return same ? owner.pid : undefined
  } catch {
    // No note, or one that a crash of the host tore: the lock is held all the same, by whomever.
    return undefined
  }
}

async function identityOf(pid: number): Promise<Omit<Owner, 'pid'>> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'latin1')
    // The name, in brackets, may hold anything; the 22nd field is the 20th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { startedTicks: Number(fields[19]), bootId: bootId.trim() }
  } catch {
    return {}
  }
}
