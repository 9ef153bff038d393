/** Artifacts between real hosts on loopback: real files, real streams, a real thread that hashes. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ArtifactError } from '../../agent/artifacts/errors.ts'
import { type RealHost, withStores } from './real-hosts.ts'
import { madeBytes, mib } from './stage.ts'

const forever = () => new AbortController().signal
const collect = (host: RealHost, patterns = ['**'], run = 'r1') =>
  host.store.collect({ run, directory: host.directory, patterns })
const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

test('a file of 64 MiB and two hundred small ones go from host to host to host', async () => {
  await withStores(3, async (hosts) => {
    const [maker, second, third] = hosts as [RealHost, RealHost, RealHost]
    writeFileSync(join(maker.directory, 'large'), madeBytes(64 * mib, 1), { mode: 0o755 })
    mkdirSync(join(maker.directory, 'many'))
    for (let i = 0; i < 200; i++) {
      writeFileSync(join(maker.directory, 'many', `f${i}`), madeBytes(i, i + 2))
    }
    const { manifest, files, bytes } = await collect(maker)
    assert.deepEqual([files, bytes], [201, 64 * mib + 19_900])
    const fetch = (host: RealHost, from: RealHost) =>
      host.store.fetch({
        manifest,
        holders: [from.network.self],
        into: host.directory,
        signal: forever(),
      })
    await fetch(second, maker)
    const { receivedBytes } = await fetch(third, second)
    assert.equal(receivedBytes, bytes)
    for (const host of [second, third]) {
      assert.equal(sum(join(host.directory, 'large')), sum(join(maker.directory, 'large')))
      assert.equal(statSync(join(host.directory, 'large')).mode & 0o111, 0o111)
      assert.equal(readdirSync(join(host.directory, 'many')).length, 200)
      for (const i of [0, 1, 100, 199]) {
        const path = join('many', `f${i}`)
        assert.equal(sum(join(host.directory, path)), sum(join(maker.directory, path)))
      }
      assert.deepEqual(host.verdicts, [])
    }
  })
})

test('links are neither followed nor handed on, and what is left out is named', async () => {
  await withStores(1, async ([host]) => {
    const { directory } = host!
    writeFileSync(join(directory, 'real'), 'real')
    symlinkSync('/etc/passwd', join(directory, 'leads-out'))
    mkdirSync(join(directory, 'sub'))
    symlinkSync('/etc', join(directory, 'sub', 'etc'))
    const made = await collect(host!)
    assert.equal(made.files, 1)
    assert.deepEqual(made.leftOut.sort(), ['leads-out', 'sub/etc'])
  })
})

test('no link in a directory leads a file that is put there elsewhere', async () => {
  await withStores(1, async ([host]) => {
    const { directory, kept, store } = host!
    mkdirSync(join(directory, 'out'))
    writeFileSync(join(directory, 'out', 'file'), 'new')
    writeFileSync(join(directory, 'name'), 'new')
    const { manifest } = await collect(host!)
    const elsewhere = join(kept, 'elsewhere')
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'name'), 'old')
    const into = join(kept, 'into')
    mkdirSync(into)
    symlinkSync(elsewhere, join(into, 'out'))
    const error = await store.fetch({ manifest, holders: [], into, signal: forever() }).then(
      () => assert.fail('should have been refused'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof ArtifactError)
    assert.deepEqual([error.code, error.errorClass], ['badPath', 'input'])
    assert.ok(!existsSync(join(elsewhere, 'file')))
    const other = join(kept, 'other')
    mkdirSync(other)
    symlinkSync(join(elsewhere, 'name'), join(other, 'name'))
    await store.fetch({ manifest, holders: [], into: other, signal: forever() })
    assert.equal(readFileSync(join(elsewhere, 'name'), 'utf8'), 'old')
    assert.equal(readFileSync(join(other, 'name'), 'utf8'), 'new')
    assert.deepEqual(readdirSync(other).sort(), ['name', 'out'])
  })
})

test('damage on a real disk is found by the holder, and mended by whoever has it whole', async () => {
  await withStores(3, async (hosts) => {
    const [bad, good, taker] = hosts as [RealHost, RealHost, RealHost]
    for (const host of [bad, good]) writeFileSync(join(host.directory, 'f'), madeBytes(3 * mib, 9))
    const { manifest } = await collect(bad)
    await collect(good)
    const shards = join(bad.kept, 'blobs')
    const [shard] = readdirSync(shards) as [string]
    const [name] = readdirSync(join(shards, shard)) as [string]
    const path = join(shards, shard, name)
    const bytes = readFileSync(path)
    bytes[2 * mib + 5] = (bytes[2 * mib + 5] as number) ^ 1
    writeFileSync(path, bytes)
    const fetch = (holders: RealHost[]) =>
      taker.store.fetch({
        manifest,
        holders: holders.map(({ network }) => network.self),
        into: taker.directory,
        signal: forever(),
      })
    await assert.rejects(fetch([bad]), { code: 'lost' })
    assert.equal(bad.store.has(manifest), false)
    const { receivedBytes } = await fetch([bad, good])
    assert.ok(receivedBytes < 3 * mib, 'the chunks that were whole came only once')
    assert.equal(sum(join(taker.directory, 'f')), sum(join(good.directory, 'f')))
    assert.deepEqual(taker.verdicts, [])
  })
})
