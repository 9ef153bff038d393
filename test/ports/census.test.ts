/** Looks at all processes for those of cells: by whom, and who is told by which. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Census } from '../../agent/ports/cells/census.ts'
import { MARK, type Marked, markedAmong, markedApart } from '../../agent/ports/cells/marks.ts'
import { becoming, noBecoming } from './becoming.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Of one process. */
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
  assert.deepEqual(cells(await markedApart(owner)), ['a', 'b', 'c'])
  const told: Marked[] = []
  const onFound = (one: Marked): void => void told.push(one)
  assert.deepEqual(cells(await markedApart(owner, { atOnce: 3, onFound })), ['a', 'b', 'c'])
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
  for (let look = 0; look < LOOKS; look++) {
    const found: Marked[] = []
    await markedAmong(owner, [child.pid ?? 0], { onFound: (one) => void found.push(one) })
    assert.deepEqual(found, [{ pid: child.pid, cell: 'a' }])
  }
})

test('a stranger that is becoming another program is not waited for, and one of ours is found late', {
  skip: noBecoming() || elsewhere() === undefined,
}, async (t) => {
  const owner = ownerOf('strangers')
  await inCell(t, owner, 'here')
  const caught = await becoming(t, { ...process.env, [MARK]: `${owner}/moved` })
  moveAway(t, caught.pid)
  const told: string[] = []
  const onFound = ({ cell }: Marked): void => void told.push(cell)
  const found = await markedApart(owner, { atOnce: 2, strangersMs: 20, onFound })
  assert.deepEqual([found.length, told], [1, ['here']])
  assert.ok(caught.isCaught(), 'the look was over before it could be read')
  // Nor by the next one, nor by as many as there may be.
  for (let look = 0; look < 5; look++) await markedApart(owner, { atOnce: 2, strangersMs: 20 })
  assert.ok(caught.isCaught())
  caught.release()
  while (!told.includes('moved')) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.deepEqual(told, ['here', 'moved'])
})

test('who may be ours is waited for while it becomes another program', {
  skip: noBecoming(),
}, async (t) => {
  const owner = ownerOf('ours')
  const caught = await becoming(t, { ...process.env, [MARK]: `${owner}/caught` })
  const look = markedApart(owner, { atOnce: 2, strangersMs: 20 })
  const isLate = new Promise((resolve) => setTimeout(() => resolve('late'), 200))
  assert.equal(await Promise.race([look, isLate]), 'late')
  caught.release()
  assert.deepEqual(await look, [{ pid: caught.pid, cell: 'caught' }])
})

/** A group of control groups in which we are not, and may put somebody. */
function elsewhere(): string | undefined {
  const place = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((directory) =>
    existsSync(join(directory, 'cgroup.procs')),
  )
  if (place === undefined) return undefined
  try {
    const directory = mkdtempSync(join(place, 'skein-test-'))
    rmdirSync(directory)
    return directory
  } catch {
    return undefined
  }
}

function moveAway(t: TestContext, pid: number): void {
  const directory = elsewhere() ?? ''
  mkdirSync(directory)
  writeFileSync(join(directory, 'cgroup.procs'), String(pid))
  t.after(async () => {
    for (;;) {
      try {
        return rmdirSync(directory)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
  })
}
