import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { diskContract } from './disk.ts'
import { realPassage } from './passage.ts'

diskContract('the host’s disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-disk-'))
  let disk = await LevelDisk.open(directory)
  return {
    ...realPassage,
    disk,
    async reopen() {
      await disk.close()
      disk = await LevelDisk.open(directory)
      return disk
    },
    async close() {
      await disk.close()
      rmSync(directory, { recursive: true })
    },
  }
})

test('what was scrubbed is in no file of the disk any more, and was before', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-disk-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const disk = await LevelDisk.open(directory)
  // Nothing that compresses, so that it stands there as it is.
  const secret = 'q8Zr2LxV0fTnKjY5wPbC7mEdHs3uGa9i'
  const found = () =>
    readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes(secret))
  await disk.write([{ put: 'a/1', value: Buffer.from(secret) }], { durable: true })
  await disk.write([{ put: 'b/1', value: Buffer.from('rest') }], { durable: true })
  await disk.write([{ del: 'a/1' }], { durable: true })
  assert.ok(found().length > 0)
  await disk.scrub('a/')
  assert.deepEqual(found(), [])
  // Also when it had been in a table for long.
  await disk.write([{ put: 'a/2', value: Buffer.from(secret) }], { durable: true })
  await disk.scrub('a/')
  assert.ok(found().length > 0)
  await disk.write([{ del: 'a/2' }], { durable: true })
  await disk.scrub('a/')
  assert.deepEqual(found(), [])
  assert.equal(String(await disk.get('b/1').then((value) => value && Buffer.from(value))), 'rest')
  await disk.close()
})
