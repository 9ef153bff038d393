/** Directories of several agents that start at once, in a folder that none of them has made. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDirectory } from '../../agent/ports/make-directory.ts'

test('many who make neighbouring directories at once all get theirs', async () => {
  const home = mkdtempSync(join(tmpdir(), 'skein-directories-'))
  try {
    for (let round = 0; round < 100; round++) {
      const paths = Array.from({ length: 6 }, (_, i) => join(home, `${round}`, 'nodes', `n${i}`))
      await Promise.all(paths.map(makeDirectory))
      for (const path of paths) assert.equal(statSync(path).mode & 0o777, 0o700)
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

test('where nothing can be made, it says so and ends', async () => {
  await assert.rejects(makeDirectory('/proc/skein/n1'), { code: 'ENOENT' })
})
