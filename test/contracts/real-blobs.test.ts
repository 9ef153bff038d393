import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { FileBlobs } from '../../agent/ports/blobs/blobs.ts'
import { blobFor, blobsContract } from './blobs.ts'
import { realPassage } from './passage.ts'

blobsContract('the host’s blobs', () => {
  const root = mkdtempSync(join(tmpdir(), 'skein-blobs-'))
  const directory = join(root, 'stage')
  const kept = join(root, 'kept')
  mkdirSync(directory)
  const blobs = new FileBlobs(kept)
  const open = [blobs]
  return {
    ...realPassage,
    blobs,
    directory,
    write(path, bytes, executable = false) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), bytes, { mode: executable ? 0o755 : 0o644 })
    },
    read: (path) => {
      const file = join(directory, path)
      return existsSync(file) ? readFileSync(file) : undefined
    },
    damage(hash, at) {
      const file = join(kept, 'blobs', hash.slice(0, 2), hash.slice(2))
      const bytes = readFileSync(file)
      bytes[at] = (bytes[at] as number) ^ 4
      writeFileSync(file, bytes)
    },
    async reopen() {
      await blobs.close()
      const again = new FileBlobs(kept)
      open.push(again)
      return again
    },
    async close() {
      for (const one of open) await one.close()
      rmSync(root, { recursive: true })
    },
  }
})

test('blobs leave the rest of the disk to others', async () => {
  const root = mkdtempSync(join(tmpdir(), 'skein-blobs-'))
  const blobs = new FileBlobs(join(root, 'kept'), { freeBytesMin: Number.MAX_SAFE_INTEGER })
  try {
    writeFileSync(join(root, 'file'), 'content')
    const bytes = new TextEncoder().encode('content')
    await assert.rejects(blobs.take(root, 'file', 100), { code: 'full' })
    await assert.rejects(blobs.put(blobFor(bytes), 0, bytes), { code: 'full' })
    assert.deepEqual(await blobs.list(), [])
  } finally {
    await blobs.close()
    rmSync(root, { recursive: true })
  }
})
