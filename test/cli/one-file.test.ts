/** The agent in one file: made once, made again after a change, and never in the way of a start. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { temporaryDirectory } from '../ports/temporary-directory.ts'

interface OneFile {
  agentInOneFile(directory: string): string | undefined
  recordIn(directory: string): string
  sourcesNamedFor(file: string): (text: string) => string
}

const oneFile: OneFile = await import(
  new URL('../../coordinator/one-file.js', import.meta.url).href
)
const source = new URL('../../coordinator/daemon.ts', import.meta.url)

test('the agent is put into one file, and again only after a change', async (t) => {
  const directory = temporaryDirectory(t)
  const file = oneFile.agentInOneFile(directory)
  assert(file !== undefined)
  const recorded = readFileSync(oneFile.recordIn(directory), 'utf8')
  assert(recorded.includes('"coordinator/daemon.ts"'), 'of our sources')
  assert(recorded.includes('"node_modules/libp2p/'), 'and those of others')

  const sentinel = recorded.replace(/^\{/, '{"isFirst":true,')
  writeFileSync(oneFile.recordIn(directory), sentinel)
  assert.equal(oneFile.agentInOneFile(directory), file)
  assert.equal(readFileSync(oneFile.recordIn(directory), 'utf8'), sentinel, 'nothing has changed')

  const changed = sentinel.replace(/("coordinator\/daemon\.ts",")\d+/, '$11')
  assert.notEqual(changed, sentinel)
  writeFileSync(oneFile.recordIn(directory), changed)
  assert.equal(oneFile.agentInOneFile(directory), file)
  assert.equal(readFileSync(oneFile.recordIn(directory), 'utf8'), recorded, 'it was made again')

  writeFileSync(oneFile.recordIn(directory), recorded.slice(0, 1_000))
  assert.equal(oneFile.agentInOneFile(directory), file, 'a torn record is none')

  await t.test('and its log names the lines of our sources', () => {
    const lines = readFileSync(file, 'utf8').split('\n')
    const at = lines.findIndex((line) => line.includes('function failLoudly('))
    assert(at > 0)
    const column = (lines[at] as string).indexOf('failLoudly') + 1
    const said = `at failLoudly (${pathToFileURL(file).href}:${at + 1}:${column}) and more`
    const named = oneFile.sourcesNamedFor(file)(said)
    const [, path = '', line = 0] =
      /at failLoudly \((file:.*):(\d+):\d+\) and more/.exec(named) ?? []
    assert.equal(path, source.href)
    const there = readFileSync(fileURLToPath(source), 'utf8').split('\n')[Number(line) - 1]
    assert.match(there ?? '', /function failLoudly\(/)
    assert.equal(oneFile.sourcesNamedFor(file)('nothing of ours'), 'nothing of ours')
  })
})

test('of several that start at once one makes it, also after one was killed at it', async (t) => {
  const directory = temporaryDirectory(t)
  const killed = spawnSync(process.execPath, ['-e', '']).pid
  writeFileSync(join(directory, 'packing'), String(killed))
  const packing = fileURLToPath(new URL('../../coordinator/one-file-packing.js', import.meta.url))
  const starts = [1, 2, 3].map(() => promisify(execFile)(process.execPath, [packing, directory]))
  await Promise.all(starts)
  assert.equal(readdirSync(directory).filter((name) => name.endsWith('.mjs')).length, 1)
  assert(!readdirSync(directory).includes('packing'), 'the turn is given back')
  const recorded = statSync(oneFile.recordIn(directory))
  await promisify(execFile)(process.execPath, [packing, directory])
  assert.equal(statSync(oneFile.recordIn(directory)).mtimeMs, recorded.mtimeMs)
})

test('where nothing can be kept there is no such file, and nothing is said', (t) => {
  const blocked = join(temporaryDirectory(t), 'a file where the directory should be')
  writeFileSync(blocked, '')
  assert.equal(oneFile.agentInOneFile(blocked), undefined)
})
