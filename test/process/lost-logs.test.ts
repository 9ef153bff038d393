/** A host that dies in the middle of a stage that writes: what it had shipped is read on the others. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { LogPart, type RunDetail } from '../../coordinator/api/run-schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { MeshFile } from '../../simulations/mesh/layout.ts'
import { lookIn } from './looking.ts'
import { looksBy, until } from './mesh-looks.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-lost-logs-'))
const file = join(home, 'w.yaml')
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
const { jsonOf } = looksBy({ SKEIN_HOME: home })
const meshFile = () => JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8')) as MeshFile
/** Nobody begins the agent anew while it is dead. */
const supervisor = (signal: NodeJS.Signals) => process.kill(meshFile().supervisorPid, signal)

before(async () => {
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: talks
stages:
  work:
    secrets: [TOKEN]
    run: |
      echo "attempt $SKEIN_ATTEMPT says $TOKEN"
      [ "$SKEIN_ATTEMPT" = 1 ] || exit 0
      i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i"; sleep 0.2; done
`,
  )
  const up = await skein('up', '--nodes', '4', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
  const token = join(home, 'token')
  writeFileSync(token, 'correct-horse-battery')
  // A young mesh has to make the key of its secrets first.
  const isSet = async () =>
    (await skein('secret', 'set', 'TOKEN', '--from-file', token)).code === exitCodes.done
  await until('the secret is set', isSet)
})

after(async () => {
  supervisor('SIGCONT')
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

const shown = () => jsonOf('runs', 'show', '@latest') as Promise<RunDetail | undefined>
/** What is told of the first attempt. */
async function told(): Promise<LogPart[]> {
  const asked = ['runs', 'logs', '@latest', 'work', '--attempt', '1', '--json']
  const { out } = await lookIn({ SKEIN_HOME: home }, ...asked)
  return out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => LogPart.parse(JSON.parse(line)))
}
const textOf = (parts: readonly LogPart[]) => parts.map(({ text = '' }) => text).join('')
const linesOf = (text: string) => text.split('\n').filter((line) => line.startsWith('line '))

test('of an attempt whose host has died what was shipped is shown, masked, and said to be that', async () => {
  // By an agent that is asked later, which is not to die: the others do the work.
  const asked = meshFile().nodes.find(({ apiAddress }) => apiAddress === meshFile().address)!.name
  const drained = await skein('nodes', 'drain', asked, '--yes')
  assert.equal(drained.code, exitCodes.done, drained.err)
  const begun = await skein('run', file, '--detach')
  assert.equal(begun.code, exitCodes.done, begun.err)
  await until('it writes', async () => linesOf(textOf(await told())).length >= 15)
  const seen = linesOf(textOf(await told())).length
  const host = (await shown())!.stages[0]!.nodeName!
  assert.notEqual(host, asked)
  supervisor('SIGSTOP')
  process.kill(meshFile().nodes.find(({ name }) => name === host)!.pid, 'SIGKILL')
  await until('another has done it', async () => (await shown())?.run.state === 'succeeded')
  const parts = await told()
  const note = parts.find(({ shippedUntilMs }) => shippedUntilMs !== undefined)
  assert.match(note?.note ?? '', /has died; this was shipped$/)
  assert.ok(Math.abs(note!.shippedUntilMs! - Date.now()) < 10 * 60_000)
  const text = textOf(parts)
  const lines = linesOf(text)
  assert.match(text, /^attempt 1 says \*+\n/)
  assert.ok(!text.includes('correct-horse'))
  // It had looked at least once more than a second before it died.
  assert.ok(lines.length >= seen - 15 && lines.length > 0, `${lines.length} of ${seen} lines`)
  assert.deepEqual(
    lines,
    lines.map((_, i) => `line ${i + 1}`),
  )
  const forPeople = await skein('runs', 'logs', '@latest', 'work', '--attempt', '1')
  assert.equal(forPeople.code, exitCodes.done)
  assert.match(forPeople.err, /work: \S+ has died; this was shipped until \d{4}-.*Z\n/)
  assert.equal(forPeople.out, text)
  const second = await skein('runs', 'logs', '@latest', 'work')
  assert.match(second.out, /^attempt 2 says/)
})
