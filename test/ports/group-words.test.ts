/** What is said to the kernel of control groups, when it takes long to take a word. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Condemned } from '../../agent/ports/cells/condemned.ts'
import { ControlGroup } from '../../agent/ports/cells/control-group.ts'
import { errnoOf } from '../../agent/ports/errno.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const BYTES = 1 << 20

/** A file in the group that takes no word until what is returned is called: a pipe that is full. */
function slow(t: TestContext, group: ControlGroup, name: string): () => void {
  const path = join(group.directory, name)
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  let filled = 0
  try {
    for (;;) filled += writeSync(fd, Buffer.alloc(1))
  } catch (error) {
    assert.equal(errnoOf(error), 'EAGAIN')
  }
  let isOpen = true
  const drain = (): void => {
    if (!isOpen) return
    const bytes = Buffer.alloc(BYTES)
    for (let left = filled; left > 0; ) left -= readSync(fd, bytes, 0, left, null)
    isOpen = false
  }
  t.after(() => {
    drain()
    closeSync(fd)
  })
  return drain
}

function groupIn(t: TestContext): ControlGroup {
  const group = new ControlGroup(temporaryDirectory(t))
  writeFileSync(join(group.directory, 'cgroup.procs'), '')
  writeFileSync(join(group.directory, 'cgroup.events'), 'populated 1\n')
  return group
}

function sleeping(t: TestContext): { child: ChildProcess; ended: Promise<unknown> } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  return { child, ended: new Promise((resolve) => child.once('exit', resolve)) }
}

test('nobody waits for a word, and the next is said when it has been taken', async (t) => {
  const group = groupIn(t)
  const take = slow(t, group, 'cgroup.freeze')
  const members = (): string => readFileSync(join(group.directory, 'cgroup.procs'), 'latin1')
  group.freeze(true)
  const entered = group.enter(77)
  // Others have their turn, and use the threads that read and write.
  for (let turn = 0; turn < 20; turn++) await new ControlGroup(group.directory).exists()
  assert.equal(members(), '')
  take()
  assert.equal(await entered, true)
  assert.equal(members(), '77')
})

test('a group that is gone takes no word, and holds up no other', async (t) => {
  const group = groupIn(t)
  const gone = new ControlGroup(join(group.directory, 'gone'))
  gone.freeze(true)
  assert.equal(await gone.enter(77), false)
  assert.equal(await group.enter(78), true)
})

test('who is to be killed with a group dies before the kernel takes the word, and so do their children', async (t) => {
  const group = groupIn(t)
  const take = slow(t, group, 'cgroup.kill')
  const list = (children: readonly ChildProcess[]): void =>
    writeFileSync(
      join(group.directory, 'cgroup.procs'),
      children.map(({ pid }) => `${pid}\n`).join(''),
    )
  const [parent, child] = [sleeping(t), sleeping(t)]
  list([parent.child])
  let isOver = false
  const told = new Set<number>()
  const condemned = new Condemned(group, (pids) => {
    for (const pid of pids) told.add(pid)
  })
  const gone = condemned.gone().then(() => {
    isOver = true
  })
  await parent.ended
  list([child.child])
  await child.ended
  assert.equal(isOver, false, 'there may be others, as long as the kernel says so')
  list([])
  writeFileSync(join(group.directory, 'cgroup.events'), 'populated 0\n')
  await gone
  assert.deepEqual([...told], [parent.child.pid, child.child.pid], 'whoever is killed is told of')
  take()
})

test('who enters after the word was taken is neither killed nor waited for', async (t) => {
  const group = groupIn(t)
  writeFileSync(join(group.directory, 'cgroup.kill'), '')
  const condemned = new Condemned(group)
  // Said after the word, and so taken after it.
  const later = sleeping(t)
  await group.enter(later.child.pid ?? 0)
  await condemned.gone()
  assert.equal(later.child.exitCode ?? later.child.signalCode, null)
})
