/** A real mesh that has done work before: the next plan says what it takes, until it is made to forget. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Planned } from '../../coordinator/api/plan-schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-learning-'))
const file = join(home, 'w.yaml')
const items = 30
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)

before(async () => {
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: learnt
stages:
  nap: { forEach: { items: [${Array.from({ length: items }, (_, i) => i)}] }, run: [sleep, "0.2"] }
`,
  )
  const up = await skein('up', '--nodes', '3', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

async function planned(): Promise<Planned['stages'][number]['expected'] | undefined> {
  const { out, err } = await skein('workflow', 'plan', file, '--json')
  assert.ok(out !== '', err)
  return (JSON.parse(out) as Planned).stages[0]?.expected
}

test('after thirty attempts a plan tells of all of them, and of none when every host has forgotten', async () => {
  assert.deepEqual(await planned(), {})
  const ran = await skein('run', file, '--quiet')
  assert.equal(ran.code, exitCodes.done, ran.err)
  const { time, odds } = (await planned()) ?? {}
  assert.deepEqual([time?.source, time?.n, odds?.n], ['history', items, items])
  assert.ok((odds?.share ?? 0) > 0.98, String(odds?.share))
  // As long as it sleeps, and some for a host that is busy: never less.
  assert.ok(time && time.p10Ms >= 195 && time.p10Ms <= time.p50Ms, JSON.stringify(time))
  const listed = await skein('history', 'ls', 'n2')
  assert.match(listed.out, /^program\/sleep\/[0-9a-f]{10} +learnt +\d+ +100%/m)
  const refused = await skein('history', 'purge', 'n2')
  assert.equal(refused.code, exitCodes.refused)
  for (const node of ['n1', 'n2', 'n3']) {
    const { code, err } = await skein('history', 'purge', node, '--yes')
    // A host that had nothing to do has nothing to forget.
    assert.ok(code === exitCodes.done || code === exitCodes.notFound, err)
  }
  assert.deepEqual(await planned(), {})
})
