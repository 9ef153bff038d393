/** The `SecretFiles` port of one life of a host. The files are in the machine's memory. */
import { assert } from '../../protocol/assert.ts'
import type { SecretFiles, SecretReader } from '../../protocol/ports/secret-files.ts'
import { WorkspaceError } from '../../protocol/ports/workspace.ts'
import type { Host } from './host.ts'
import { fileTimes } from './limits.ts'

const ROOT = '/secrets/'
const SHOWN = '/shown'

export class SimulatedSecretFiles implements SecretFiles {
  readonly missing: string | undefined
  private readonly host: Host
  private readonly life: number

  constructor(host: Host, missing?: string) {
    this.missing = missing
    this.host = host
    this.life = host.life
  }

  put(
    folder: string,
    files: ReadonlyMap<string, Uint8Array>,
    reader: SecretReader,
  ): Promise<string> {
    const path = pathOf(folder) + (reader === 'container' ? SHOWN : '')
    const copies = new Map([...files].map(([name, bytes]) => [lawful(name), bytes.slice()]))
    return this.soon(() => {
      if (this.missing !== undefined) throw new WorkspaceError('failed', this.missing)
      this.clear(folder)
      this.host.processTable.files.set(path, copies)
      return path
    })
  }

  remove(folder: string): Promise<void> {
    lawful(folder)
    return this.soon(() => this.clear(folder))
  }

  folders(): Promise<string[]> {
    return this.soon(() => {
      const paths = [...this.host.processTable.files.keys()].filter((path) => path.startsWith(ROOT))
      return paths.map((path) => path.split('/')[2] ?? '').sort()
    })
  }

  private clear(folder: string): void {
    const { files } = this.host.processTable
    files.delete(pathOf(folder))
    files.delete(pathOf(folder) + SHOWN)
  }

  /** A life that is over gets no answer, and changes nothing. */
  private soon<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.life !== this.host.life) return
      this.host.later(fileTimes.callMs, 'disk', 'secret file', () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }
}

function pathOf(folder: string): string {
  return ROOT + lawful(folder)
}

function lawful(name: string): string {
  const plain = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)
  assert(plain, 'a name of a secret file must be plain', { name })
  return name
}
