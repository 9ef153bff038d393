import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type CellHolding, nurseryLanguages, SystemCells } from '../../agent/ports/cells/cells.ts'
import { holdingOf } from '../../agent/ports/cells/privileges.ts'
import { openSandbox } from '../../agent/ports/cells/sandbox.ts'
import type { CellExit } from '../../protocol/ports/cells.ts'
import { StartError } from '../../protocol/ports/processes.ts'
import { realPassage } from '../contracts/passage.ts'
import { userOfStages, whyNoUser } from './stage-user.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const here = await openSandbox([], holdingOf(undefined).held)
const skip = here.missing ?? false

async function staged(t: TestContext, asUser: boolean) {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const [data, own, other] = ['data', 'data/work', 'other'].map((name) => join(directory, name))
  const user = asUser ? await userOfStages() : undefined
  for (const each of [data!, own!, other!]) {
    mkdirSync(each)
    if (user !== undefined) chownSync(each, user.uid, user.gid)
  }
  const key = join(data!, 'key')
  const swarm = join(directory, 'swarm.key')
  for (const each of [key, swarm]) writeFileSync(each, 'not for stages', { mode: 0o644 })
  const sandbox = await openSandbox([data!, swarm], holdingOf(user).held)
  const holding: CellHolding = { sandbox, ...(user && { user }) }
  const cells = new SystemCells(
    join(directory, 'cells'),
    basename(directory),
    nurseryLanguages,
    holding,
  )
  t.after(async () => {
    cells.sweep(new Set(), await cells.inhabited())
    await cells.close()
  })
  return { cells, data: data!, own: own!, other: other!, key, swarm, directory }
}

let names = 0

function start(
  { cells, own }: Awaited<ReturnType<typeof staged>>,
  text: string,
  { directory, readable = [] }: { directory?: string; readable?: string[] } = {},
) {
  let said = ''
  const sandbox = { own, readable, ...(directory === undefined ? {} : { directory }) }
  const spec = {
    name: `s${names++}`,
    argv: ['/bin/sh', '-c', text] as const,
    cwd: directory ?? own,
    env: { PATH: '/usr/bin:/bin' },
    limits: {},
    keepsExit: true,
    sandbox,
  }
  const cell = cells.start(spec, (_from, chunk) => {
    said += Buffer.from(chunk).toString()
  })
  return { cell, said: () => said }
}

for (const asUser of [false, true]) {
  const name = asUser ? 'as another user' : 'as the agent’s user'
  const why = asUser ? (whyNoUser ?? skip) : skip
  test(`in a sandbox, ${name}: nothing of the agent’s is seen, and nothing else is changed`, {
    skip: why,
  }, async (t) => {
    const stage = await staged(t, asUser)
    writeFileSync('/tmp/skein-sandbox-test', 'outside')
    t.after(() => rmSync('/tmp/skein-sandbox-test', { force: true }))
    const look = `cat ${stage.key} ${stage.swarm}; ls -A ${stage.data}; ls -A /tmp /run; echo "pids $(ls /proc | grep -c '^[0-9]')"
      echo made > made; echo no > ${stage.other}/no; echo no > /etc/skein-no; echo mine > /tmp/mine && cat /tmp/mine
      ls ${stage.directory}/cells 2>/dev/null | head -0; kill -9 ${process.pid}; true`
    const { cell, said } = start(stage, look)
    assert.deepEqual(await (await cell).exited(), { kind: 'exited', code: 0 } satisfies CellExit)
    ;(await cell).close()
    assert.doesNotMatch(said(), /not for stages|skein-sandbox-test/)
    assert.match(said(), /^work$/m, 'of the agent’s directory there is the stage’s own')
    assert.doesNotMatch(said(), /^key$/m)
    assert.match(said(), /^mine$/m)
    assert.ok(Number(/pids (\d+)/.exec(said())?.[1]) < 10, said())
    assert.equal(readFileSync(join(stage.own, 'made'), 'utf8'), 'made\n')
    for (const path of [join(stage.other, 'no'), '/etc/skein-no', '/tmp/mine']) {
      assert.equal(existsSync(path), false, path)
    }
  })
}

test('a directory that it names is its to write in, unless the agent’s would be seen by it', {
  skip,
}, async (t) => {
  const stage = await staged(t, false)
  const { cell, said } = start(stage, 'echo made > made; echo own > $OWN/x', {
    directory: stage.other,
  })
  await (await cell).exited()
  assert.equal(readFileSync(join(stage.other, 'made'), 'utf8'), 'made\n', said())
  for (const directory of ['/', stage.directory, stage.data, join(stage.data, 'work')]) {
    const refused = start(stage, 'true', { directory }).cell
    await assert.rejects(refused, (error) => {
      return error instanceof StartError && error.code === 'badDirectory'
    })
  }
})

test('a program in a sandbox is asked to end in peace, and what it leaves ends with it', {
  skip,
}, async (t) => {
  const stage = await staged(t, false)
  const text = 'trap "sleep 0.3; echo bye; exit 4" TERM; echo ready; while :; do sleep 0.02; done'
  const { cell, said } = start(stage, text)
  const asked = await cell
  await realPassage.until('it is ready', () => said().includes('ready'))
  asked.signal('SIGTERM')
  assert.deepEqual(await asked.exited(), { kind: 'exited', code: 4 })
  assert.match(said(), /bye/)
  // Without its mark and in a session of its own, it would be lost from sight outside.
  const hidden = start(
    stage,
    'env -i setsid sleep 100 >/dev/null 2>&1 & sleep 0.2; echo ready; sleep 100',
  )
  const killed = await hidden.cell
  await realPassage.until('it is ready', () => hidden.said().includes('ready'))
  const inside = Number(
    readFileSync(`/proc/${pidOf(killed.trace)}/task/${pidOf(killed.trace)}/children`, 'utf8'),
  )
  await stage.cells.killAll(new Set([killed.name]))
  await realPassage.until('all in there are gone', () => !existsSync(`/proc/${inside}/status`))
})

function pidOf(trace: string): number {
  return (JSON.parse(trace) as { pid: number }).pid
}

test('a host without bubblewrap, or that does not let it, says so and starts nothing', async (t) => {
  const sandbox = await openSandbox([], ['/bin/false'])
  assert.ok(sandbox.missing !== undefined)
  const directory = temporaryDirectory(t)
  const cells = new SystemCells(directory, basename(directory), nurseryLanguages, { sandbox })
  t.after(() => cells.close())
  const rule = cells.rules().find((each) => each.name === 'sandbox')
  assert.equal(rule?.missing, sandbox.missing)
  const spec = {
    name: 'x',
    argv: ['/bin/true'] as const,
    cwd: '/',
    env: {},
    limits: {},
    keepsExit: true,
  }
  await assert.rejects(
    cells.start({ ...spec, sandbox: { own: directory, readable: [] } }, () => {}),
  )
})
