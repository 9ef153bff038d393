import assert from 'node:assert/strict'
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { Pipes } from '../../agent/ports/cells/pipes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

function pipesIn(t: TestContext): Pipes {
  const pipes = new Pipes(join(temporaryDirectory(t), 'pipes'), 'life')
  t.after(() => pipes.close())
  return pipes
}

/** As a program holds it. */
function writerOf(path: string): number {
  return openSync(path, constants.O_RDWR)
}

function reader(pipes: Pipes, path: string) {
  const heard: string[] = []
  const end = pipes.open(path, (chunk) => heard.push(Buffer.from(chunk).toString()))
  const free = Promise.withResolvers<void>()
  const retire = (): void => {
    end.retire((kept) => {
      pipes.giveBack(path, kept)
      free.resolve()
    })
  }
  return { end, retire, freed: free.promise, text: () => heard.join('') }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(5)
}

test('what a program has written is there at its end, though nobody has listened', async (t) => {
  const pipes = pipesIn(t)
  const path = await pipes.take()
  for (const text of ['first', '', 'y'.repeat(60_000)]) {
    const { end, retire, freed, text: heard } = reader(pipes, path)
    const writer = writerOf(path)
    writeSync(writer, text)
    closeSync(writer)
    end.readOut()
    assert.equal(heard(), text)
    assert.equal(end.ended, true)
    retire()
    await freed
  }
})

test('a pipe that is used again is listened to when its program opens it late', async (t) => {
  const pipes = pipesIn(t)
  const path = await pipes.take()
  const before = reader(pipes, path)
  closeSync(writerOf(path))
  before.end.readOut()
  before.retire()
  await before.freed
  const { end, text } = reader(pipes, path)
  assert.equal(end.listen(), false, 'nobody can write yet')
  assert.equal(end.ended, false)
  const writer = writerOf(path)
  assert.equal(end.listen(), true)
  writeSync(writer, 'one')
  await until(() => text() === 'one')
  writeSync(writer, ' two')
  closeSync(writer)
  await until(() => end.ended)
  assert.equal(text(), 'one two')
})

test('a pipe that somebody holds is not used again until they have let go', async (t) => {
  const pipes = pipesIn(t)
  const path = await pipes.take()
  const { end, retire, freed, text } = reader(pipes, path)
  const writer = writerOf(path)
  end.readOut()
  assert.equal(end.ended, false)
  let isFree = false
  void freed.then(() => {
    isFree = true
  })
  retire()
  writeSync(writer, 'too late')
  await wait(20)
  assert.equal(isFree, false)
  closeSync(writer)
  await freed
  assert.equal(text(), '')
})

test('ends of pipes that nobody uses are closed with the rest', {
  skip: !existsSync('/proc/self/fd'),
}, async (t) => {
  const pipes = pipesIn(t)
  const path = await pipes.take()
  const { end, retire, freed } = reader(pipes, path)
  end.readOut()
  retire()
  await freed
  const isOpen = (): boolean => readdirSync('/proc/self/fd').some((fd) => linkOf(fd) === path)
  assert.equal(isOpen(), true)
  pipes.close()
  assert.equal(isOpen(), false)
})

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}
