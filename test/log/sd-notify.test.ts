import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { serviceNotices } from '../../agent/ports/sd-notify.ts'

/** A receiver as systemd is one: datagrams, whose descriptors are closed, which lifts the barrier. */
const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    for line in s.recv(4096).decode().splitlines():
        print(line, flush=True)
`

const missing = ['python3', 'systemd-notify'].filter(
  (program) => spawnSync(program, ['--version']).error !== undefined,
)
const skip = missing.length > 0 && `${missing.join(' and ')} not on this machine`

async function listen(
  socket: string,
): Promise<{ lines: AsyncIterator<string>; child: ChildProcess }> {
  const child = spawn('python3', ['-c', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'listening')
  return { lines, child }
}

/** What systemd heard, without the barriers that systemd-notify asks for. */
async function heard(lines: AsyncIterator<string>, count: number): Promise<string[]> {
  const all: string[] = []
  while (all.length < count) {
    const { value } = await lines.next()
    if (value !== 'BARRIER=1') all.push(value as string)
  }
  return all
}

test('systemd hears that the agent is ready and that it stops, in this order', {
  skip,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-notify-'))
  const socket = join(directory, 'notify')
  const { lines, child } = await listen(socket)
  try {
    const notices = serviceNotices({ PATH: process.env.PATH, NOTIFY_SOCKET: socket })
    const [ready, stopping] = await Promise.all([
      notices.ready('5 nodes\nalive'),
      notices.stopping('told to'),
    ])
    assert.deepEqual(
      [ready, stopping],
      [
        { ok: true, how: 'sent' },
        { ok: true, how: 'sent' },
      ],
    )
    assert.deepEqual(await heard(lines, 4), [
      'READY=1',
      'STATUS=5 nodes alive',
      'STOPPING=1',
      'STATUS=told to',
    ])
  } finally {
    child.kill()
    await once(child, 'exit')
    rmSync(directory, { recursive: true })
  }
})

test('outside systemd nothing is started and nothing is sent', async () => {
  const notices = serviceNotices({ PATH: process.env.PATH }, '/no/such/program')
  assert.deepEqual(await notices.ready('x'), { ok: true, how: 'none' })
})

test('where the program is missing, that is said, and nothing is thrown', async () => {
  const notices = serviceNotices({ NOTIFY_SOCKET: '/run/x' }, 'no-such-program')
  assert.deepEqual(await notices.ready('x'), { ok: false, why: 'no-such-program is not installed' })
})

test('a socket that nobody listens on is answered with why', { skip }, async () => {
  const notices = serviceNotices({ PATH: process.env.PATH, NOTIFY_SOCKET: '/nonexistent/notify' })
  const told = await notices.stopping('x')
  assert.ok(!told.ok && told.why.length > 0, JSON.stringify(told))
})
