import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseStatus } from '../../agent/ports/process-status.ts'
import { SystemProcesses } from '../../agent/ports/processes.ts'
import { type ProcessSpec, StartError } from '../../protocol/ports/processes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const path = { PATH: '/usr/local/bin:/usr/bin:/bin' }

async function run(spec: Partial<ProcessSpec> & Pick<ProcessSpec, 'argv'>) {
  let stdout = ''
  let stderr = ''
  const running = await new SystemProcesses().start(
    { cwd: '/', env: path, ...spec },
    {
      onStdout: (chunk) => {
        stdout += Buffer.from(chunk).toString('latin1')
      },
      onStderr: (chunk) => {
        stderr += Buffer.from(chunk).toString('latin1')
      },
    },
  )
  return { running, stdout: () => stdout, stderr: () => stderr }
}

const sh = (script: string): [string, string, string] => ['sh', '-c', script]

async function groupGone(running: { groupAlive(): boolean }): Promise<void> {
  while (running.groupAlive()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('all that a program wrote is delivered before its exit, though a child holds the pipe', async () => {
  for (let round = 0; round < 20; round++) {
    // A child inherits the pipe and lives on; the program fills the pipe's buffer and exits.
    const { running, stdout } = await run({
      argv: sh('sleep 60 & head -c 150000 /dev/zero | tr "\\0" x; printf end'),
    })
    assert.deepEqual(await running.exited(), { kind: 'exited', code: 0 })
    assert.equal(stdout().length, 150_003)
    assert.ok(stdout().endsWith('end'))
    assert.equal(running.groupAlive(), true, 'the child lives on')
    assert.equal(running.signal('SIGKILL'), true)
    await groupGone(running)
    assert.equal(running.signal('SIGKILL'), false)
  }
})

test('a child that floods the pipe cannot hold up the exit of the program', async () => {
  const { running } = await run({ argv: sh('yes & exit 3') })
  assert.deepEqual(await running.exited(), { kind: 'exited', code: 3 })
  running.signal('SIGKILL')
  await groupGone(running)
})

test('what a child writes after the program has exited is still delivered', async () => {
  const { running, stdout } = await run({ argv: sh('(sleep 0.2; printf later) & exit 0') })
  await running.exited()
  assert.equal(stdout(), '')
  await groupGone(running)
  while (stdout() === '') await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(stdout(), 'later')
})

test('a signal reaches everybody whom the program has started', async () => {
  const { running, stdout } = await run({
    argv: sh(
      'trap "" TERM; (trap "printf heard; exit" TERM; while :; do sleep 0.01; done) & printf up; wait; wait',
    ),
  })
  while (!stdout().includes('up')) await new Promise((resolve) => setTimeout(resolve, 5))
  while (!stdout().includes('heard')) {
    running.signal('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await running.exited()
  await groupGone(running)
})

test('a stopped program is alive, and a killed one says by which signal it died', async () => {
  const { running } = await run({ argv: ['sleep', '60'] })
  running.signal('SIGSTOP')
  assert.equal(running.groupAlive(), true)
  running.signal('SIGKILL')
  assert.deepEqual(await running.exited(), { kind: 'signalled', signal: 'SIGKILL' })
  assert.equal(running.groupAlive(), false)
})

test('a zombie whom nobody reaps is not alive', async () => {
  // The inner shell leaves the group and becomes a program that never waits for its children; its
  // child ends only then, and stays in the group as a zombie.
  const becomesSleep = 'while [ "$(cat /proc/$$/comm)" != sleep ]; do sleep 0.01; done'
  const { running, stdout } = await run({
    argv: sh(`sh -c '${becomesSleep} & echo $$; exec setsid sleep 60' & exit 0`),
  })
  while (!stdout().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 5))
  try {
    await running.exited()
    await groupGone(running)
    assert.doesNotThrow(() => process.kill(-running.pid, 0), 'the kernel still counts the zombie')
    assert.equal(running.signal('SIGKILL'), false)
  } finally {
    process.kill(Number(stdout()), 'SIGKILL')
  }
})

test('a program has the environment that it is given, and nothing of the agent’s', async () => {
  const { running, stdout } = await run({
    argv: ['/usr/bin/env'],
    env: { ONLY: 'this' },
  })
  await running.exited()
  assert.equal(stdout(), 'ONLY=this\n')
})

test('standard input is what was given, then its end; a program need not read it', async () => {
  const stdin = new Uint8Array(300_000).fill(0x61)
  const counted = await run({ argv: ['wc', '-c'], stdin })
  await counted.running.exited()
  assert.equal(counted.stdout().trim(), '300000')
  const deaf = await run({ argv: ['true'], stdin })
  assert.deepEqual(await deaf.running.exited(), { kind: 'exited', code: 0 })
  const none = await run({ argv: ['cat'] })
  assert.deepEqual(await none.running.exited(), { kind: 'exited', code: 0 })
})

test('what cannot be started is refused with the reason', async (t) => {
  const directory = temporaryDirectory(t)
  const plainFile = join(directory, 'plain')
  writeFileSync(plainFile, 'text', { mode: 0o644 })
  const cases: [Partial<ProcessSpec> & Pick<ProcessSpec, 'argv'>, string][] = [
    [{ argv: ['no-such-program-here'] }, 'notFound'],
    [{ argv: [plainFile] }, 'notExecutable'],
    [{ argv: ['true'], cwd: join(directory, 'none') }, 'badDirectory'],
    [{ argv: ['true'], cwd: plainFile }, 'badDirectory'],
    [{ argv: ['true', 'x'.repeat(4 << 20)] }, 'limit'],
    [{ argv: ['tr\0ue'] }, 'failed'],
  ]
  for (const [spec, code] of cases) {
    await assert.rejects(
      run(spec),
      (error) => error instanceof StartError && error.code === code,
      `${spec.argv[0].slice(0, 40)} should be ${code}`,
    )
  }
  assert.ok(existsSync(plainFile))
})

test('a program’s name cannot pass for its state', () => {
  const text =
    'Name:\tZ\\nState:\tZ (zombie)\nState:\tS (sleeping)\nNSpgid:\t77\t3\nVmSize:\t  12 kB\n'
  const { group, ended, hasMemory } = parseStatus(text)
  assert.deepEqual({ group, ended, hasMemory }, { group: 77, ended: false, hasMemory: true })
})
