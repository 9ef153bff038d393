/** Bits that turn in LevelDB's logs are seen; writes that were cut short are not taken for that. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { isDamaged } from '../../agent/ports/log-damage.ts'
import { lostKey } from '../../protocol/ports/disk.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const BATCHES = 40

/** Batches of all lengths, over several blocks of the log, each safe before the next. */
async function written(t: TestContext): Promise<{ directory: string; file: string; log: Buffer }> {
  const directory = temporaryDirectory(t)
  const disk = await LevelDisk.open(directory)
  for (let i = 0; i < BATCHES; i++) {
    const value = new Uint8Array(97 * i).fill(i + 1)
    await disk.write([{ put: `key ${i}`, value }], { durable: true })
  }
  await disk.close()
  const [name] = readdirSync(directory).filter((file) => file.endsWith('.log'))
  assert.ok(name)
  const file = join(directory, name)
  return { directory, file, log: readFileSync(file) }
}

function flipped(log: Uint8Array, at: number): Uint8Array {
  const copy = log.slice()
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

test('a log that is as it was written is whole, wherever it was cut short', async (t) => {
  const { log } = await written(t)
  assert.ok(log.length > 2 * 32 * 1024)
  assert.equal(isDamaged(log), false)
  for (let end = 0; end < log.length; end += 101)
    assert.equal(isDamaged(log.subarray(0, end)), false)
})

test('a bit that turned before the last record is seen, in lengths, sums and data alike', async (t) => {
  const { log } = await written(t)
  const lastRecordBytes = 97 * BATCHES + 64
  for (let at = 0; at < log.length - lastRecordBytes; at += 37)
    assert.equal(isDamaged(flipped(log, at)), true, `at ${at} of ${log.length}`)
})

test('a sector that a loss of power has left unwritten is not taken for damage', async (t) => {
  const { log } = await written(t)
  for (let sector = 40; sector < 60; sector++) {
    const torn = log.slice()
    torn.fill(0, 512 * sector, 512 * (sector + 1))
    assert.equal(isDamaged(torn), false, `sector ${sector}`)
  }
})

test('a store that has lost batches says so until somebody has heeded it', async (t) => {
  const { directory, file, log } = await written(t)
  writeFileSync(file, flipped(log, 1_000))
  const disk = await LevelDisk.open(directory)
  assert.ok(await disk.get(lostKey))
  await disk.close()
  const again = await LevelDisk.open(directory)
  assert.ok(await again.get(lostKey), 'though LevelDB has tidied up')
  await again.write([{ del: lostKey }], { durable: true })
  await again.close()
  const mended = await LevelDisk.open(directory)
  assert.equal(await mended.get(lostKey), undefined)
  await mended.close()
})
