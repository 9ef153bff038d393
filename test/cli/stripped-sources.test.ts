/** Sources without their types, kept for the next start: by a program of its own, as at a start. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { temporaryDirectory } from '../ports/temporary-directory.ts'

const keeper = new URL('../../coordinator/stripped-sources.js', import.meta.url).href

interface Said {
  value: string
  stripped: boolean
  stderr: string
}

async function start(directory: string): Promise<Said> {
  const module = JSON.stringify(pathToFileURL(join(directory, 'source.ts')).href)
  const program = `
    const { keepStripped } = await import(${JSON.stringify(keeper)})
    keepStripped(${JSON.stringify(pathToFileURL(directory).href)}, ${JSON.stringify(join(directory, 'kept'))})
    const { value } = await import(${module})
    const stripped = process.moduleLoadList.some((name) => name.includes('deps/amaro'))
    console.log(JSON.stringify({ value, stripped }))`
  const args = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  return { ...(JSON.parse(stdout) as Omit<Said, 'stderr'>), stderr }
}

function sourceIn(t: TestContext): { directory: string; write(value: string): void } {
  const directory = temporaryDirectory(t)
  const write = (value: string) =>
    writeFileSync(join(directory, 'source.ts'), `export const value: string = '${value}'\n`)
  return { directory, write }
}

test('a source is stripped at the first start, and again only when it has changed', async (t) => {
  const { directory, write } = sourceIn(t)
  write('“one” – 1')
  assert.deepEqual(await start(directory), { value: '“one” – 1', stripped: true, stderr: '' })
  assert.deepEqual(await start(directory), { value: '“one” – 1', stripped: false, stderr: '' })
  write('“two” – 2')
  assert.deepEqual(await start(directory), { value: '“two” – 2', stripped: true, stderr: '' })
  assert.deepEqual(await start(directory), { value: '“two” – 2', stripped: false, stderr: '' })
  const kept = readdirSync(join(directory, 'kept'), { recursive: true, withFileTypes: true })
  assert.equal(kept.filter((entry) => entry.isFile()).length, 1, 'one file for each source')
})

test('where nothing can be kept, a start strips, and says nothing of it', async (t) => {
  const { directory, write } = sourceIn(t)
  write('kept nowhere')
  writeFileSync(join(directory, 'kept'), 'a file where the directory should be')
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await start(directory), { value: 'kept nowhere', stripped: true, stderr: '' })
  }
})
