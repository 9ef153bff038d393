/** An agent whose store is sealed: what it holds is in no file, and opens with its key alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-sealed-store-'))
const keyFile = (byte: string) => {
  const path = join(home, `store-key-${byte}`)
  writeFileSync(path, byte.repeat(64), { mode: 0o600 })
  return path
}
const [first, second] = [keyFile('a'), keyFile('b')]
const plain = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
const withKey =
  (file: string) =>
  (...args: string[]) =>
    runSkeinIn({ SKEIN_HOME: home, SKEIN_STORE_KEY_FILE: file }, ...args)
const marker = 'correct-horse-battery-staple'
const data = join(home, 'nodes', 'n1')

after(async () => {
  await plain('down')
  rmSync(home, { recursive: true, force: true })
})

function storesWithMarker(): string[] {
  const store = join(data, 'store')
  return readdirSync(store).filter((name) => readFileSync(join(store, name)).includes(marker))
}

async function begunWith(skein: typeof plain): Promise<void> {
  const up = await skein('up', '--nodes', '1', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
}

test('a store is sealed when a key is first named, and what was in it is in no file', async () => {
  const workflow = join(home, 'w.json')
  const stages = { s: { run: 'true', env: { NOTE: marker } } }
  const document = { apiVersion: 'skein/v1', kind: 'Workflow', name: 'noted', stages }
  writeFileSync(workflow, JSON.stringify(document))
  await begunWith(plain)
  assert.equal((await plain('run', workflow)).code, exitCodes.done)
  await plain('down')
  assert.ok(storesWithMarker().length > 0)
  await begunWith(withKey(first))
  assert.deepEqual(storesWithMarker(), [])
  assert.equal((await plain('run', workflow)).code, exitCodes.done)
  await plain('down')
  assert.deepEqual(storesWithMarker(), [])
})

test('another key takes its place, and the first opens nothing any more', async () => {
  const config = join(data, 'agent.json')
  const rekeyed = await withKey(first)(
    'agent',
    'rekey',
    '--config',
    config,
    '--to',
    second,
    '--yes',
  )
  assert.equal(rekeyed.code, exitCodes.done, rekeyed.err)
  const refused = await withKey(first)('up', '--nodes', '1', '--detach')
  assert.equal(refused.code, exitCodes.failed)
  await begunWith(withKey(second))
  const runs = await plain('runs', 'ls', '--json')
  assert.equal(JSON.parse(runs.out).runs?.length, 2, runs.out)
})
