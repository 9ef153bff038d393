import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { openedWith, rekeyed, SealRefused } from '../../agent/ports/sealing/opening.ts'
import { type Disk, DiskError, lostKey } from '../../protocol/ports/disk.ts'
import { diskContract } from '../contracts/disk.ts'
import { realPassage } from '../contracts/passage.ts'
import { temporaryDirectory } from '../ports/temporary-directory.ts'

const keyOf = (byte: number) => new Uint8Array(32).fill(byte)
const [first, second] = [keyOf(1), keyOf(2)]
const durable = { durable: true }
const text = (value: string) => new TextEncoder().encode(value)
const all = { from: '', to: '\u{10FFFF}' }

diskContract('a sealed disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-sealed-'))
  let disk = await openedWith(await LevelDisk.open(directory), first)
  return {
    ...realPassage,
    disk,
    async reopen() {
      await disk.close()
      disk = await openedWith(await LevelDisk.open(directory), first)
      return disk
    },
    async close() {
      await disk.close()
      rmSync(directory, { recursive: true })
    },
  }
})

/** Nothing that compresses, so that it stands in the files as it is. */
const secret = 'q8Zr2LxV0fTnKjY5wPbC7mEdHs3uGa9i'

function filesWithSecret(directory: string): string[] {
  return readdirSync(directory).filter((name) =>
    readFileSync(join(directory, name)).includes(secret),
  )
}

async function rows(disk: Disk): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const [key, value] of disk.scan(all)) found[key] = new TextDecoder().decode(value)
  return found
}

/** More than go over at once. */
function many(): Record<string, string> {
  const names = Array.from({ length: 1_234 }, (_, i) => `k${String(i).padStart(5, '0')}`)
  return Object.fromEntries(names.map((name) => [name, `${secret} ${name}`]))
}

async function fill(disk: Disk, values: Readonly<Record<string, string>>): Promise<void> {
  const batch = Object.entries(values).map(([put, value]) => ({ put, value: text(value) }))
  await disk.write(batch, durable)
}

const refused = (why: string) => (error: unknown) =>
  error instanceof SealRefused && error.why === why

test('a store that was open is sealed whole, and nothing of it stands in its files', async (t) => {
  const directory = temporaryDirectory(t)
  const plain = await LevelDisk.open(directory)
  await fill(plain, many())
  await plain.close()
  assert.ok(filesWithSecret(directory).length > 0)
  const sealed = await openedWith(await LevelDisk.open(directory), first)
  assert.deepEqual(await rows(sealed), many())
  assert.deepEqual(filesWithSecret(directory), [])
  await fill(sealed, { later: secret })
  await sealed.close()
  assert.deepEqual(filesWithSecret(directory), [])
  const again = await openedWith(await LevelDisk.open(directory), first)
  assert.deepEqual(await rows(again), { ...many(), later: secret })
  await again.close()
})

test('without its key, or with another, it is refused, and left as it is', async (t) => {
  const directory = temporaryDirectory(t)
  const sealed = await openedWith(await LevelDisk.open(directory), first)
  await fill(sealed, { a: 'one' })
  await sealed.close()
  const disk = await LevelDisk.open(directory)
  await assert.rejects(openedWith(disk, undefined), refused('noKey'))
  await assert.rejects(openedWith(disk, second), refused('wrongKey'))
  await assert.rejects(rekeyed(disk, second, keyOf(3)), refused('wrongKey'))
  assert.deepEqual(await rows(await openedWith(disk, first)), { a: 'one' })
  await disk.close()
})

test('a store that is not sealed has no key to change', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  await assert.rejects(rekeyed(disk, first, second), refused('notSealed'))
  await disk.close()
})

