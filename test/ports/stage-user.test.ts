import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FileBlobs } from '../../agent/ports/blobs/blobs.ts'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import { bashNursery } from '../../agent/ports/cells/nursery-bash.ts'
import { perlNursery } from '../../agent/ports/cells/nursery-perl.ts'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import type { StageUser } from '../../agent/ports/identity.ts'
import { blobLimits } from '../../agent/ports/limits.ts'
import { stageUser } from '../../agent/ports/stage-user.ts'
import { SystemWorkspace } from '../../agent/ports/workspace.ts'
import { blobOf } from '../../protocol/artifacts/hashes.ts'
import { BlobError, type BlobErrorCode } from '../../protocol/ports/blobs.ts'
import { StartError } from '../../protocol/ports/processes.ts'
import { WorkspaceError } from '../../protocol/ports/workspace.ts'
import { Problem } from '../../protocol/problem.ts'
import { userOfStages, whyNoUser } from './stage-user.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const skip = whyNoUser ?? false
const languages = {
  Python: [pythonNursery],
  Perl: [perlNursery],
  Bash: [bashNursery],
  'no nursery': [],
}

interface Stage {
  user: StageUser
  /** Of the user; what is beside it is root's. */
  home: string
  /** Root's alone. */
  secret: string
  directory: string
}

/** What root keeps, beside what the user of stages has. */
async function staged(t: TestContext): Promise<Stage> {
  const user = await userOfStages()
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o711)
  const home = join(directory, 'home')
  mkdirSync(home)
  chownSync(home, user.uid, user.gid)
  const secret = join(directory, 'secret')
  writeFileSync(secret, 'root’s alone', { mode: 0o600 })
  return { user, home, secret, directory }
}

test('a user that stages cannot run as is refused, with what to do', { skip }, async (t) => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o711)
  const data = join(directory, 'data')
  mkdirSync(data, { mode: 0o700 })
  const work = join(directory, 'work')
  const hidden = join(directory, 'hidden')
  mkdirSync(hidden, { mode: 0o700 })
  for (const [name, place, why] of [
    ['no-such-user', work, /no such user.*useradd/],
    ['root', work, /root itself/],
    ['nobody', join(data, 'work'), /in the data directory/],
    ['nobody', join(hidden, 'work'), /cd.*enter all directories/],
  ] as const) {
    await assert.rejects(stageUser(name, { work: place, data }), (error) => {
      assert.ok(error instanceof Problem)
      assert.match(`${error.message} ${error.fix}`, why)
      return error.code === 'workUserRefused'
    })
  }
  assert.equal((await stageUser('nobody', { work, data })).name, 'nobody')
})

