/** Looks at all processes for those of cells: by whom, and who is told by which. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Census } from '../../agent/ports/cells/census.ts'
import {
  MARK,
  type Marked,
  markedAmong,
  markedApart,
  markedProcesses,
} from '../../agent/ports/cells/marks.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Of one process, by either way. */
const LOOKS = 300
const noProc = existsSync('/proc/self/environ') ? false : 'no /proc here'

/** Several tests may run on this host at once. */
const ownerOf = (name: string): string => `${name}${process.pid}`

async function inCell(t: TestContext, owner: string, cell: string): Promise<ChildProcess> {
  const env = { ...process.env, [MARK]: `${owner}/${cell}` }
  const child = spawn('sleep', ['60'], { env, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.once('spawn', resolve))
  return child
}

const ended = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once('exit', resolve))

test('the ends of programs are looked at by other threads, one look for all who ask', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('ends')
  const child = await inCell(t, owner, 'one')
  const census = new Census(owner)
  const [first, second] = await Promise.all([census.next(), census.next()])
  assert.deepEqual([...first], ['one'])
  assert.equal(first, second)
  const gone = ended(child)
  child.kill('SIGKILL')
  await gone
  assert.deepEqual([...(await census.next())], [])
})

test('who asks while it is looked is told by the next look', { skip: noProc }, async (t) => {
  const owner = ownerOf('next')
  const census = new Census(owner)
  const first = census.next()
  // The first look begins with the first timer, and takes many turns.
  await new Promise((resolve) => setTimeout(resolve, 2))
  await inCell(t, owner, 'late')
  const second = await census.next()
  assert.deepEqual([...second], ['late'])
  assert.notEqual(await first, second)
})

test('who is to be killed is looked for at once, beside a look that is under way', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('kill')
  const child = await inCell(t, owner, 'one')
  await inCell(t, owner, 'other')
  const census = new Census(owner)
  const told = census.next()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const gone = ended(child)
  const [found, same] = await Promise.all([census.kill(['one']), census.kill(['none'])])
  assert.deepEqual([...found].sort(), ['one', 'other'])
  assert.equal(found, same, 'one look for all who ask in one turn')
  await gone
  assert.ok((await told).has('other'))
  assert.deepEqual([...(await census.kill(['one']))], ['other'])
  assert.deepEqual([...(await census.next())], ['other'])
})

test('who is killed while a look for others is under way is killed by the next one', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('after')
  const [first, second] = [await inCell(t, owner, 'one'), await inCell(t, owner, 'two')]
  const both = Promise.all([ended(first), ended(second)])
  const census = new Census(owner)
  const one = census.kill(['one'])
  await new Promise((resolve) => setTimeout(resolve, 1))
  const two = await census.kill(['two'])
  assert.ok(two.has('two'))
  assert.notEqual(two, await one)
  await both
})

test('others have their turn while it is looked for those who are to be killed', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('turns')
  await inCell(t, owner, 'one')
  const census = new Census(owner)
  let turns = 0
  const turn = setInterval(() => turns++, 0)
  await census.kill(['none'])
  clearInterval(turn)
  assert.ok(turns > 0)
})

test('more readers find the same', { skip: noProc }, async (t) => {
  const owner = ownerOf('readers')
  for (const cell of ['a', 'b', 'c']) await inCell(t, owner, cell)
  const cells = (marked: readonly Marked[]): string[] => marked.map(({ cell }) => cell).sort()
  assert.deepEqual(cells(markedProcesses(owner)), ['a', 'b', 'c'])
  assert.deepEqual(cells(await markedApart(owner)), ['a', 'b', 'c'])
  const told: Marked[] = []
  assert.deepEqual(cells(await markedApart(owner, 3, (one) => told.push(one))), ['a', 'b', 'c'])
  assert.deepEqual(cells(told), ['a', 'b', 'c'])
})

test('a program that becomes another one all the time is never overlooked', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('again')
  const directory = temporaryDirectory(t)
  const script = join(directory, 'again')
  writeFileSync(script, '#!/bin/sh\nexec "$0"\n', { mode: 0o755 })
  const child = spawn(script, { env: { ...process.env, [MARK]: `${owner}/a` }, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.once('spawn', resolve))
  const looks = Array.from({ length: LOOKS }, () => markedProcesses(owner, [child.pid ?? 0]))
  assert.deepEqual(
    looks.map((found) => found.length).filter((found) => found !== 1),
    [],
  )
  for (let look = 0; look < LOOKS; look++) {
    const found: Marked[] = []
    await markedAmong(owner, [child.pid ?? 0], 1, (one) => found.push(one))
    assert.deepEqual(found, [{ pid: child.pid, cell: 'a' }])
  }
})
