/** Secrets as files in the memory of this host, as far as it has a place there. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSecretFiles } from '../../agent/ports/secret-files.ts'
import { makePlace, whyNotInMemory } from '../ports/in-memory.ts'
import { userOfStages, whyNoUser } from '../ports/stage-user.ts'
import { realPassage } from './passage.ts'
import { secretFilesContract } from './secret-files.ts'

function filesIn(path: string): Map<string, Uint8Array> {
  try {
    const names = readdirSync(path)
    return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(path, name)))]))
  } catch {
    return new Map()
  }
}

if (whyNotInMemory === undefined) {
  for (const asUser of whyNoUser === undefined ? [false, true] : [false]) {
    secretFilesContract(`the host’s secrets as files${asUser ? ' of a user' : ''}`, async () => {
      const place = makePlace()
      const user = asUser ? await userOfStages() : undefined
      return {
        ...realPassage,
        secretFiles: await openSecretFiles('contract', [place], user),
        filesIn,
        close: () => rmSync(place, { recursive: true, force: true }),
      }
    })
  }
} else test('secrets as files', { skip: whyNotInMemory }, () => {})
