/** Whether a run has begun whose answer never came: nobody can tell, but it can be said again safely. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { vote } from '../../coordinator/cli/approve.ts'
import { run } from '../../coordinator/cli/run.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { asked, cuts, fakeAgent, says, stage, telling } from './stage.ts'

const head = { id: 'r1', name: 'w', workflow: 'f', state: 'running', stopping: 'none', by: 'ada' }
const started = { schemaVersion: 1, run: { ...head, startedMs: 1, labels: {} }, began: true }

function workflowFile(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'skein-run-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const file = join(home, 'w.yaml')
  writeFileSync(
    file,
    "apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: 'true' }\n",
  )
  return file
}

const keyIn = (body: string) => (JSON.parse(body) as { key: string }).key

test('whoever hears nothing back is told how to begin it once and no more', async (t) => {
  const file = workflowFile(t)
  const bodies: string[] = []
  const { address } = await fakeAgent(t, [
    telling(bodies, (_, response) => cuts(response)),
    telling(bodies, says(JSON.stringify(started))),
  ])
  let fix = ''
  const { context } = stage(address)
  await assert.rejects(run(context, file, { wait: true, detach: true }), (error) => {
    assert.ok(error instanceof Problem)
    assert.equal(error.exitCode, exitCodes.noAnswer)
    fix = error.fix
    return true
  })
  const [, key = ''] = /--key (\S+) begins it if it has not/.exec(fix) ?? []
  assert.equal(keyIn(bodies[0]!), key)
  assert.equal(await run(context, file, { wait: true, detach: true, key }), exitCodes.done)
  assert.equal(keyIn(bodies[1]!), key)
})

test('two commands are two runs, and where nothing listens nothing has begun', async (t) => {
  const file = workflowFile(t)
  const { context, bodies } = await asked(t, started, started)
  for (let i = 0; i < 2; i++) await run(context, file, { wait: true, detach: true })
  assert.notEqual(keyIn(bodies[0]!), keyIn(bodies[1]!))
  const gone = await fakeAgent(t, [])
  await gone.die()
  await assert.rejects(
    run(stage(gone.address).context, file, { wait: true, detach: true }),
    (error) => {
      assert.ok(error instanceof Problem)
      assert.doesNotMatch(error.fix, /--key/)
      return true
    },
  )
})

test('a yes that is not the last says how many more it takes', async (t) => {
  const detail = (yes: number) => ({
    ...{ schemaVersion: 1, run: { ...head, startedMs: 1, labels: {} }, inputs: {}, planHash: 'p' },
    stale: false,
    stages: [
      {
        ...{ name: 'ok', section: 'stages', kind: 'approve', needs: [], attempt: 0 },
        ...(yes === 2 ? { state: 'succeeded' } : { state: 'waiting', waitsFor: 'approval' }),
        approval: {
          ...{ count: 2, approved: yes === 2, denied: false },
          votes: ['ann', 'bob'].slice(0, yes).map((by) => ({ by, approves: true, timeMs: 1 })),
        },
      },
    ],
  })
  const done = { schemaVersion: 1, done: true }
  const first = await asked(t, detail(0), done, detail(1))
  await vote(first.context, 'approve', 'r1', undefined, {})
  assert.equal(
    first.io.talk,
    'approved stage ok of run r1, by 1 of 2 so far: it waits for 1 more\n',
  )
  const second = await asked(t, detail(1), done, detail(2))
  await vote(second.context, 'approve', 'r1', undefined, {})
  assert.equal(second.io.talk, 'approved stage ok of run r1\n')
})
