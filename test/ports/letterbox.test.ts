import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ANSWER, LETTER, LETTERS_FOLDER, Letterbox } from '../../agent/ports/letterbox.ts'
import { letterLimits } from '../../agent/ports/limits.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const WAIT_MS = 60_000

const trouble = (error: unknown): never => assert.fail(String(error))

function put(folder: string, name: string, text: string): void {
  const draft = join(folder, `${name}.draft`)
  writeFileSync(draft, text)
  renameSync(draft, join(folder, name + LETTER))
}

async function answerTo(folder: string, name: string): Promise<string> {
  const path = join(folder, name + ANSWER)
  const untilMs = performance.now() + WAIT_MS
  while (!existsSync(path)) {
    assert.ok(performance.now() < untilMs, `${name} is answered`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return readFileSync(path, 'utf8')
}

test('letters are read in their order when the box opens, and then as they come, each once', async (t) => {
  const directory = temporaryDirectory(t)
  const folder = join(directory, LETTERS_FOLDER)
  mkdirSync(folder)
  put(folder, 'a', 'first')
  put(folder, 'b', 'second')
  const read: string[] = []
  const onLetter = async (letter: Uint8Array): Promise<string> => {
    read.push(Buffer.from(letter).toString())
    return `${read.length}`
  }
  const box = await Letterbox.open(directory, onLetter, trouble)
  assert.deepEqual(read, ['first', 'second'])
  put(folder, 'c', 'third')
  assert.equal(await answerTo(folder, 'c'), '3')
  assert.equal(await answerTo(folder, 'a'), '1')
  assert.equal(await answerTo(folder, 'b'), '2')
  assert.deepEqual(read, ['first', 'second', 'third'])
  // Before its folder goes.
  await box.close()
})

test('what is too large for a letter is thrown away unread', async (t) => {
  const directory = temporaryDirectory(t)
  const folder = join(directory, LETTERS_FOLDER)
  mkdirSync(folder)
  put(folder, 'a', 'x'.repeat(letterLimits.bytesMax + 1))
  const box = await Letterbox.open(directory, () => assert.fail('it was read'), trouble)
  assert.deepEqual(readdirSync(folder), [])
  await box.close()
})

test('of notes that come at once the last stays, and none is in the way of another', async (t) => {
  const directory = temporaryDirectory(t)
  const box = await Letterbox.open(directory, () => Promise.resolve(''), trouble)
  const notes = Array.from({ length: 20 }, (_, i) => box.note('epoch', `${i}`))
  await Promise.all(notes)
  assert.equal(readFileSync(join(directory, LETTERS_FOLDER, 'epoch'), 'utf8'), '19')
  // Before its folder goes.
  await box.close()
})
