/**
 * What every `Processes` promises, told with ordinary programs of a POSIX system. The simulated
 * host knows the same command lines; `shell` names every script that it has to know.
 */
import assert from 'node:assert/strict'
import {
  type ProcessExit,
  type Processes,
  type ProcessSpec,
  type RunningProcess,
  StartError,
} from '../../protocol/ports/processes.ts'
import { outcome, rejection, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface ProcessesSubject extends Subject {
  processes: Processes
  /** A directory that exists, by its true path. */
  directory: string
}

/** Run by `/bin/sh -c`. */
export const shell = {
  exitThree: 'exit 3',
  bothOutputs: 'printf out; printf err >&2',
  oddBytes: String.raw`printf '\377\001\000\n'`,
  killsItself: 'kill -9 $$',
  printsDirectory: 'pwd -P',
  sleeps: 'echo ready; exec sleep 60',
  ignoresTerm: 'trap "" TERM; echo ready; while :; do sleep 0.02; done',
  catchesTerm: 'trap "exit 7" TERM; echo ready; while :; do sleep 0.02; done',
  leavesChild: 'sleep 60 & echo ready; exit 0',
  hasGrandchildren: 'sh -c "sleep 60 & sleep 60 & echo ready; wait" & wait',
} as const

const path = { PATH: '/usr/bin:/bin' }

export function processesContract(
  name: string,
  make: () => Promise<ProcessesSubject> | ProcessesSubject,
): void {
  const it = promising(name, make)

  it('the exit code is reported', async (subject) => {
    const run = await start(subject, sh(shell.exitThree))
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 3 })
  })

  it('the two outputs are kept apart, and are whole before the exit is told', async (subject) => {
    const run = await start(subject, sh(shell.bothOutputs))
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdout(), 'out')
    assert.equal(run.stderr(), 'err')
  })

  it('output is bytes, whatever they are', async (subject) => {
    const run = await start(subject, sh(shell.oddBytes))
    await run.exit()
    assert.deepEqual([...run.stdoutBytes()], [255, 1, 0, 10])
  })

  it('much output arrives whole', async (subject) => {
    const argv = ['/usr/bin/head', '-c', '1000000', '/dev/zero'] as const
    const run = await start(subject, { argv })
    await run.exit()
    assert.equal(run.stdoutBytes().length, 1_000_000)
  })

  it('the environment is exactly what was given', async (subject) => {
    const env = { GREETING: 'two words', EMPTY: '' }
    const run = await start(subject, { argv: ['/usr/bin/env'], env })
    await run.exit()
    assert.deepEqual(run.stdout().trimEnd().split('\n').sort(), ['EMPTY=', 'GREETING=two words'])
  })

  it('arguments are passed as they are, with no shell in between', async (subject) => {
    const run = await start(subject, { argv: ['/bin/echo', '$HOME *', 'a;b', '"c"'] })
    await run.exit()
    assert.equal(run.stdout(), '$HOME * a;b "c"\n')
  })

  it('the program runs in the directory given', async (subject) => {
    const run = await start(subject, sh(shell.printsDirectory))
    await run.exit()
    assert.equal(run.stdout(), `${subject.directory}\n`)
  })

  it('standard input is what was given, and then ends', async (subject) => {
    const stdin = new TextEncoder().encode('to be read\n')
    const run = await start(subject, { argv: ['/bin/cat'], stdin })
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdout(), 'to be read\n')
  })

  it('without standard input there is none to wait for', async (subject) => {
    const run = await start(subject, { argv: ['/bin/cat'] })
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdout(), '')
  })

  it('a program that ends by a signal is told from one that exits', async (subject) => {
    const run = await start(subject, sh(shell.killsItself))
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGKILL' })
  })

  it('a signal sent reaches the program', async (subject) => {
    const run = await start(subject, sh(shell.sleeps))
    await run.ready()
    assert.equal(run.process.groupAlive(), true)
    assert.equal(run.process.signal('SIGTERM'), true)
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGTERM' })
    await subject.until('an empty group', () => !run.process.groupAlive())
    assert.equal(run.process.signal('SIGKILL'), false)
  })

  it('a program may ignore SIGTERM, but not SIGKILL', async (subject) => {
    const run = await start(subject, sh(shell.ignoresTerm))
    await run.ready()
    assert.equal(run.process.signal('SIGTERM'), true)
    await subject.advance(100)
    assert.equal(run.process.groupAlive(), true)
    run.process.signal('SIGKILL')
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGKILL' })
  })

  it('a stopped program does nothing until it is continued', async (subject) => {
    const run = await start(subject, sh(shell.catchesTerm))
    await run.ready()
    run.process.signal('SIGSTOP')
    run.process.signal('SIGTERM')
    let exited = false
    const exit = run.process.exited().then((how) => {
      exited = true
      return how
    })
    await subject.advance(100)
    assert.equal(exited, false)
    assert.equal(run.process.groupAlive(), true)
    run.process.signal('SIGCONT')
    assert.deepEqual(await outcome(subject, 'exit', exit), { kind: 'exited', code: 7 })
  })

  it('what a program leaves behind is alive, and can still be killed', async (subject) => {
    const run = await start(subject, sh(shell.leavesChild))
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdout(), 'ready\n')
    assert.equal(run.process.groupAlive(), true)
    assert.equal(run.process.signal('SIGKILL'), true)
    await subject.until('an empty group', () => !run.process.groupAlive())
    assert.equal(run.process.signal('SIGKILL'), false)
  })

  it('a killed group leaves nothing, not even grandchildren', async (subject) => {
    const run = await start(subject, sh(shell.hasGrandchildren))
    await run.ready()
    assert.equal(run.process.signal('SIGKILL'), true)
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGKILL' })
    await subject.until('an empty group', () => !run.process.groupAlive())
  })

  it('groups are apart: killing one leaves the other alone', async (subject) => {
    const one = await start(subject, sh(shell.sleeps))
    const other = await start(subject, sh(shell.sleeps))
    await one.ready()
    await other.ready()
    assert.notEqual(one.process.pid, other.process.pid)
    one.process.signal('SIGKILL')
    await one.exit()
    assert.equal(other.process.groupAlive(), true)
    other.process.signal('SIGKILL')
    await other.exit()
  })

  it('what cannot be started says why', async (subject) => {
    const attempts: [Partial<ProcessSpec> & Pick<ProcessSpec, 'argv'>, string][] = [
      [{ argv: ['/no/such/program'] }, 'notFound'],
      [{ argv: ['/etc/passwd'] }, 'notExecutable'],
      [{ argv: ['/bin/echo'], cwd: '/no/such/directory' }, 'badDirectory'],
    ]
    for (const [spec, code] of attempts) {
      const whole = { cwd: subject.directory, env: path, ...spec }
      const started = subject.processes.start(whole, { onStdout() {}, onStderr() {} })
      const error = await rejection(subject, `start of ${spec.argv[0]}`, started)
      assert.ok(error instanceof StartError)
      assert.equal(error.code, code)
    }
  })
}

