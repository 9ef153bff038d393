/** What every `Blobs` promises while nothing breaks, and what it makes of damage. */
import assert from 'node:assert/strict'
import { type Blob, blobOf, type ContentHash, hashOf } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { BlobError, type Blobs } from '../../protocol/ports/blobs.ts'
import { outcome, rejection, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface BlobsSubject extends Subject {
  blobs: Blobs
  /** An absolute directory that a stage may have worked in. */
  directory: string
  write(path: string, bytes: Uint8Array, executable?: boolean): Promise<void> | void
  read(path: string): Promise<Uint8Array | undefined> | Uint8Array | undefined
  /** Turns one bit of what is kept of a whole blob. */
  damage(hash: ContentHash, at: number): Promise<void> | void
  /** Another life of the port, over the same files. */
  reopen(): Promise<Blobs>
}

const { chunkBytes } = artifactLimits
const bounds = { filesMax: 100, entriesMax: 1_000, depthMax: 16 }

export function bytesOf(length: number, salt = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + salt * 7 + (i >> 8) + (i >> 20) * 13) & 0xff
  return bytes
}

export function blobsContract(
  name: string,
  make: () => Promise<BlobsSubject> | BlobsSubject,
): void {
  const it = promising(name, make)
  const does = <T>(subject: BlobsSubject, promise: Promise<T>) =>
    outcome(subject, 'the blobs', promise)

  async function stored(subject: BlobsSubject, bytes: Uint8Array, path = 'file'): Promise<Blob> {
    const { blobs, directory } = subject
    await subject.write(path, bytes)
    const draft = await does(subject, blobs.take(directory, path, bytes.length))
    const blob = blobOf(draft.sizeBytes, draft.chunks)
    await does(subject, blobs.keep(draft, blob))
    await does(subject, blobs.sync())
    return blob
  }

  it('what was taken is read and placed, chunk by chunk, whatever its size', async (subject) => {
    const { blobs, directory } = subject
    for (const length of [0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes]) {
      const bytes = bytesOf(length, length)
      const blob = await stored(subject, bytes)
      assert.equal(blob.sizeBytes, length)
      const parts: Uint8Array[] = []
      for (let i = 0; i * chunkBytes < length; i++) {
        const chunk = await does(subject, blobs.read(blob, i))
        assert.equal(chunk.kind, 'bytes')
        if (chunk.kind === 'bytes') parts.push(chunk.bytes)
      }
      assert.deepEqual(Buffer.concat(parts), Buffer.from(bytes))
      const placed = await does(subject, blobs.place(blob, directory, 'out/deep/copy', false))
      assert.equal(placed, 'placed')
      assert.deepEqual(Buffer.from((await subject.read('out/deep/copy'))!), Buffer.from(bytes))
    }
  })

  it('the same content has the same name, whatever the file is called', async (subject) => {
    const one = await stored(subject, bytesOf(5_000), 'a')
    const other = await stored(subject, bytesOf(5_000), 'b/c')
    const third = await stored(subject, bytesOf(5_001), 'd')
    assert.equal(one.hash, other.hash)
    assert.notEqual(one.hash, third.hash)
  })

  it('a walk finds what the patterns take, and says when there is too much', async (subject) => {
    const { blobs, directory } = subject
    for (const path of ['dist/a.js', 'dist/b/c.js', 'dist/b/c.map', 'other/d.js', 'e.txt']) {
      await subject.write(path, bytesOf(10))
    }
    const find = async (...patterns: string[]) => {
      const found = await does(subject, blobs.walk(directory, patterns, bounds))
      return found.files.map(({ path, pattern }) => `${pattern}:${path}`).sort()
    }
    assert.deepEqual(await find('dist/**', '*.txt'), [
      '0:dist/a.js',
      '0:dist/b/c.js',
      '0:dist/b/c.map',
      '1:e.txt',
    ])
    assert.deepEqual(await find('**/*.js', '!other/**'), ['0:dist/a.js', '0:dist/b/c.js'])
    assert.deepEqual(await find('nothing/*'), [])
    const few = blobs.walk(directory, ['**'], { ...bounds, filesMax: 4 })
    assert.equal(codeOf(await rejection(subject, 'walk', few)), 'tooMany')
  })

  it('a file larger than said is not taken', async (subject) => {
    const { blobs, directory } = subject
    await subject.write('large', bytesOf(chunkBytes + 5))
    const taken = blobs.take(directory, 'large', chunkBytes)
    assert.equal(codeOf(await rejection(subject, 'take', taken)), 'tooLarge')
  })

  it('what is executable is told', async (subject) => {
    const { blobs, directory } = subject
    await subject.write('tool', bytesOf(3), true)
    await subject.write('text', bytesOf(3), false)
    assert.equal((await does(subject, blobs.take(directory, 'tool', 3))).executable, true)
    assert.equal((await does(subject, blobs.take(directory, 'text', 3))).executable, false)
  })

  it('no path leads out of the directory', async (subject) => {
    const { blobs, directory } = subject
    const blob = await stored(subject, bytesOf(10))
    for (const path of ['../out', '/etc/out', 'a/../../out', '', 'a//b', './a']) {
      const error = await rejection(subject, path, blobs.place(blob, directory, path, false))
      assert.equal(codeOf(error), 'badPath', path)
      assert.equal(
        codeOf(await rejection(subject, path, blobs.take(directory, path, 9))),
        'badPath',
      )
    }
  })

  it('a part tells which chunks it lacks, takes only those that are right, and is whole then', async (subject) => {
    const { blobs } = subject
    const bytes = bytesOf(3 * chunkBytes + 10, 3)
    const blob = blobFor(bytes)
    const chunk = (i: number) => bytes.slice(i * chunkBytes, (i + 1) * chunkBytes)
    assert.deepEqual(await does(subject, blobs.begin(blob)), [0, 1, 2, 3])
    assert.equal(await does(subject, blobs.put(blob, 2, chunk(2))), true)
    assert.equal(await does(subject, blobs.put(blob, 1, chunk(2))), false)
    assert.equal(await does(subject, blobs.put(blob, 3, bytesOf(10, 9))), false)
    assert.equal(await does(subject, blobs.put(blob, 3, chunk(3))), true)
    assert.deepEqual(await does(subject, blobs.begin(blob)), [0, 1])
    assert.deepEqual(await does(subject, blobs.read(blob, 2)), { kind: 'missing' })
    for (const i of [0, 1]) await does(subject, blobs.put(blob, i, chunk(i)))
    await does(subject, blobs.finish(blob))
    const read = await does(subject, blobs.read(blob, 1))
    assert.ok(read.kind === 'bytes' && Buffer.compare(read.bytes, chunk(1)) === 0)
  })

  it('a part of which nothing is known needs no beginning', async (subject) => {
    const bytes = bytesOf(20, 11)
    const blob = blobFor(bytes)
    assert.equal(await does(subject, subject.blobs.put(blob, 0, bytes.slice())), true)
    await does(subject, subject.blobs.finish(blob))
    const read = await does(subject, subject.blobs.read(blob, 0))
    assert.ok(read.kind === 'bytes' && Buffer.compare(read.bytes, bytes) === 0)
  })

  it('damage is never handed out, and costs only the chunk that it hit', async (subject) => {
    const { blobs, directory } = subject
    const bytes = bytesOf(3 * chunkBytes, 4)
    const blob = await stored(subject, bytes)
    await subject.write('out', bytesOf(4))
    await subject.damage(blob.hash, chunkBytes + 17)
    assert.equal((await does(subject, blobs.read(blob, 0))).kind, 'bytes')
    assert.equal((await does(subject, blobs.read(blob, 1))).kind, 'damaged')
    assert.equal(await does(subject, blobs.place(blob, directory, 'out', false)), 'damaged')
    assert.deepEqual(Buffer.from((await subject.read('out'))!), Buffer.from(bytesOf(4)))
    await does(subject, blobs.demote(blob.hash))
    assert.deepEqual(await does(subject, blobs.begin(blob)), [1])
    await does(subject, blobs.put(blob, 1, bytes.slice(chunkBytes, 2 * chunkBytes)))
    await does(subject, blobs.finish(blob))
    assert.equal(await does(subject, blobs.place(blob, directory, 'out', false)), 'placed')
  })

  it('taking a damaged content once more mends it', async (subject) => {
    const bytes = bytesOf(100, 5)
    const blob = await stored(subject, bytes)
    await subject.damage(blob.hash, 50)
    assert.equal((await stored(subject, bytes)).hash, blob.hash)
    assert.equal((await does(subject, subject.blobs.read(blob, 0))).kind, 'bytes')
  })

  it('what is there is listed, also in another life; drafts are not, and are gone', async (subject) => {
    const { blobs, directory } = subject
    const whole = await stored(subject, bytesOf(100, 6))
    const part = blobFor(bytesOf(200, 7))
    await does(subject, blobs.begin(part))
    await does(subject, blobs.put(part, 0, bytesOf(200, 7)))
    await does(subject, blobs.take(directory, 'file', 100))
    const again = await does(subject, subject.reopen())
    const held = await does(subject, again.list())
    const expected = [
      { hash: whole.hash, sizeBytes: 100, whole: true },
      { hash: part.hash, sizeBytes: 200, whole: false },
    ]
    const byHash = (a: { hash: string }, b: { hash: string }) => (a.hash < b.hash ? -1 : 1)
    assert.deepEqual(held.sort(byHash), expected.sort(byHash))
    assert.deepEqual(await does(subject, again.begin(part)), [])
  })

  it('what was removed is gone, and may be removed again', async (subject) => {
    const { blobs } = subject
    const blob = await stored(subject, bytesOf(10, 8))
    await does(subject, blobs.remove(blob.hash))
    await does(subject, blobs.remove(blob.hash))
    assert.deepEqual(await does(subject, blobs.read(blob, 0)), { kind: 'missing' })
    assert.equal(await does(subject, blobs.place(blob, subject.directory, 'x', false)), 'missing')
    assert.deepEqual(await does(subject, blobs.list()), [])
  })

  it('a draft can be dropped, and digests are those of the content', async (subject) => {
    const { blobs, directory } = subject
    await subject.write('file', bytesOf(10))
    const draft = await does(subject, blobs.take(directory, 'file', 10))
    await does(subject, blobs.drop(draft))
    assert.deepEqual(await does(subject, blobs.list()), [])
    assert.equal(await does(subject, blobs.digest(bytesOf(10))), hashOf(bytesOf(10)))
  })

  it('closed, it says so', async (subject) => {
    const { blobs } = subject
    await does(subject, blobs.close())
    await does(subject, blobs.close())
    assert.equal(codeOf(await rejection(subject, 'list', blobs.list())), 'closed')
  })
}

/** As whoever has the manifest knows it. */
export function blobFor(bytes: Uint8Array): Blob {
  const digests: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    digests.push(Buffer.from(hashOf(bytes.subarray(at, at + chunkBytes)), 'hex'))
  }
  return blobOf(bytes.length, new Uint8Array(Buffer.concat(digests)))
}

function codeOf(error: Error): string {
  assert.ok(error instanceof BlobError, String(error))
  return error.code
}
