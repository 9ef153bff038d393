import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readStoreKey } from '../../agent/ports/sealing/key-file.ts'
import { Problem } from '../../protocol/problem.ts'
import { temporaryDirectory } from '../ports/temporary-directory.ts'

test('a key is read as digits or as bytes, and nothing else is one', async (t) => {
  const path = join(temporaryDirectory(t), 'key')
  const read = async (bytes: Uint8Array | string) => {
    writeFileSync(path, bytes, { mode: 0o600 })
    return readStoreKey(path).catch((error: unknown) => (error as Problem).code)
  }
  const key = new Uint8Array(32).fill(0xab)
  assert.deepEqual(await read(key), key)
  assert.deepEqual(await read('ab'.repeat(32)), key)
  assert.deepEqual(await read(`${'AB'.repeat(32)}\n`), key)
  for (const wrong of ['', 'ab', 'xy'.repeat(32), `${'ab'.repeat(32)}0`, 'ab'.repeat(4_000)])
    assert.equal(await read(wrong), 'noStoreKey', wrong.slice(0, 80))
})

test('one that others may read, or that is not there, is refused with what to do', async (t) => {
  const path = join(temporaryDirectory(t), 'key')
  await assert.rejects(readStoreKey(path), (error) => error instanceof Problem && error.fix !== '')
  writeFileSync(path, 'ab'.repeat(32))
  chmodSync(path, 0o644)
  await assert.rejects(readStoreKey(path), { code: 'keyExposed' })
})
