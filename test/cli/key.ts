/** A person's key in a file, for commands that are run as from a shell. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatKeyFile } from '../../protocol/identity/key-file.ts'
import { ada, credentialOf, mesh } from '../identity/parties.ts'

let folder: string | undefined

/** What ada's shell is told. Her key is good at any time. */
export function adasEnvironment(): Record<string, string> {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'skein-key-'))
    folder = made
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
  }
  const file = join(folder, 'ada.key')
  const key = { kind: 'plain', seed: new Uint8Array(32).fill(3) } as const
  const credential = credentialOf(ada, { notBeforeMs: 0, notAfterMs: 9e12 })
  const content = formatKeyFile({ use: 'operator', mesh, name: 'ada', id: ada.id, key, credential })
  writeFileSync(file, content, { mode: 0o600 })
  return { SKEIN_KEY: file }
}
