/** Secrets as files on a real host: who can read them, where they lie, and what becomes of them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { memoryPlaces, openSecretFiles } from '../../agent/ports/secret-files.ts'
import { WorkspaceError } from '../../protocol/ports/workspace.ts'
import { placeInMemory, whyNotInMemory } from './in-memory.ts'
import { userOfStages, whyNoUser } from './stage-user.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const skip = whyNotInMemory ?? false
const skipUser = whyNotInMemory ?? whyNoUser ?? false
const secret = new Map([['KEY', new TextEncoder().encode('correct-horse-battery')]])

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777
}

/** What a program of that user reads there; undefined where it may not. */
function readAs(uid: number, gid: number, path: string): string | undefined {
  const { status, stdout } = spawnSync('cat', [path], { uid, gid, encoding: 'utf8' })
  return status === 0 ? stdout : undefined
}

test('only the user of stages enters the folder, and nobody writes the file', {
  skip: skipUser,
}, async (t) => {
  const user = await userOfStages()
  const place = placeInMemory(t)
  chmodSync(place, 0o755)
  const files = await openSecretFiles('me', [place], user)
  const path = await files.put('a1-1', secret, 'program')
  assert.deepEqual([modeOf(path), modeOf(join(path, 'KEY'))], [0o700, 0o400])
  assert.deepEqual([lstatSync(path).uid, lstatSync(join(path, 'KEY')).uid], [user.uid, user.uid])
  assert.equal(readAs(user.uid, user.gid, join(path, 'KEY')), 'correct-horse-battery')
  assert.equal(readAs(user.uid - 1, user.gid, join(path, 'KEY')), undefined)
  assert.deepEqual(spawnSync('ls', [dirname(path)], { uid: user.uid }).status, 2)
})

test('of a folder for a container, too, nobody else of the host sees anything', {
  skip: skipUser,
}, async (t) => {
  const user = await userOfStages()
  const place = placeInMemory(t)
  chmodSync(place, 0o755)
  const files = await openSecretFiles('me', [place], user)
  const shown = await files.put('a1-1', secret, 'container')
  // Whoever it is shown to may have any user there.
  assert.deepEqual([modeOf(shown), modeOf(join(shown, 'KEY'))], [0o755, 0o444])
  assert.equal(modeOf(dirname(shown)), 0o700)
  assert.equal(readAs(user.uid - 1, user.gid, join(shown, 'KEY')), undefined)
})

test('what a stage does in its folder is removed with it, and links lead to nothing else', {
  skip: skipUser,
}, async (t) => {
  const user = await userOfStages()
  const place = placeInMemory(t)
  const files = await openSecretFiles('me', [place], user)
  const kept = join(temporaryDirectory(t), 'kept')
  mkdirSync(kept)
  writeFileSync(join(kept, 'file'), 'not the stage’s')
  const path = await files.put('a1-1', secret, 'program')
  for (const each of ['sub', 'sub/deeper']) {
    mkdirSync(join(path, each))
    chownSync(join(path, each), user.uid, user.gid)
  }
  symlinkSync(kept, join(path, 'sub/link'))
  chmodSync(join(path, 'sub/deeper'), 0)
  await files.remove('a1-1')
  assert.ok(!existsSync(path))
  assert.deepEqual(readdirSync(kept), ['file'])
  assert.deepEqual(readdirSync(place), [], 'and nothing is left of where it lay')
})

test('the next life finds what a killed one has left, wherever it lay', { skip }, async (t) => {
  const [first, second] = [placeInMemory(t), placeInMemory(t)]
  const before = await openSecretFiles('me', [second])
  await before.put('a1-1', secret, 'program')
  const another = await openSecretFiles('another', [first])
  await another.put('a9-9', secret, 'program')
  const files = await openSecretFiles('me', [first, second])
  await files.put('a2-1', secret, 'program')
  assert.deepEqual(await files.folders(), ['a1-1', 'a2-1'])
  await files.remove('a1-1')
  assert.deepEqual(readdirSync(second), [])
  assert.deepEqual(await another.folders(), ['a9-9'], 'what is another agent’s is left alone')
})

test('a place that somebody else has taken is not used', { skip: skipUser }, async (t) => {
  const user = await userOfStages()
  const [taken, linked, free] = [placeInMemory(t), placeInMemory(t), placeInMemory(t)]
  mkdirSync(join(taken, 'skein-secrets-me'))
  chownSync(join(taken, 'skein-secrets-me'), user.uid, user.gid)
  symlinkSync(temporaryDirectory(t), join(linked, 'skein-secrets-me'))
  const files = await openSecretFiles('me', [taken, linked, free])
  const path = await files.put('a1-1', secret, 'program')
  assert.ok(path.startsWith(free), path)
  const none = await openSecretFiles('me', [taken, linked])
  assert.match(none.missing ?? '', /is somebody else's/)
})

test('where no place is in memory none are given, and why is said', async (t) => {
  const disk = temporaryDirectory(t)
  const files = await openSecretFiles('me', [join(disk, 'none'), '/proc'])
  assert.match(files.missing ?? '', /no place in memory.*ENOENT.*\/proc is on a disk/)
  await assert.rejects(files.put('a1-1', secret, 'program'), WorkspaceError)
  assert.deepEqual(await files.folders(), [])
  await files.remove('a1-1')
})

test('root looks first where only root writes, anybody else where only he does', () => {
  const places = memoryPlaces({ XDG_RUNTIME_DIR: '/run/user/7' })
  const own = process.getuid?.() === 0 ? '/run' : '/run/user/7'
  assert.deepEqual(places, [own, '/dev/shm'])
})
