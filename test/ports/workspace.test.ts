import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SystemWorkspace } from '../../agent/ports/workspace.ts'
import { WorkspaceError } from '../../protocol/ports/workspace.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function prepared(t: TestContext) {
  const directory = temporaryDirectory(t)
  const workspace = new SystemWorkspace(join(directory, 'work'))
  await workspace.prepare('a')
  const secret = join(directory, 'secret')
  writeFileSync(secret, 'not for stages')
  return { workspace, secret, inside: (name: string) => join(workspace.path('a'), name) }
}

const bytes = new TextEncoder().encode('written')

test('a link in the place of a file is neither read nor written through', async (t) => {
  const { workspace, secret, inside } = await prepared(t)
  symlinkSync(secret, inside('out'))
  const file = workspace.file('a', 'out')
  for (const call of [() => file.read(1000), () => file.write(bytes), () => file.append(bytes)]) {
    await assert.rejects(
      call,
      (error) => error instanceof WorkspaceError && error.code === 'denied',
    )
  }
  await file.remove()
  assert.equal(readFileSync(secret, 'utf8'), 'not for stages')
})

test('a link in the place of the directory leads nowhere', async (t) => {
  const { workspace, secret } = await prepared(t)
  const elsewhere = join(secret, '..', 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'out'), 'not for stages')
  await workspace.discard('a')
  symlinkSync(elsewhere, workspace.path('a'))
  const file = workspace.file('a', 'out')
  for (const call of [
    () => file.read(1000),
    () => file.write(bytes),
    () => file.append(bytes),
    () => file.renameTo('other'),
    () => file.remove(),
  ]) {
    await assert.rejects(
      call,
      (error) => error instanceof WorkspaceError && error.code === 'denied',
    )
  }
  await workspace.prepare('a')
  assert.equal(await file.read(1000), undefined)
  assert.equal(readFileSync(join(elsewhere, 'out'), 'utf8'), 'not for stages')
})

test('what is no ordinary file is refused, and nobody is kept waiting', async (t) => {
  const { workspace, inside } = await prepared(t)
  execFileSync('mkfifo', [inside('pipe')])
  mkdirSync(inside('directory'))
  for (const name of ['pipe', 'directory']) {
    const file = workspace.file('a', name)
    await assert.rejects(() => file.read(1000), WorkspaceError, name)
    await assert.rejects(() => file.write(bytes), WorkspaceError, name)
  }
})

test('a directory goes with all that is in it, and nothing that it links to', async (t) => {
  const { workspace, secret, inside } = await prepared(t)
  mkdirSync(inside('deep/er'), { recursive: true })
  writeFileSync(inside('deep/er/file'), 'x')
  symlinkSync(secret, inside('deep/link'))
  chmodSync(inside('deep/er'), 0o000)
  chmodSync(inside('deep'), 0o000)
  await workspace.discard('a')
  assert.equal(existsSync(workspace.path('a')), false)
  assert.equal(existsSync(secret), true)
})

test('what the agent makes is its own to read', async (t) => {
  const { workspace, inside } = await prepared(t)
  await workspace.file('a', 'out').write(bytes)
  assert.equal(statSync(workspace.path('a')).mode & 0o777, 0o700)
  assert.equal(statSync(inside('out')).mode & 0o777, 0o600)
})
