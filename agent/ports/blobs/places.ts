/** Where blobs, parts and drafts lie, and the directories that they lie in, made when needed. */
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContentHash } from '../../../protocol/artifacts/hashes.ts'
import { errnoOf } from '../errno.ts'
import { makeDirectory } from '../make-directory.ts'

export class Places {
  readonly root: string
  #preparing: Promise<void> | undefined

  constructor(root: string) {
    this.root = root
  }

  get drafts(): string {
    return join(this.root, 'drafts')
  }

  get parts(): string {
    return join(this.root, 'parts')
  }

  /** With a directory in it for every first two digits. */
  get blobs(): string {
    return join(this.root, 'blobs')
  }

  draft(name: string): string {
    return join(this.drafts, name)
  }

  part(hash: ContentHash): string {
    return join(this.parts, hash)
  }

  whole(hash: ContentHash): string {
    return join(this.blobs, hash.slice(0, 2), hash.slice(2))
  }

  /** Does what may fail for want of the directory that `path` is in, which is then made. */
  async with<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      await this.prepared()
      await makeDirectory(join(path, '..'))
      return await work()
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.with(to, () => rename(from, to))
  }

  /** In order, by one: two that make the same path from the top get in each other's way. */
  prepared(): Promise<void> {
    this.#preparing ??= this.#prepare().catch((error: unknown) => {
      this.#preparing = undefined
      throw error
    })
    return this.#preparing
  }

  async #prepare(): Promise<void> {
    for (const path of [this.root, this.blobs, this.parts, this.drafts]) await makeDirectory(path)
  }
}
