/** Looks at all processes for those of cells: by whom, and who is told by which. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { Census } from '../../agent/ports/cells/census.ts'
import { MARK, type Marked, markedApart, markedProcesses } from '../../agent/ports/cells/marks.ts'

const noProc = existsSync('/proc/self/environ') ? false : 'no /proc here'

/** Counts the looks that hold the loop. */
class Counted extends Census {
  looks = 0

  override look(): Marked[] {
    this.looks++
    return super.look()
  }
}

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
  const census = new Counted(owner)
  const [first, second] = await Promise.all([census.next(), census.next()])
  assert.deepEqual([...first], ['one'])
  assert.equal(first, second)
  const gone = ended(child)
  child.kill('SIGKILL')
  await gone
  assert.deepEqual([...(await census.next())], [])
  assert.equal(census.looks, 0)
})

test('who asks while it is looked is told by the next look', { skip: noProc }, async (t) => {
  const owner = ownerOf('next')
  const census = new Counted(owner)
  const first = census.next()
  // The first look begins with the first timer, and takes many turns.
  await new Promise((resolve) => setTimeout(resolve, 2))
  await inCell(t, owner, 'late')
  const second = await census.next()
  assert.deepEqual([...second], ['late'])
  assert.notEqual(await first, second)
  assert.equal(census.looks, 0)
})

test('to kill, nobody waits for other threads, and all who ask are told by that look', {
  skip: noProc,
}, async (t) => {
  const owner = ownerOf('kill')
  const child = await inCell(t, owner, 'one')
  const other = await inCell(t, owner, 'other')
  const census = new Counted(owner)
  const told = census.next()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const gone = ended(child)
  census.condemn('one')
  await gone
  assert.equal(census.looks, 1)
  assert.ok((await told).has('other'))
  assert.deepEqual([...(await census.next())], ['other'])
  assert.equal(census.looks, 2, 'while somebody is killed the own thread looks')
  other.kill('SIGKILL')
})

test('more readers find the same', { skip: noProc }, async (t) => {
  const owner = ownerOf('readers')
  for (const cell of ['a', 'b', 'c']) await inCell(t, owner, cell)
  const cells = (marked: readonly Marked[]): string[] => marked.map(({ cell }) => cell).sort()
  assert.deepEqual(cells(markedProcesses(owner)), ['a', 'b', 'c'])
  assert.deepEqual(cells(await markedApart(owner)), ['a', 'b', 'c'])
  assert.deepEqual(cells(await markedApart(owner, 3)), ['a', 'b', 'c'])
})
