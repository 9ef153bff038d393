import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { DiskLocked } from '../../agent/ports/disk-errors.ts'
import { DiskError, type DiskOp, within } from '../../protocol/ports/disk.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, text: string): DiskOp => ({ put: key, value: bytes(text) })
const is = (code: string) => (error: unknown) => error instanceof DiskError && error.code === code

async function contents(disk: LevelDisk): Promise<[string, string][]> {
  const entries: [string, string][] = []
  for await (const [key, value] of disk.scan({ from: '', to: '\u{10FFFF}' })) {
    entries.push([key, new TextDecoder().decode(value)])
  }
  return entries
}

test('writes that overlap take effect in the order given, whatever their durability', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  const op = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.string({ maxLength: 4 })))
  const batches = fc.array(fc.tuple(fc.array(op, { maxLength: 5 }), fc.boolean()), {
    maxLength: 30,
  })
  let round = 0
  await fc.assert(
    fc.asyncProperty(batches, async (given) => {
      const prefix = `${round++}/`
      const expected = new Map<string, string>()
      await Promise.all(
        given.map(([ops, durable]) => {
          for (const [key, text] of ops) {
            if (text === null) expected.delete(prefix + key)
            else expected.set(prefix + key, text)
          }
          const batch = ops.map(([key, text]) =>
            text === null ? { del: prefix + key } : put(prefix + key, text),
          )
          return disk.write(batch, { durable })
        }),
      )
      const found = new Map<string, string>()
      for await (const [key, value] of disk.scan(within(prefix))) {
        found.set(key, new TextDecoder().decode(value))
      }
      assert.deepEqual(
        [...found],
        [...expected].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    }),
    { numRuns: 50 },
  )
  await disk.close()
})

test('durable writes that come together share one sync', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  const writes = Array.from({ length: 500 }, (_, i) =>
    disk.write([put(`k${i}`, 'x')], { durable: true }),
  )
  await Promise.all(writes)
  const { batches, syncs, lastSyncMs } = disk.metrics()
  assert.equal(batches, 500)
  assert.ok(syncs <= 2, `${syncs} syncs`)
  assert.ok(lastSyncMs !== undefined && lastSyncMs > 0)
  await disk.close()
})

test('what is written is what was given, even if the caller reuses the bytes', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  const value = bytes('before')
  const written = disk.write([{ put: 'k', value }], { durable: true })
  value.set(bytes('after!'))
  await written
  assert.deepEqual(await disk.get('k'), bytes('before'))
  await disk.close()
})

/** Writes for ever, says each durable batch when it is safe, and dies by SIGKILL in the middle. */
const writer = `
import { LevelDisk } from ${JSON.stringify(join(import.meta.dirname, '../../agent/ports/disk.ts'))}
const disk = await LevelDisk.open(process.argv[1])
const value = new Uint8Array(3000)
for (let i = 0; ; i++) {
  const durable = i % 3 === 0
  const ops = ['a', 'b'].map((half) => ({ put: half + '/' + String(i).padStart(8, '0'), value }))
  const written = disk.write(ops, { durable })
  if (durable) written.then(() => process.stdout.write(i + '\\n'))
  if (i % 20 === 0) await written
}`

test('a process that is killed loses nothing durable, no half of a batch, and none out of order', async (t) => {
  const directory = temporaryDirectory(t)
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  // Far enough for LevelDB to have started new logs and made tables of the old ones.
  for await (const chunk of child.stdout) {
    said += chunk
    if (said.split('\n').length > 600 && child.exitCode === null) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  const acknowledged = said.split('\n').slice(0, -1).map(Number)
  const disk = await LevelDisk.open(directory)
  const halves = { a: 0, b: 0 }
  for await (const [key] of disk.scan({ from: 'a/', to: 'c' })) {
    const half = key[0] as 'a' | 'b'
    assert.equal(Number(key.slice(2)), halves[half], 'no batch is missing before a later one')
    halves[half]++
  }
  assert.equal(halves.a, halves.b, 'a batch is there whole or not at all')
  assert.ok(halves.a > Math.max(...acknowledged), 'what was said to be safe is there')
  await disk.close()
})

test('a store that is open cannot be opened again, and can once it is closed', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = await LevelDisk.open(directory)
  await assert.rejects(LevelDisk.open(directory), DiskLocked)
  await disk.close()
  await (await LevelDisk.open(directory)).close()
})

