/** The `Workspace` port of one life of a host. The files belong to the machine. */
import { assert } from '../../protocol/assert.ts'
import {
  type Workspace,
  WorkspaceError,
  type WorkspaceFile,
} from '../../protocol/ports/workspace.ts'
import type { Host } from './host.ts'
import { fileTimes } from './limits.ts'

const ROOT = '/work'

export class SimulatedWorkspace implements Workspace {
  private readonly host: Host
  private readonly life: number

  constructor(host: Host) {
    this.host = host
    this.life = host.life
  }

  path(directory: string): string {
    return `${ROOT}/${lawful(directory)}`
  }

  prepare(directory: string): Promise<void> {
    const path = this.path(directory)
    return this.soon(() => void this.host.processTable.files.set(path, new Map()))
  }

  discard(directory: string): Promise<void> {
    const path = this.path(directory)
    return this.soon(() => void this.host.processTable.files.delete(path))
  }

  discardEmpty(directory: string): Promise<boolean> {
    const path = this.path(directory)
    const { files } = this.host.processTable
    return this.soon(() => files.get(path)?.size === 0 && files.delete(path))
  }

  /** To make one costs nothing here. */
  get resting(): ReadonlySet<string> {
    return new Set()
  }

  reuse(): void {}

  size(directory: string): Promise<number> {
    const path = this.path(directory)
    return this.soon(() => {
      const entries = this.host.processTable.files.get(path)?.values() ?? []
      return [...entries].reduce((sum, bytes) => sum + bytes.length, 0)
    })
  }

  freeBytes(): number {
    return this.host.freeBytes
  }

  directories(): Promise<string[]> {
    return this.soon(() =>
      [...this.host.processTable.files.keys()]
        .filter((path) => path.startsWith(`${ROOT}/`))
        .map((path) => path.slice(ROOT.length + 1))
        .sort(),
    )
  }

  file(directory: string, name: string): WorkspaceFile {
    const path = this.path(directory)
    const { files } = this.host.processTable
    lawful(name)
    const write = (bytes: (before: Uint8Array) => Uint8Array): void => {
      const entries = files.get(path) ?? new Map<string, Uint8Array>()
      files.set(path, entries)
      entries.set(name, bytes(entries.get(name) ?? new Uint8Array(0)))
    }
    return {
      read: (bytesMax) =>
        this.soon(() => {
          const bytes = files.get(path)?.get(name)
          if (bytes === undefined || bytes.length <= bytesMax) return bytes?.slice()
          return { tooLarge: bytes.length }
        }),
      append: (bytes) => this.soon(() => write((before) => Buffer.concat([before, bytes]))),
      write: (bytes) => this.soon(() => write(() => bytes.slice())),
      renameTo: (other) =>
        this.soon(() => {
          const bytes = files.get(path)?.get(name)
          if (bytes === undefined) {
            throw new WorkspaceError('notFound', `${path}/${name} is not there`)
          }
          files.get(path)?.set(lawful(other), bytes)
          files.get(path)?.delete(name)
        }),
      remove: () => this.soon(() => void files.get(path)?.delete(name)),
    }
  }

  /** A life that is over gets no answer, and changes nothing. */
  private soon<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.life !== this.host.life) return
      this.host.later(fileTimes.callMs, 'disk', 'file', () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }
}

function lawful(name: string): string {
  const plain = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)
  assert(plain, 'a name in the workspace must be plain', { name })
  return name
}