function sh(script: string): Pick<ProcessSpec, 'argv'> {
  return { argv: ['/bin/sh', '-c', script] }
}

interface Run {
  process: RunningProcess
  exit(): Promise<ProcessExit>
  /** The program has said `ready`. */
  ready(): Promise<void>
  stdoutBytes(): Uint8Array
  stdout(): string
  stderr(): string
}

async function start(
  subject: ProcessesSubject,
  spec: Partial<ProcessSpec> & Pick<ProcessSpec, 'argv'>,
): Promise<Run> {
  const out: Uint8Array[] = []
  const err: Uint8Array[] = []
  const whole = { cwd: subject.directory, env: path, ...spec }
  const output = {
    onStdout: (chunk: Uint8Array) => void out.push(chunk),
    onStderr: (chunk: Uint8Array) => void err.push(chunk),
  }
  const started = subject.processes.start(whole, output)
  const process = await outcome(subject, `start of ${spec.argv.join(' ')}`, started)
  const stdout = () => new TextDecoder().decode(Buffer.concat(out))
  return {
    process,
    exit: () => outcome(subject, 'exit', process.exited()),
    ready: () => subject.until('the program to be ready', () => stdout().includes('ready')),
    stdoutBytes: () => Buffer.concat(out),
    stdout,
    stderr: () => new TextDecoder().decode(Buffer.concat(err)),
  }
}