test('a closed disk refuses with a code, and closing waits for what was given', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = await LevelDisk.open(directory)
  const written = disk.write([put('k', 'v')], { durable: false })
  await disk.close()
  await written
  await assert.rejects(disk.get('k'), is('closed'))
  await assert.rejects(disk.write([put('k', 'v')], { durable: true }), is('closed'))
  await assert.rejects(contents(disk), is('closed'))
  const again = await LevelDisk.open(directory)
  assert.deepEqual(await contents(again), [['k', 'v']])
  await again.close()
})

test('below the reserve a disk refuses what adds, allows what deletes, and stays whole', async (t) => {
  const directory = temporaryDirectory(t)
  const roomy = await LevelDisk.open(directory)
  await roomy.write([put('k', 'v')], { durable: true })
  await roomy.close()
  const disk = await LevelDisk.open(directory, Number.MAX_SAFE_INTEGER)
  await assert.rejects(disk.write([put('l', 'v')], { durable: true }), is('full'))
  await disk.write([{ del: 'k' }], { durable: true })
  assert.deepEqual(await contents(disk), [])
  await disk.close()
})

for (const [damage, manifest] of [
  ['missing', undefined],
  ['garbled', 'not a manifest'],
] as const) {
  test(`a store whose list of files is ${damage} is reported as corrupt`, async (t) => {
    const directory = temporaryDirectory(t)
    await (await LevelDisk.open(directory)).close()
    writeFileSync(join(directory, 'CURRENT'), 'MANIFEST-999999\n')
    if (manifest) writeFileSync(join(directory, 'MANIFEST-999999'), manifest)
    await assert.rejects(LevelDisk.open(directory), is('corrupt'))
  })
}

/** A file system of its own needs root; elsewhere the reserve above is what is shown. */
function mountTmpfs(t: TestContext, options: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'skein-test-'))
  try {
    const arguments_ = ['-t', 'tmpfs', '-o', options, 'skein-test', directory]
    execFileSync('mount', arguments_, { stdio: 'ignore' })
    t.after(() => {
      execFileSync('umount', ['-l', directory])
      rmdirSync(directory)
    })
    return directory
  } catch {
    rmdirSync(directory)
    return undefined
  }
}

test('what is given behind a batch that finds no room is refused with it, and taken when that was heard', async (t) => {
  const directory = mountTmpfs(t, 'size=16m')
  if (!directory) return t.skip('mounting needs root')
  const disk = await LevelDisk.open(join(directory, 'store'), 8 * 1024 * 1024)
  await disk.write([put('k', 'v')], { durable: true })
  const large = disk.write([{ put: 'l', value: new Uint8Array(9 * 1024 * 1024) }], {
    durable: true,
  })
  const small = disk.write([put('m', 'v')], { durable: true })
  const room = disk.write([{ del: 'k' }], { durable: true })
  await assert.rejects(large, is('full'))
  await assert.rejects(small, is('full'))
  await room
  await disk.write([put('n', 'v')], { durable: true })
  assert.deepEqual(await contents(disk), [['n', 'v']])
  await disk.close()
})

test('a disk that fills up under a write ends writing, keeps reading, and loses nothing acknowledged', async (t) => {
  const directory = mountTmpfs(t, 'size=3m')
  if (!directory) return t.skip('mounting needs root')
  const disk = await LevelDisk.open(join(directory, 'store'), 0)
  let written = 0
  const fill = async (): Promise<void> => {
    for (; written < 10_000; written++) {
      const value = crypto.getRandomValues(new Uint8Array(20_000))
      await disk.write([{ put: String(written).padStart(8, '0'), value }], { durable: true })
    }
  }
  await assert.rejects(fill(), is('full'))
  assert.ok(written > 0)
  await assert.rejects(disk.write([{ del: '00000000' }], { durable: true }), is('full'))
  assert.equal((await disk.get('00000000'))?.length, 20_000)
  await disk.close()
  execFileSync('mount', ['-o', 'remount,size=20m', directory])
  const again = await LevelDisk.open(join(directory, 'store'), 0)
  const keys = (await contents(again)).map(([key]) => Number(key))
  assert.deepEqual(
    keys.slice(0, written),
    Array.from({ length: written }, (_, i) => i),
  )
  await again.close()
})

test('a file system that is mounted read-only is reported as such', async (t) => {
  const directory = mountTmpfs(t, 'size=8m')
  if (!directory) return t.skip('mounting needs root')
  const disk = await LevelDisk.open(join(directory, 'store'), 0)
  await disk.close()
  execFileSync('mount', ['-o', 'remount,ro', directory])
  await assert.rejects(LevelDisk.open(join(directory, 'store'), 0), is('readOnly'))
})