for (const [name, spoken] of Object.entries(languages)) {
  test(`${name}: a program has its user’s rights, and sees nothing of the agent’s`, {
    skip,
  }, async (t) => {
    const { user, home, secret, directory } = await staged(t)
    process.env.SKEIN_TEST_OF_THE_AGENT = 'only the agent’s'
    const open = openSync(secret, 'r')
    t.after(() => {
      closeSync(open)
      delete process.env.SKEIN_TEST_OF_THE_AGENT
    })
    const cells = new SystemCells(join(directory, 'cells'), basename(directory), spoken, { user })
    t.after(() => cells.close())
    const look = `id -u; id -g; id -G; echo "$HOME"; cat ${secret} 2>&1; ls ${directory}/cells/pipes 2>&1
      grep -E "^(CapEff|CapPrm|CapAmb|NoNewPrivs)" /proc/self/status; env; ls -l /proc/$$/fd; echo there > made`
    let said = ''
    const spec = {
      name: 'look',
      argv: ['/bin/sh', '-c', look] as const,
      cwd: home,
      env: { PATH: '/usr/bin:/bin', HOME: '/given' },
      limits: {},
      keepsExit: true,
    }
    const cell = await cells.start(spec, (_from, chunk) => {
      said += Buffer.from(chunk).toString()
    })
    assert.deepEqual(await cell.exited(), { kind: 'exited', code: 0 })
    cell.close()
    const groups = user.groups.join(' ')
    assert.ok(said.startsWith(`${user.uid}\n${user.gid}\n${groups}\n/given\n`), said)
    assert.match(said, /secret: Permission denied/)
    assert.match(said, /pipes': Permission denied/)
    assert.match(said, /CapPrm:\s+0+\nCapEff:\s+0+\nCapAmb:\s+0+\nNoNewPrivs:\s+1\n/)
    assert.doesNotMatch(said, /SKEIN_TEST_OF_THE_AGENT|only the agent/)
    assert.doesNotMatch(said, /-> .*secret/)
    assert.equal(statSync(join(home, 'made')).uid, user.uid)
    const elsewhere = cells.start({ ...spec, name: 'not', cwd: '/root' }, () => {})
    await assert.rejects(elsewhere, (error) => {
      return error instanceof StartError && error.code === 'badDirectory'
    })
  })
}

test('what the agent writes for a stage is its user’s, and nothing of others’ is read or written there', {
  skip,
}, async (t) => {
  const { user, secret, directory } = await staged(t)
  const workspace = new SystemWorkspace(join(directory, 'work'), user)
  await workspace.prepare('a')
  const own = workspace.path('a')
  assert.equal(statSync(own).uid, user.uid)
  await workspace.file('a', 'script').write(Buffer.from('x'))
  assert.equal(statSync(join(own, 'script')).uid, user.uid)
  assert.equal(statSync(join(own, 'script')).mode & 0o777, 0o600)
  await workspace.file('logs', 'l').write(Buffer.from('log'))
  assert.equal(statSync(workspace.path('logs')).uid, 0)
  // A second name of a file of root's: that the kernel may refuse to make, and others do not.
  linkSync(secret, join(own, 'linked'))
  const linked = workspace.file('a', 'linked')
  for (const call of [() => linked.read(100), () => linked.write(Buffer.from('gone'))]) {
    await assert.rejects(
      call,
      (error) => error instanceof WorkspaceError && error.code === 'denied',
    )
  }
  assert.equal(readFileSync(secret, 'utf8'), 'root’s alone')
})

test('removing what a stage has left removes nothing behind its links', { skip }, async (t) => {
  const { user, secret, directory } = await staged(t)
  const workspace = new SystemWorkspace(join(directory, 'work'), user)
  const kept = join(directory, 'kept')
  mkdirSync(join(kept, 'deep'), { recursive: true })
  writeFileSync(join(kept, 'deep', 'file'), 'kept')
  const fill = [
    (own: string) => symlinkSync(kept, join(own, 'link')),
    (own: string) => {
      mkdirSync(join(own, 'a', 'b', 'c'), { recursive: true })
      symlinkSync(kept, join(own, 'a', 'b', 'link'))
      linkSync(secret, join(own, 'a', 'secret'))
      chmodSync(join(own, 'a', 'b'), 0)
    },
    (own: string) => {
      renameSync(own, `${own}.away`)
      symlinkSync(kept, own)
    },
  ]
  for (const [i, make] of fill.entries()) {
    await workspace.prepare(`d${i}`)
    make(workspace.path(`d${i}`))
    await workspace.discard(`d${i}`).catch(() => {})
    assert.equal(readFileSync(join(kept, 'deep', 'file'), 'utf8'), 'kept')
    assert.equal(readFileSync(secret, 'utf8'), 'root’s alone')
    if (i < 2) assert.equal(existsSync(workspace.path(`d${i}`)), false)
  }
})

test('no artifact is taken from where its user could not read it, nor put where he could not', {
  skip,
}, async (t) => {
  const { user, home, secret, directory } = await staged(t)
  const blobs = new FileBlobs(join(directory, 'blobs'), blobLimits, user)
  t.after(() => blobs.close())
  const bounds = { filesMax: 10, entriesMax: 100, depthMax: 10 }
  const refused = (code: BlobErrorCode, work: Promise<unknown>): Promise<void> =>
    assert.rejects(work, (error) => error instanceof BlobError && error.code === code)
  const closed = join(directory, 'closed')
  mkdirSync(join(closed, 'in'), { recursive: true, mode: 0o700 })
  writeFileSync(join(closed, 'in', 'file'), 'root’s alone')
  writeFileSync(join(home, 'own'), 'his')
  linkSync(secret, join(home, 'hard'))
  symlinkSync(secret, join(home, 'soft'))
  symlinkSync(closed, join(home, 'way'))
  await refused('denied', blobs.walk(closed, ['**'], bounds))
  await refused('denied', blobs.walk(join(closed, 'in'), ['**'], bounds))
  await refused('denied', blobs.walk(join(home, 'way'), ['**'], bounds))
  await refused('denied', blobs.take(home, 'hard', 100))
  await refused('badPath', blobs.take(home, 'soft', 100))
  await refused('badPath', blobs.take(home, 'way/in/file', 100))
  await refused('badPath', blobs.take(home, '../secret', 100))
  const draft = await blobs.take(home, 'own', 100)
  const blob = blobOf(draft.sizeBytes, draft.chunks)
  await blobs.keep(draft, blob)
  await refused('denied', blobs.place(blob, directory, 'new', false))
  await refused('denied', blobs.place(blob, directory, 'sub/new', false))
  await refused('denied', blobs.place(blob, closed, 'new', false))
  await refused('badPath', blobs.place(blob, home, 'way/new', false))
  await refused('badPath', blobs.place(blob, home, '../new', false))
  assert.deepEqual(readdirSync(closed), ['in'])
  assert.equal(existsSync(join(directory, 'new')), false)
  // In a directory for all, what is another's stays as it is.
  const shared = join(directory, 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o1777)
  writeFileSync(join(shared, 'of-root'), 'root’s')
  await refused('denied', blobs.place(blob, shared, 'of-root', false))
  assert.equal(await blobs.place(blob, shared, 'a/b/new', true), 'placed')
  for (const made of ['a', 'a/b', 'a/b/new']) {
    assert.equal(statSync(join(shared, made)).uid, user.uid, made)
  }
  assert.equal(readFileSync(join(shared, 'a/b/new'), 'utf8'), 'his')
  assert.equal(await blobs.place(blob, home, 'soft', false), 'placed')
  assert.equal(readFileSync(secret, 'utf8'), 'root’s alone')
})
