/** Manifests: one name for the same files, and nothing of a stranger taken on trust. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { blobOf, chunkCount, hashOf } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits as limits } from '../../protocol/artifacts/limits.ts'
import {
  type ArtifactFile,
  blobsOf,
  bytesOf,
  decodeManifest,
  encodeManifest,
  faultOfManifest,
  manifestOf,
} from '../../protocol/artifacts/manifest.ts'
import { comparePaths, directoriesOf, faultOfPath } from '../../protocol/artifacts/paths.ts'

const file = (path: string, sizeBytes = 0, salt = 1): ArtifactFile => {
  const chunks = new Uint8Array(32 * chunkCount(sizeBytes)).fill(salt)
  return { path, sizeBytes, executable: false, chunks }
}

const name = fc.stringMatching(/^[a-zé🦆.-]{1,6}$/u).filter((text) => text !== '.' && text !== '..')
const paths = fc.uniqueArray(
  fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
)

test('a manifest survives its way over the wire, and its order is one', () => {
  fc.assert(
    fc.property(paths, fc.nat(5 * limits.chunkBytes), (all, sizeBytes) => {
      const manifest = manifestOf(all.map((path) => file(path, sizeBytes)))
      if (faultOfManifest(manifest) !== undefined) return
      const encoded = encodeManifest(manifest)
      assert.deepEqual(decodeManifest(encoded), manifest)
      const shuffled = manifestOf(all.toReversed().map((path) => file(path, sizeBytes)))
      assert.equal(hashOf(encodeManifest(shuffled)), hashOf(encoded))
    }),
  )
})

test('golden: the name of a manifest and of a content never changes', () => {
  const manifest = manifestOf([{ ...file('b/c', 3), executable: true }, file('a', 2_000_000, 2)])
  assert.equal(
    hashOf(encodeManifest(manifest)),
    'd584818d09d301d30309504fc52a868fddd266aab1a6a2c718ab12ddc4367b65',
  )
  assert.equal(
    blobOf(3, new Uint8Array(32).fill(1)).hash,
    '9b1ef09a0e4d767034622d5fbaebd28dcea9a116b0a0e6e33b0a4b013572bb71',
  )
})

test('what may not be in a manifest is refused, and why', () => {
  const cases: [files: ArtifactFile[], why: RegExp][] = [
    [[file('../x')], /\.\. in it/],
    [[file('/x')], /absolute/],
    [[file('b'), file('a')], /out of order/],
    [[file('a'), file('a')], /out of order/],
    [[file('a'), file('a/b')], /a file and a directory/],
    [[file('a'), file('a-'), file('a/b')], /a file and a directory/],
    [[{ ...file('a', 5), chunks: new Uint8Array(0) }], /digests/],
    [[{ ...file('a', 5), chunks: new Uint8Array(64) }], /digests/],
    [[file('a', limits.fileBytesMax + 1)], /larger than/],
  ]
  for (const [files, why] of cases) assert.match(faultOfManifest({ files }) ?? 'none', why)
  const three = ['a', 'b', 'c'].map((path) => file(path, limits.fileBytesMax))
  assert.match(faultOfManifest({ files: three }) ?? 'none', /it is of more than/)
})

test('bytes of strangers are a manifest or a reason, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const read = decodeManifest(bytes)
      if (typeof read !== 'string') assert.equal(faultOfManifest(read), undefined)
    }),
  )
  assert.match(String(decodeManifest(new Uint8Array(limits.manifestBytesMax + 1))), /larger than/)
})

test('the largest stage fits a manifest', () => {
  const files: ArtifactFile[] = []
  const count = limits.filesPerStageMax
  const sizeBytes = Math.floor(limits.bytesPerStageMax / count)
  for (let i = 0; i < count; i++) files.push(file(`directory/of/files/${1e6 + i}`, sizeBytes, i))
  const manifest = manifestOf(files)
  assert.equal(faultOfManifest(manifest), undefined)
  assert.ok(encodeManifest(manifest).length <= limits.manifestBytesMax)
})

test('a content that several files have is listed once', () => {
  const manifest = manifestOf([file('a', 9), file('b', 9), file('c', 9, 2)])
  assert.equal(blobsOf(manifest).length, 2)
  assert.equal(bytesOf(manifest), 27)
})

test('paths that lead elsewhere, or nowhere, are refused', () => {
  const bad = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    'a/./b',
    'a\0b',
    'a\nb',
    '\uD800',
    'a\uFFFD',
  ]
  for (const path of [...bad, 'n'.repeat(256), `${'a/'.repeat(512)}a`]) {
    assert.notEqual(faultOfPath(path), undefined, JSON.stringify(path))
  }
  for (const path of ['a', 'a/b', '.hidden', '..a', 'a b', 'é/🦆', 'a\\b', 'n'.repeat(255)]) {
    assert.equal(faultOfPath(path), undefined, JSON.stringify(path))
  }
  assert.deepEqual(directoriesOf('a/b/c'), ['a', 'a/b'])
  assert.ok(comparePaths('\u{FFFF}', '\u{1F986}') < 0, 'by bytes, not by UTF-16')
})
