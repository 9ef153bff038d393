import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DataDirectory } from '../../agent/ports/data-directory.ts'
import { DataDirectoryError, directoryError } from '../../agent/ports/data-directory-errors.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { Problem } from '../../protocol/problem.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const holder = `
import { DataDirectory } from ${JSON.stringify(join(import.meta.dirname, '../../agent/ports/data-directory.ts'))}
const directory = await DataDirectory.open(process.argv[1])
await directory.disk.write([{ put: 'k', value: new Uint8Array([1]) }], { durable: true })
process.stdout.write('open')
setInterval(() => {}, 1000)`

/** Another agent, as far as the directory can tell. */
async function holdElsewhere(t: TestContext, path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

async function refusal(path: string): Promise<DataDirectoryError> {
  const opened = await DataDirectory.open(path).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(opened instanceof DataDirectoryError, `not a coded refusal: ${opened}`)
  return opened
}

test('a data directory is made for its owner alone, with what leads to it', async (t) => {
  const path = join(temporaryDirectory(t), 'var', 'skein')
  const directory = await DataDirectory.open(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  await directory.close()
})

test('a second agent is told which process holds the directory, even one that is stopped', async (t) => {
  const path = temporaryDirectory(t)
  const child = await holdElsewhere(t, path)
  child.kill('SIGSTOP')
  const error = await refusal(path)
  assert.equal(error.code, 'locked')
  assert.equal(error.pid, child.pid)
  assert.match(error.why, new RegExp(`process id ${child.pid}`))
})

test('an agent that was killed holds nothing, and its data is there', async (t) => {
  const path = temporaryDirectory(t)
  const child = await holdElsewhere(t, path)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const directory = await DataDirectory.open(path)
  assert.deepEqual(await directory.disk.get('k'), new Uint8Array([1]))
  await directory.close()
})

test('a note by a process that is gone never names a stranger with its number', async (t) => {
  const path = temporaryDirectory(t)
  const child = await holdElsewhere(t, path)
  // The number is this process's; the start time is not.
  const note = { pid: process.pid, startedTicks: 1, bootId: 'another boot' }
  writeFileSync(join(path, 'owner.json'), JSON.stringify(note))
  const error = await refusal(path)
  assert.equal(error.code, 'locked')
  assert.equal(error.pid, undefined)
  child.kill('SIGKILL')
})

test('a secret reads as it was written, is for its owner alone, and leaves no draft', async (t) => {
  const path = temporaryDirectory(t)
  const directory = await DataDirectory.open(path)
  assert.equal(await directory.secrets.read('agent.key'), undefined)
  await directory.secrets.write('agent.key', new Uint8Array([1, 2]))
  await directory.secrets.write('agent.key', new Uint8Array([3, 4, 5]))
  assert.deepEqual(await directory.secrets.read('agent.key'), new Uint8Array([3, 4, 5]))
  assert.equal(statSync(join(path, 'agent.key')).mode & 0o777, 0o600)
  assert.deepEqual(
    readdirSync(path).filter((name) => name.includes('draft')),
    [],
  )
  chmodSync(join(path, 'agent.key'), 0o644)
  await assert.rejects(directory.secrets.read('agent.key'), { code: 'keyExposed' })
  await directory.close()
})

test('what is no directory, or lies below a file, is refused by that name', async (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  assert.equal((await refusal(file)).code, 'notADirectory')
  assert.equal((await refusal(join(file, 'below'))).code, 'notADirectory')
})

test('a place where nothing can be made is refused, not tried for ever', async () => {
  const error = await refusal('/proc/skein/data')
  assert.notEqual(error.fix, '')
})

test('a directory of another user is refused for want of permission', async (t) => {
  if (process.getuid?.() === 0) {
    const path = temporaryDirectory(t)
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', holder, join(path, 'mine')],
      {
        uid: 65534,
        gid: 65534,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let said = ''
    for await (const chunk of child.stderr) said += chunk
    assert.match(said, /code: 'noPermission'/)
    return
  }
  assert.equal((await refusal('/root/skein')).code, 'noPermission')
})

test('each trouble with the data directory has a way out of its own', () => {
  const ofSystem = (code: string) => Object.assign(new Error(`${code}: mkdir /data`), { code })
  const cases: [unknown, string, RegExp][] = [
    [new DiskError('full', 'IO error'), 'full', /free some space/],
    [ofSystem('EDQUOT'), 'full', /free some space/],
    [ofSystem('EROFS'), 'readOnly', /mount it writable/],
    [new DiskError('readOnly', 'Read-only file system'), 'readOnly', /mount it writable/],
    [new DiskError('readOnly', 'Permission denied'), 'noPermission', /chown/],
    [ofSystem('EACCES'), 'noPermission', /chown/],
    [new DiskError('corrupt', 'bad block'), 'corrupt', /backup/],
    ['odd', 'failed', /another data directory/],
  ]
  for (const [cause, code, fix] of cases) {
    const problem = directoryError(cause, '/data')
    assert.ok(problem instanceof Problem)
    assert.equal(problem.code, code)
    assert.match(problem.why, /\/data/)
    assert.match(problem.fix, fix)
    assert.doesNotMatch(problem.message, /\n/)
    assert.equal(problem.cause, cause, 'what caused it is kept for those who debug')
  }
})
