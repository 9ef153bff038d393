/** What every `SecretFiles` promises. */
import assert from 'node:assert/strict'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import { outcome, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface SecretFilesSubject extends Subject {
  secretFiles: SecretFiles
  /** What lies there, by name; empty where nothing does. */
  filesIn(path: string): ReadonlyMap<string, Uint8Array>
}

/** As a key is, and as a text never is. */
const binary = new Uint8Array([0, 255, 10, 13, 0, 128, 10])
const text = new TextEncoder().encode('-----BEGIN KEY-----\nMC4C\n-----END KEY-----\n')

export function secretFilesContract(
  name: string,
  make: () => Promise<SecretFilesSubject> | SecretFilesSubject,
): void {
  const it = promising(name, make)

  it('what is put there lies there, every byte of it, until it is removed', async (subject) => {
    const { secretFiles, filesIn, settle } = at(subject)
    for (const reader of ['program', 'container'] as const) {
      const files = new Map([
        ['CERT', text],
        ['KEY', binary],
      ])
      const path = await settle(secretFiles.put('a1-1', files, reader))
      assert.deepEqual(new Map(filesIn(path)), files)
      assert.deepEqual(await settle(secretFiles.folders()), ['a1-1'])
      await settle(secretFiles.remove('a1-1'))
      assert.equal(filesIn(path).size, 0)
      assert.deepEqual(await settle(secretFiles.folders()), [])
    }
  })

  it('what was there before is gone when something else is put there', async (subject) => {
    const { secretFiles, filesIn, settle } = at(subject)
    const shown = await settle(secretFiles.put('a1-1', new Map([['OLD', text]]), 'container'))
    const path = await settle(secretFiles.put('a1-1', new Map([['NEW', binary]]), 'program'))
    assert.deepEqual([...filesIn(path).keys()], ['NEW'])
    assert.equal(filesIn(shown).size, 0)
  })

  it('each attempt has a folder of its own, and nothing to remove is no mistake', async (subject) => {
    const { secretFiles, filesIn, settle } = at(subject)
    await settle(secretFiles.remove('a1-1'))
    const put = (folder: string) => secretFiles.put(folder, new Map([['KEY', text]]), 'program')
    const names = ['a1-1', 'a1-2', 'a1-3']
    // At once, as stages begin and end.
    const paths = await settle(Promise.all(names.map(put)))
    assert.equal(new Set(paths).size, 3)
    await settle(Promise.all([secretFiles.remove('a1-1'), secretFiles.remove('a1-3'), put('a1-4')]))
    assert.deepEqual(await settle(secretFiles.folders()), ['a1-2', 'a1-4'])
    assert.equal(filesIn(paths[1] as string).size, 1)
    await settle(Promise.all([secretFiles.remove('a1-2'), secretFiles.remove('a1-4'), put('a1-5')]))
    assert.deepEqual(await settle(secretFiles.folders()), ['a1-5'])
    await settle(secretFiles.remove('a1-5'))
  })

  it('names that lead elsewhere are refused as bugs', (subject) => {
    for (const folder of ['..', 'a/b', '.hidden', '']) {
      assert.throws(() => subject.secretFiles.put(folder, new Map(), 'program'), /must be plain/)
      assert.throws(() => subject.secretFiles.remove(folder), /must be plain/)
    }
  })
}

function at(subject: SecretFilesSubject) {
  const settle = <T>(promise: Promise<T>): Promise<T> => outcome(subject, 'an answer', promise)
  const { secretFiles, filesIn } = subject
  return { secretFiles, filesIn, settle }
}
