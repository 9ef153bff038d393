import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
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

test('a directory that was left empty is used again, but not before nobody can be in it', async (t) => {
  const { workspace } = await prepared(t)
  const inode = (name: string) => statSync(workspace.path(name)).ino
  const first = inode('a')
  assert.equal(await workspace.discardEmpty('a'), true)
  assert.deepEqual(await workspace.directories(), [])
  assert.deepEqual([...workspace.resting], ['a'])
  await workspace.prepare('b')
  assert.notEqual(inode('b'), first, 'somebody may be in that of a')
  workspace.reuse(workspace.resting)
  await workspace.prepare('c')
  assert.equal(inode('c'), first)
  assert.equal(existsSync(workspace.path('a')), false)
  assert.deepEqual(await workspace.directories(), ['b', 'c'])
  // What lies there again is no longer a spare one.
  workspace.reuse(['a', 'c'])
  await workspace.prepare('d')
  assert.equal(inode('c'), first)
})

test('a directory that its stage has changed is not used again', async (t) => {
  const { workspace, inside } = await prepared(t)
  writeFileSync(inside('out'), 'left')
  assert.equal(await workspace.discardEmpty('a'), false)
  assert.deepEqual(await workspace.directories(), ['a'])
  await workspace.prepare('b')
  chmodSync(workspace.path('b'), 0o777)
  assert.equal(await workspace.discardEmpty('b'), true)
  assert.deepEqual([...workspace.resting], [])
  assert.equal(existsSync(workspace.path('b')), false)
})

test('a spare directory that was taken away, or whose place is taken, is no reason to fail', async (t) => {
  const { workspace } = await prepared(t)
  await workspace.prepare('b')
  for (const name of ['a', 'b']) assert.equal(await workspace.discardEmpty(name), true)
  workspace.reuse(workspace.resting)
  rmdirSync(workspace.path('a'))
  await workspace.prepare('c')
  assert.ok(statSync(workspace.path('c')).isDirectory())
  mkdirSync(workspace.path('d'))
  writeFileSync(join(workspace.path('d'), 'old'), 'old')
  await workspace.prepare('d')
  assert.deepEqual(readdirSync(workspace.path('d')), [])
  assert.deepEqual(await workspace.directories(), ['c', 'd'])
})

test('a directory that rests and is wanted by its name again is empty and another', async (t) => {
  const { workspace } = await prepared(t)
  const before = statSync(workspace.path('a'))
  assert.equal(await workspace.discardEmpty('a'), true)
  await workspace.prepare('a')
  assert.deepEqual([...workspace.resting], [])
  assert.deepEqual(await workspace.directories(), ['a'])
  assert.notEqual(statSync(workspace.path('a')).birthtimeMs, before.birthtimeMs)
})
