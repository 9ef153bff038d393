/**
 * A folder in the data directory into which whoever may write there puts small files, for an agent
 * that is to be told something when nothing else reaches it: no network, no control API. A letter is
 * a file with a name that ends in `.letter`; its answer has the same name and `.answer`. The kernel
 * tells of new ones, so waiting costs nothing; those that came while no agent lived are read first.
 */
import { type FSWatcher, watch } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { letterLimits } from './limits.ts'
import { makeDirectory } from './make-directory.ts'
import { replaceFile } from './replace-file.ts'

export const LETTERS_FOLDER = 'letters'
export const LETTER = '.letter'
export const ANSWER = '.answer'

/** Its answer, in words for a program. */
export type OnLetter = (letter: Uint8Array) => Promise<string>

export class Letterbox {
  readonly #directory: string
  readonly #onLetter: OnLetter
  /** The folder cannot be read or written just now. */
  readonly #onTrouble: (error: unknown) => void
  #watcher: FSWatcher | undefined
  #reading: Promise<void> = Promise.resolve()
  /** One after the other: two of a name are written to one draft. */
  #noting: Promise<void> = Promise.resolve()

  private constructor(directory: string, onLetter: OnLetter, onTrouble: (error: unknown) => void) {
    this.#directory = directory
    this.#onTrouble = onTrouble
    this.#onLetter = onLetter
  }

  /** Returns when the letters that were there are in `onLetter`'s hands. */
  static async open(
    dataDirectory: string,
    onLetter: OnLetter,
    onTrouble: (error: unknown) => void,
  ): Promise<Letterbox> {
    const directory = join(dataDirectory, LETTERS_FOLDER)
    await makeDirectory(directory)
    const box = new Letterbox(directory, onLetter, onTrouble)
    box.#watcher = watch(directory, { persistent: false }, (_, name) => {
      if (name?.endsWith(LETTER)) box.#look()
    })
    // One look after the other: a letter is read once.
    const first = box.#readAll()
    box.#reading = first.catch(onTrouble)
    await first
    return box
  }

  /** Something that whoever writes a letter wants to know before. The last of a name stays. */
  note(name: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text)
    const noting = this.#noting.then(() => replaceFile(this.#directory, name, bytes, 0o600))
    this.#noting = noting.catch(this.#onTrouble)
    return this.#noting
  }

  /** Resolves when nothing of it touches the folder any more. */
  async close(): Promise<void> {
    this.#watcher?.close()
    await this.#reading
    await this.#noting
  }

  #look(): void {
    this.#reading = this.#reading.then(() => this.#readAll()).catch(this.#onTrouble)
  }

  async #readAll(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith(LETTER)).sort()
    for (const name of names.slice(0, letterLimits.readAtOnceMax)) {
      const path = join(this.#directory, name)
      const bytes = await readSmall(path)
      // Removed before it is answered: one that brings the agent down is not read again and again.
      await rm(path, { force: true })
      if (bytes === undefined) continue
      const answered = name.slice(0, -LETTER.length) + ANSWER
      const answer = this.#onLetter(bytes)
      void answer.then((text) => this.note(answered, text)).catch(this.#onTrouble)
    }
  }
}

/** Undefined for one that is gone, or too large to be a letter. */
async function readSmall(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      return size > letterLimits.bytesMax ? undefined : new Uint8Array(await file.readFile())
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}