test('a value that was changed, or put in the place of another, is told as damage', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  const sealed = await openedWith(disk, first)
  await fill(sealed, { a: 'one', b: 'two' })
  const ofA = (await disk.get('a')) as Uint8Array
  const corrupt = (error: unknown) => error instanceof DiskError && error.code === 'corrupt'
  await disk.write([{ put: 'b', value: ofA }], durable)
  await assert.rejects(sealed.get('b'), corrupt)
  await assert.rejects(rows(sealed), corrupt)
  for (let at = 0; at < ofA.length; at++) {
    const flipped = ofA.slice()
    flipped[at] = (flipped[at] as number) ^ 1
    await disk.write([{ put: 'a', value: flipped }], durable)
    await assert.rejects(sealed.get('a'), corrupt, `byte ${at}`)
  }
  await disk.write([{ put: 'a', value: text('never sealed') }], durable)
  await assert.rejects(sealed.get('a'), corrupt)
  await disk.close()
})

test('equal values look different each time, and in each life', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  const seen = new Set<string>()
  for (let life = 0; life < 3; life++) {
    const sealed = await openedWith(disk, first)
    for (let time = 0; time < 3; time++) {
      await fill(sealed, { a: 'one' })
      seen.add(Buffer.from((await disk.get('a')) as Uint8Array).toString('hex'))
    }
  }
  assert.equal(seen.size, 9)
  await disk.close()
})

test('what the medium itself notes is read without a key', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  await disk.write([{ put: lostKey, value: new Uint8Array() }], durable)
  const sealed = await openedWith(disk, first)
  assert.deepEqual(await sealed.get(lostKey), new Uint8Array())
  await disk.close()
})

/** Fails every write after the first `writes`, as if the process had died there. */
function dying(disk: Disk, writes: number): Disk {
  let left = writes
  return {
    get: (key) => disk.get(key),
    scan: (range) => disk.scan(range),
    sync: () => disk.sync(),
    close: () => disk.close(),
    scrub: (prefix) => (left > 0 ? disk.scrub(prefix) : Promise.reject(new Error('died'))),
    write: (batch, options) =>
      left-- > 0 ? disk.write(batch, options) : Promise.reject(new Error('died')),
  }
}

async function diesEverywhere(
  t: TestContext,
  begin: (disk: Disk) => Promise<unknown>,
  goOn: (disk: Disk) => Promise<Disk>,
): Promise<void> {
  for (let writes = 0; ; writes++) {
    const directory = temporaryDirectory(t)
    let disk = await LevelDisk.open(directory)
    await fill(disk, many())
    await begin(disk)
    const died = await goOn(dying(disk, writes)).then(
      () => false,
      (error: unknown) => /died/.test(String(error)),
    )
    await disk.close()
    disk = await LevelDisk.open(directory)
    assert.deepEqual(await rows(await goOn(disk)), many(), `died after ${writes} writes`)
    await disk.close()
    assert.deepEqual(filesWithSecret(directory), [], `died after ${writes} writes`)
    if (!died) return assert.ok(writes > 3, 'there was something to die in')
  }
}

test('whoever dies while a store is sealed goes on from there', async (t) => {
  await diesEverywhere(
    t,
    async () => {},
    (disk) => openedWith(disk, first),
  )
})

test('whoever dies while a store goes over to another key goes on from there', async (t) => {
  await diesEverywhere(
    t,
    (disk) => openedWith(disk, first),
    async (disk) => {
      await rekeyed(disk, first, second)
      return openedWith(disk, second)
    },
  )
})

test('a change of keys that was broken off is finished by who opens it with the new one', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  await fill(await openedWith(disk, first), many())
  await assert.rejects(rekeyed(dying(disk, 2), first, second), /died/)
  await assert.rejects(openedWith(disk, first), refused('wrongKey'))
  assert.deepEqual(await rows(await openedWith(disk, second)), many())
  await disk.close()
})

test('the first key opens nothing any more once another has taken its place', async (t) => {
  const disk = await LevelDisk.open(temporaryDirectory(t))
  await fill(await openedWith(disk, first), many())
  assert.equal(await rekeyed(disk, first, second), Object.keys(many()).length)
  await assert.rejects(openedWith(disk, first), refused('wrongKey'))
  assert.deepEqual(await rows(await openedWith(disk, second)), many())
  await disk.close()
})
