/** Whether the agent's session goes before others, and when it does so no more. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { OwnSession, type SessionFiles } from '../../agent/ports/cells/own-session.ts'
import { cellLimits } from '../../agent/ports/limits.ts'

const PID = 4711

function filesIn(t: TestContext, session: number, autogroup: string): SessionFiles {
  const directory = mkdtempSync(join(tmpdir(), 'skein-session-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const files = { stat: join(directory, 'stat'), autogroup: join(directory, 'autogroup') }
  writeFileSync(files.stat, `${PID} (a name) 1 2) S 1 ${PID} ${session} 0 -1 4194560 9 0\n`)
  writeFileSync(files.autogroup, autogroup)
  return files
}

test('a session of its own goes before others until all who want that have had it, and then as before', (t) => {
  const files = filesIn(t, PID, '/autogroup-17 nice 3\n')
  const told = (): string => readFileSync(files.autogroup, 'latin1')
  const session = OwnSession.open(PID, files)
  assert.ok(session !== undefined)
  assert.equal(told(), '/autogroup-17 nice 3\n', 'nothing is changed before it is wanted')
  const [first, second] = [session.hurry(), session.hurry()]
  assert.equal(told(), String(cellLimits.hurriedPriority))
  first()
  first()
  assert.equal(told(), String(cellLimits.hurriedPriority), 'somebody else still wants it')
  second()
  assert.equal(told(), '3')
})

test('one that goes before others anyhow loses nothing by it', (t) => {
  const files = filesIn(t, PID, '/autogroup-17 nice -15\n')
  OwnSession.open(PID, files)?.hurry()
  assert.equal(readFileSync(files.autogroup, 'latin1'), '-15')
})

test('the session of a shell is left alone, and so is a host that knows of no such thing', (t) => {
  assert.equal(OwnSession.open(PID, filesIn(t, 4242, '/autogroup-17 nice 0\n')), undefined)
  assert.equal(OwnSession.open(PID, filesIn(t, PID, 'nothing of the kind')), undefined)
  const files = filesIn(t, PID, '/autogroup-17 nice 0\n')
  assert.equal(OwnSession.open(PID, { ...files, autogroup: `${files.autogroup}.not` }), undefined)
  assert.equal(OwnSession.open(PID, { ...files, stat: `${files.stat}.not` }), undefined)
})

test('it is so of real sessions, where the system weighs them and lets us', (t) => {
  const module = fileURLToPath(new URL('../../agent/ports/cells/own-session.ts', import.meta.url))
  const script = `
    import { readFileSync } from 'node:fs'
    const { OwnSession } = await import(${JSON.stringify(module)})
    const nice = () => Number(/ nice (-?\\d+)/.exec(readFileSync('/proc/self/autogroup', 'latin1'))?.[1])
    const before = nice()
    const over = OwnSession.open(process.pid)?.hurry()
    const during = nice()
    over?.()
    console.log(JSON.stringify({ isOwn: over !== undefined, before, during, after: nice() }))`
  const args = ['--input-type=module', '-e', script]
  const own = spawnSync('setsid', ['-w', process.execPath, ...args], { encoding: 'utf8' })
  if (own.status !== 0)
    return t.skip(`no sessions that are weighed here: ${own.stderr.slice(-200)}`)
  const { isOwn, before, during, after } = JSON.parse(own.stdout) as Record<
    string,
    number | boolean
  >
  if (before === null) return t.skip('no sessions that are weighed here')
  const shared = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.deepEqual(
    { isOwn, after, isLet: during === cellLimits.hurriedPriority || process.getuid?.() !== 0 },
    { isOwn: true, after: before, isLet: true },
  )
  const other = JSON.parse(shared.stdout) as Record<string, number | boolean | null>
  assert.deepEqual([other.isOwn, other.during, other.after], [false, other.before, other.before])
})
