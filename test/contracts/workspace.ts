/** What every `Workspace` promises. */
import assert from 'node:assert/strict'
import { type Workspace, WorkspaceError } from '../../protocol/ports/workspace.ts'
import { outcome, rejection, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface WorkspaceSubject extends Subject {
  workspace: Workspace
}

const bytes = (text: string) => new TextEncoder().encode(text)

export function workspaceContract(
  name: string,
  make: () => Promise<WorkspaceSubject> | WorkspaceSubject,
): void {
  const it = promising(name, make)

  it('a directory that was prepared is there, and empty, whatever was there before', async (subject) => {
    const { workspace, settle } = at(subject)
    assert.deepEqual(await settle(workspace.directories()), [])
    await settle(workspace.prepare('b'))
    await settle(workspace.file('b', 'old').write(bytes('old')))
    await settle(workspace.prepare('b'))
    await settle(workspace.prepare('a'))
    assert.deepEqual(await settle(workspace.directories()), ['a', 'b'])
    assert.equal(await settle(workspace.file('b', 'old').read(100)), undefined)
    assert.notEqual(workspace.path('a'), workspace.path('b'))
  })

  it('a directory that was discarded is gone, and may be discarded again', async (subject) => {
    const { workspace, settle } = at(subject)
    await settle(workspace.prepare('a'))
    await settle(workspace.file('a', 'x').write(bytes('x')))
    await settle(workspace.discard('a'))
    await settle(workspace.discard('a'))
    assert.deepEqual(await settle(workspace.directories()), [])
    assert.equal(await settle(workspace.file('a', 'x').read(100)), undefined)
  })

  it('what was written and added is read, also where there was no directory', async (subject) => {
    const { workspace, settle } = at(subject)
    const file = workspace.file('logs', 'attempt-1.log')
    assert.equal(await settle(file.read(100)), undefined)
    await settle(file.append(bytes('one ')))
    await settle(file.append(bytes('two')))
    assert.deepEqual(await read(subject, file), 'one two')
    await settle(file.write(bytes('three')))
    assert.deepEqual(await read(subject, file), 'three')
    assert.deepEqual(await settle(workspace.directories()), ['logs'])
  })

  it('a directory takes what its files do, and one that is not there nothing', async (subject) => {
    const { workspace, settle } = at(subject)
    assert.equal(await settle(workspace.size('none', 1_000)), 0)
    await settle(workspace.prepare('a'))
    assert.equal(await settle(workspace.size('a', 1_000)), 0)
    await settle(workspace.file('a', 'x').write(bytes('x'.repeat(20_000))))
    await settle(workspace.file('b', 'y').write(bytes('y'.repeat(100_000))))
    const size = await settle(workspace.size('a', 1_000_000))
    assert.ok(size >= 20_000 && size < 100_000, `${size} bytes`)
    assert.ok(workspace.freeBytes() > 0)
  })

  it('a file that is too large is not read, but for how large it is', async (subject) => {
    const { workspace, settle } = at(subject)
    const file = workspace.file('a', 'out')
    await settle(file.write(bytes('12345')))
    assert.deepEqual(await settle(file.read(4)), { tooLarge: 5 })
    assert.equal(await read(subject, file, 5), '12345')
  })

  it('a file takes the place of another, or says that it is not there', async (subject) => {
    const { workspace, settle } = at(subject)
    await settle(workspace.file('a', 'draft').write(bytes('new')))
    await settle(workspace.file('a', 'kept').write(bytes('old')))
    await settle(workspace.file('a', 'draft').renameTo('kept'))
    assert.equal(await read(subject, workspace.file('a', 'kept')), 'new')
    assert.equal(await settle(workspace.file('a', 'draft').read(100)), undefined)
    const again = workspace.file('a', 'draft').renameTo('kept')
    const error = await rejection(subject, 'rename', again)
    assert.ok(error instanceof WorkspaceError)
    assert.equal(error.code, 'notFound')
  })

  it('a file that was removed is gone, and may be removed again', async (subject) => {
    const { workspace, settle } = at(subject)
    const file = workspace.file('a', 'x')
    await settle(file.write(bytes('x')))
    await settle(file.remove())
    await settle(file.remove())
    assert.equal(await settle(file.read(100)), undefined)
  })

  it('a name that could lead elsewhere is refused as a bug', ({ workspace }) => {
    for (const name of ['..', '.', '', '../a', 'a/b', '/etc', '.hidden', 'a\0', 'x'.repeat(201)]) {
      assert.throws(() => workspace.path(name), name)
      assert.throws(() => workspace.file('a', name), name)
      assert.throws(() => workspace.file(name, 'a'), name)
      assert.throws(() => workspace.discard(name), name)
    }
  })
}

/** `settle` lets the time pass that a call takes. */
function at(subject: WorkspaceSubject) {
  const settle = <T>(promise: Promise<T>): Promise<T> => outcome(subject, 'the file', promise)
  return { workspace: subject.workspace, settle }
}

async function read(
  subject: WorkspaceSubject,
  file: ReturnType<Workspace['file']>,
  bytesMax = 100,
): Promise<string> {
  const found = await outcome(subject, 'reading', file.read(bytesMax))
  assert.ok(found instanceof Uint8Array)
  return new TextDecoder().decode(found)
}
