/** Whether the agent goes before all others while it stops its work, and as before when it has. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Precedence } from '../../agent/ports/cells/precedence.ts'

const [OTHER, ROUND_ROBIN] = [0, 2]
const LOOK_AGAIN_MS = 5
const isPermitted = spawnSync('chrt', ['--rr', '1', 'python3', '-c', '']).status === 0
const skip = isPermitted ? false : 'this host has no Python, or permits no real-time scheduling'

function scheduled(process: string, thread: string): { name: string; policy: number } {
  const text = readFileSync(`/proc/${process}/task/${thread}/stat`, 'latin1')
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { name, policy: Number(fields[38]) }
}

/** By name, of all threads with it. */
function policies(): Map<string, Set<number>> {
  const all = new Map<string, Set<number>>()
  for (const thread of readdirSync('/proc/self/task')) {
    const { name, policy } = scheduled('self', thread)
    const of = all.get(name) ?? new Set()
    all.set(name, of.add(policy))
  }
  return all
}

/** The test's own time limit ends it, where it is never so. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(LOOK_AGAIN_MS)
}

const is = (thread: string, policy: number) => (): boolean => {
  const found = policies().get(thread)
  return found?.size === 1 && found.has(policy)
}

async function opened(t: TestContext): Promise<Precedence> {
  // Threads for files begin with the first of them.
  await stat('/proc')
  const precedence = new Precedence(process.pid)
  t.after(() => precedence.close())
  precedence.open()
  // Until it is ready, to ask for it is of no effect.
  await until(() => {
    const over = precedence.first()
    const isSaid = is('MainThread', ROUND_ROBIN)()
    over()
    return isSaid
  })
  await until(is('MainThread', OTHER))
  return precedence
}

test('the agent and its threads for the disk go first until all who want that have had it', {
  skip,
}, async (t) => {
  const precedence = await opened(t)
  const [one, another] = [precedence.first(), precedence.first()]
  await until(is('MainThread', ROUND_ROBIN))
  await until(is('libuv-worker', ROUND_ROBIN))
  const child = execFileSync('chrt', ['-p', String(process.pid)], { encoding: 'utf8' })
  assert.match(child, /RESET_ON_FORK/, 'what it starts goes first by no means')
  one()
  one()
  await wait(4 * LOOK_AGAIN_MS)
  assert.ok(is('MainThread', ROUND_ROBIN)(), 'somebody still wants it')
  another()
  await until(is('MainThread', OTHER))
  await until(is('libuv-worker', OTHER))
})

test('threads of functions stay as they are', { skip }, async (t) => {
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
  t.after(() => worker.terminate())
  await new Promise((resolve) => worker.once('online', resolve))
  const precedence = await opened(t)
  t.after(precedence.first())
  await until(is('libuv-worker', ROUND_ROBIN))
  assert.ok(is('WorkerThread', OTHER)())
})

test('when its process is killed while the agent goes first, another puts that right', {
  skip,
}, async (t) => {
  const precedence = await opened(t)
  const over = precedence.first()
  await until(is('MainThread', ROUND_ROBIN))
  process.kill(waitingProcess(), 'SIGKILL')
  await until(is('MainThread', OTHER))
  over()
  await until(() => {
    const again = precedence.first()
    const isSaid = is('MainThread', ROUND_ROBIN)()
    again()
    return isSaid
  })
})

test('who is dying goes first with its one thread, and named again with all, until that is over', {
  skip,
}, async (t) => {
  const precedence = await opened(t)
  const threads = 'import threading as t; [t.Thread(target=input).start() for _ in "123"]; print()'
  const child = spawn('python3', ['-c', threads], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const [one, another] = [precedence.dying(), precedence.dying()]
  one.first([pid])
  await until(() => policiesOf(pid) === '0 0 0 2')
  one.first([pid])
  await until(() => policiesOf(pid) === '2 2 2 2')
  one.over()
  one.first([pid])
  await wait(4 * LOOK_AGAIN_MS)
  assert.equal(policiesOf(pid), '2 2 2 2', 'another killing goes on')
  another.over()
  await until(() => policiesOf(pid) === '0 0 0 0')
})

/** Policies of all threads of a process. */
function policiesOf(pid: number): string {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads
    .map((thread) => scheduled(String(pid), thread).policy)
    .sort()
    .join(' ')
}

function waitingProcess(): number {
  const children = execFileSync('pgrep', ['-P', String(process.pid), 'python3'], {
    encoding: 'utf8',
  })
  return Number(children.trim())
}
